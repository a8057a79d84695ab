// The tool `remember`: facts that a model would keep, read strictly by the types of their predicates. They are staged; what the run leaves behind is
// written with its end (keep-memory.ts), under the label that the run has by then.
import type { Json, RecordValues } from "../../base/value.ts";
import type { Catalog, InputField } from "../../schema/catalog.ts";
import { noLimits } from "../../schema/coerce-value.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { ModelTool } from "../../models/model.ts";
import { untrustedIn } from "../context/taint.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { REMEMBER } from "../policy/tool-names.ts";
import type { Schemas } from "../reason/prompt.ts";
import { readFields, type ArgumentReader } from "../reason/read-arguments.ts";
import { shownTyped } from "../policy/shown-value.ts";
import type { Recalled } from "./recall.ts";

/** A fact that is not written yet. */
export interface StagedFact {
  /** `TABLE:id`. */
  readonly about: string;
  readonly predicate: string;
  /** As over the wire; null: it is known no more. */
  readonly value: Json;
  /** What it is found by: all text in it but what is secret. Absent: nothing. */
  readonly text?: string;
  /** Null: from when it is written on. */
  readonly validFromMs: number | null;
  readonly validToMs: number | null;
  /** Whoever says it: nobody answers for such text. */
  readonly isUntrusted: boolean;
}

/** None where nothing may be remembered. */
export function rememberTool({ memories, catalog }: Pick<CompiledDecision, "memories" | "catalog">, schemas: Schemas): ModelTool[] {
  const writable = new Map([...new Set(memories.flatMap(({ declaration: { writes } }) => writes))].flatMap((name) => {
    const value = catalog.facts.get(name)?.arguments.get("value");
    return value === undefined ? [] : [[name, { ...value, name, type: { ...value.type, required: true } }] as const];
  }));
  if (writable.size === 0) return [];
  const { properties, $defs } = schemas.ofFields(writable) as { readonly properties: { readonly [name: string]: Json }; readonly $defs?: Json };
  const said = [...writable].map(([name, { description }]) => (description === null ? name : `${name} (${description})`)).join(", ");
  return [{
    name: REMEMBER, description: `Keeps one fact for later decisions: ${said}. It is kept with the decision, or not at all.`,
    parameters: {
      type: "object", additionalProperties: false, required: ["predicate", "value"],
      properties: {
        predicate: { type: "string", enum: [...writable.keys()] },
        value: writable.size === 1 ? Object.values(properties)[0]! : { anyOf: [...new Map(Object.values(properties).map((schema) => [JSON.stringify(schema), schema])).values()] },
        about: { type: "string", description: "As memory names it, where it is about several records." },
        validFrom: { type: "string", format: "date-time" },
        validTo: { type: "string", format: "date-time", description: "Of what will pass." },
      },
      ...($defs === undefined ? {} : { $defs }),
    },
  }];
}

export type Remembered = { readonly fact: StagedFact } | { readonly refused: "MALFORMED_ARGUMENTS" | "NOT_PERMITTED" | "TOO_LARGE" };

export interface Remembering {
  readonly decision: CompiledDecision;
  readonly recalled: readonly Recalled[];
  readonly reader: ArgumentReader;
  readonly bytesMax: number;
}

/** What the model means by it. */
export function readRemembered(text: string, { decision, recalled, reader, bytesMax }: Remembering): Remembered {
  const predicate = predicateIn(text, reader);
  const fact = decision.catalog.facts.get(predicate ?? "");
  const value = fact?.arguments.get("value");
  if (predicate === null || value === undefined) return { refused: "MALFORMED_ARGUMENTS" };
  const args = readFields(text, new Map([["predicate", plain("predicate", "String", true)], ["value", { ...value, type: { ...value.type, required: true } }], ["about", plain("about", "String", false)], ["validFrom", plain("validFrom", "DateTime", false)], ["validTo", plain("validTo", "DateTime", false)]]), reader);
  if (args === undefined) return { refused: "MALFORMED_ARGUMENTS" };
  const abouts = decision.memories.flatMap(({ declaration: { writes } }, index) => (writes.includes(predicate) ? [recalled[index]?.about ?? null] : []));
  const about = args["about"] === null ? only(abouts) : abouts.find((one) => one === args["about"]) ?? null;
  if (about === null) return { refused: "NOT_PERMITTED" };
  const [validFromMs, validToMs] = [momentOf(args, "validFrom"), momentOf(args, "validTo")];
  if (validToMs !== null && validFromMs !== null && validToMs <= validFromMs) return { refused: "MALFORMED_ARGUMENTS" };
  const wire = toWireValue(args["value"], value.type, decision.catalog);
  if (Buffer.byteLength(JSON.stringify(wire)) > bytesMax) return { refused: "TOO_LARGE" };
  return { fact: { about, predicate, value: wire, text: textIn(shownTyped(wire, value.type, decision.catalog)), validFromMs, validToMs, isUntrusted: isNobodys(wire, value, decision.catalog) } };
}

/** Null: it is not said which is meant. */
function only(abouts: readonly (string | null)[]): string | null {
  return new Set(abouts).size === 1 ? abouts[0]! : null;
}

function predicateIn(text: string, { parse }: ArgumentReader): string | null {
  try {
    const read = parse(text);
    const found = typeof read === "object" && read !== null ? (read as { readonly predicate?: unknown }).predicate : null;
    return typeof found === "string" ? found : null;
  } catch {
    return null;
  }
}

function momentOf(args: RecordValues, name: string): number | null {
  const value = args[name] ?? null;
  return typeof value === "string" ? Date.parse(value) : null;
}

function plain(name: string, scalar: string, required: boolean): InputField {
  return { name, description: null, position: { file: "", line: 1, column: 1 }, type: { kind: "scalar", name: scalar, list: false, required, itemRequired: false }, defaultValue: undefined, limits: noLimits };
}

/** Text for which nobody answers, the fact itself or a member of it. */
export function isNobodys(value: Json, field: InputField, catalog: Catalog): boolean {
  return field.limits.untrusted || untrustedIn({ value }, new Map([["value", field]]), { catalog });
}

/** Of facts, all text in them: what full text finds them by. */
export function textIn(value: Json): string {
  if (typeof value === "string") return value;
  return typeof value === "object" && value !== null ? Object.values(value).map(textIn).filter((text) => text !== "").join("\n") : "";
}
