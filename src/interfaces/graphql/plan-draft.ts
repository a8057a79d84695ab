// A plan while it is read from a selection: what tells it from other plans, and the values that it can do without. Two requests that
// differ in those values alone have one signature, so that plan and statement are made once.
import type { Value } from "../../base/value.ts";
import { typeOfField } from "../../expression/field-type.ts";
import { codeOperand } from "../../query/code-operand.ts";
import { isOpenType, openValuesRoot } from "../../query/open-operand.ts";
import type { Operand } from "../../query/query-syntax.ts";
import type { Catalog, TypeRef } from "../../schema/catalog.ts";

interface OpenLiteral { readonly raw: unknown; readonly type: TypeRef; readonly where: string }

export class PlanDraft {
  readonly #catalog: Catalog;
  readonly #closed: boolean;
  readonly #open: OpenLiteral[] = [];
  #signature = "";

  /** `closed`: no value is left out. */
  constructor(catalog: Catalog, closed: boolean) {
    this.#catalog = catalog;
    this.#closed = closed;
  }

  get signature(): string {
    return this.#signature;
  }

  /** Part of what the plan is. */
  note(...parts: readonly unknown[]): void {
    this.#signature += `${JSON.stringify(parts, (_, item: unknown) => (typeof item === "bigint" ? { bigint: String(item) } : item))}\n`;
  }

  /** A value that belongs to the plan. */
  fixed(raw: unknown, where: string): Operand {
    this.note(raw);
    return codeOperand(raw, where);
  }

  /** What one field of its type is compared with: outside of the plan if possible. */
  compared(raw: unknown, type: TypeRef, where: string): Operand {
    if (this.#closed || !isOpenType(type) || !["string", "number", "bigint", "boolean"].includes(typeof raw)) return this.fixed(raw, where);
    const index = this.#open.push({ raw, type, where }) - 1;
    this.note();
    return { ...codeOperand(raw, where), open: (own) => ({ op: "variable", type: typeOfField(own, this.#catalog), root: openValuesRoot, path: [String(index)] }) };
  }

  /** Undefined where the plan has all of them. Throws BAD_FILTER_VALUE. */
  values(): readonly Value[] | undefined {
    return this.#open.length === 0 ? undefined : this.#open.map(({ raw, type, where }) => codeOperand(raw, where).value(type, this.#catalog));
  }
}
