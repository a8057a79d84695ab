// LIMIT_SHAPE: each @limit limits something that its place has.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { endpointRoute } from "../build-callable.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, numberOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { removeArgument, removeNode } from "../schema-edits.ts";

interface Holder {
  readonly where: string;
  readonly isRecordAction: boolean;
  readonly hasBody: boolean;
}

export function limitShape(context: CompileContext): Diagnostic[] {
  return [
    ...context.types.flatMap((type) => usesOf(type, "limit").flatMap((use) => checkUse(use, { where: type.name, isRecordAction: false, hasBody: true }, context))),
    ...context.fields.flatMap((field) => usesOf(field, "limit").flatMap((use) => checkUse(use, holderOf(field), context))),
  ];
}

function holderOf(field: DeclaredField): Holder {
  const method = field.owner.kind === "endpoints" ? endpointRoute(field)?.method : undefined;
  return {
    where: describeField(field),
    isRecordAction: field.kind === "action" && useOf(field, "action")?.values?.["on"] !== "TABLE",
    hasBody: field.owner.kind !== "jobs" && method !== "GET" && method !== "DELETE",
  };
}

function checkUse(use: DirectiveUse, holder: Holder, context: CompileContext): Diagnostic[] {
  if (use.values === null) return [];
  const found: Diagnostic[] = [];
  const [rate, body, concurrency, per] = ["rate", "body", "concurrency", "per"].map((name) => argumentNode(use, name));
  const why = "A limit without an object would be ignored.";
  if (rate === undefined && body === undefined && concurrency === undefined) {
    found.push(diagnose(context, { code: "LIMIT_SHAPE", at: use.node, message: `@limit on ${holder.where} limits nothing.`, why, fix: "Give rate, body or concurrency.", edits: [removeNode(context.source, use.node)] }));
  }
  if (per !== undefined && use.values["per"] === "RECORD" && !holder.isRecordAction) {
    found.push(diagnose(context, { code: "LIMIT_SHAPE", at: per, message: `${holder.where} is no action of a record, so nothing is counted per RECORD.`, why, fix: "Use SUBJECT or IP.", edits: [removeArgument(context.source, use.node, per)] }));
  }
  if (body !== undefined && !holder.hasBody) {
    found.push(diagnose(context, { code: "LIMIT_SHAPE", at: body, message: `${holder.where} reads no body.`, why, fix: "Remove body.", edits: [removeArgument(context.source, use.node, body)] }));
  }
  if (concurrency !== undefined && (numberOf(use, "concurrency") ?? 1) < 1) {
    found.push(diagnose(context, { code: "LIMIT_SHAPE", at: concurrency, message: "concurrency is below 1.", why: "Nothing could ever run.", fix: "Use 1 or more." }));
  }
  return found;
}
