// A counter-offer, from the body of a request: terms by the types of what is offered, each of which may be left out, and words. Nobody answers for the words,
// nor for text among the terms. Throws VALIDATION_FAILED.
import { fault } from "../../base/error.ts";
import { coerceFields, coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { InputField } from "../../schema/catalog.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { invalid } from "../../tables/input-issue.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Json, RecordValues } from "../../base/value.ts";
import { untrustedIn } from "../context/taint.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import type { Counter } from "./rounds.ts";

const MESSAGE_LENGTH_MAX = 2_000;

export function readCounter({ terms, message }: { readonly terms: unknown; readonly message: unknown }, { declaration: { callable: { result } }, catalog }: CompiledDecision, { limits }: DispatchCore): Counter {
  if (message !== undefined && message !== null && (typeof message !== "string" || message.length > MESSAGE_LENGTH_MAX)) throw fault("VALIDATION_FAILED", `message is a text of at most ${MESSAGE_LENGTH_MAX} characters.`, { where: "message" });
  const words = typeof message === "string" && message !== "" ? message : null;
  const issues: Issue[] = [];
  const fields = catalog.objects.get(result.name)?.fields;
  if (result.kind !== "object" || result.list || fields === undefined) {
    const value = terms === undefined ? null : coerceValue(terms, { type: { ...result, required: true }, limits: noLimits }, { catalog, dialect: "wire", path: "terms", limits }, issues);
    if (value === undefined) throw invalid(issues);
    return { terms: value === null ? null : toWireValue(value, result, catalog), message: words, isUntrusted: words !== null || (result.kind === "scalar" && result.name === "String" && value !== null) };
  }
  if (terms !== undefined && (typeof terms !== "object" || terms === null || Array.isArray(terms))) throw fault("VALIDATION_FAILED", "terms is an object.", { where: "terms" });
  const wanted = new Map([...fields].map(([name, field]): [string, InputField] => [name, { ...field, type: { ...field.type, required: false }, defaultValue: undefined }]));
  const values = coerceFields((terms ?? {}) as RawInput, wanted, { catalog, dialect: "wire", path: "terms", limits }, issues);
  if (values === undefined) throw invalid(issues);
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));
  return {
    terms: Object.fromEntries(Object.entries(given).map(([name, value]) => [name, toWireValue(value, wanted.get(name)!.type, catalog)])) as Json, message: words,
    isUntrusted: words !== null || untrustedIn(given as RecordValues, wanted, { catalog, all: true }),
  };
}
