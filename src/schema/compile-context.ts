// What every rule and builder reads: the source, the declarations, and the enums and nested types as far as literals need them.
// Read-only. Also the one way to make a diagnostic of a place in the source.
import type { DocumentNode } from "graphql";
import { didYouMean, type Diagnostic, type TextEdit } from "../base/diagnostic.ts";
import type { ErrorCode } from "../base/error-registry.ts";
import type { ArgumentContext } from "./argument-problems.ts";
import type { Catalog } from "./catalog.ts";
import type { DeclaredField, DeclaredType } from "./declarations.ts";
import { replaceNode } from "./schema-edits.ts";
import { positionAt, startOf, type Located, type SourceText } from "./source-text.ts";

export interface CompileContext extends ArgumentContext {
  readonly document: DocumentNode;
  /** All types in order, those with a name already taken too. */
  readonly types: readonly DeclaredType[];
  readonly byName: ReadonlyMap<string, DeclaredType>;
  readonly tables: readonly DeclaredType[];
  /** All fields of all types, and all their arguments. */
  readonly fields: readonly DeclaredField[];
  /** Names of definitions that could not be parsed. */
  readonly broken: ReadonlySet<string>;
  /** Enums, nested objects and inputs only: what a literal is coerced against. */
  readonly literals: Catalog;
}

export type Rule = (context: CompileContext) => Diagnostic[];

export interface Finding {
  readonly code: ErrorCode;
  readonly at: Located;
  readonly message: string;
  readonly why: string;
  readonly fix: string;
  readonly edits?: readonly TextEdit[];
  readonly severity?: Diagnostic["severity"];
}

export function diagnose(context: { readonly source: SourceText }, finding: Finding): Diagnostic {
  const { code, at, message, why, fix, edits = [], severity = "error" } = finding;
  return { code, severity, position: positionAt(context.source, startOf(at)), message, why, fix, edits };
}

/** `Product.price`, `Endpoints.quote(sku)`. */
export function describeField(field: DeclaredField): string {
  return field.callable === null ? `${field.owner.name}.${field.name}` : `${field.owner.name}.${field.callable.name}(${field.name})`;
}

/** UNKNOWN_NAME for a name in quotes, with the nearest candidate as its edit. `label`: the name as the message says it. */
export function unknownName(context: CompileContext, unknown: { readonly at: Located; readonly name: string; readonly label: string; readonly candidates: Iterable<string>; readonly place: string }): Diagnostic {
  const candidates = [...unknown.candidates];
  const near = didYouMean(unknown.name, candidates);
  return diagnose(context, {
    code: "UNKNOWN_NAME",
    at: unknown.at,
    message: `${unknown.place} names ${unknown.label}, which does not exist.`,
    why: "A name that means nothing would silently do nothing.",
    fix: near !== null ? `Did you mean ${near}?` : candidates.length === 0 ? "Declare it first." : `Use one of: ${candidates.slice(0, 20).join(", ")}.`,
    edits: near === null ? [] : [replaceNode(context.source, unknown.at, JSON.stringify(near))],
  });
}
