// Actions and endpoints of the Catalog.
import { textOf, textsOf, useOf, type DeclaredField } from "./declarations.ts";
import type { Callable, Cel, InputField, Webhook } from "./catalog.ts";
import { usageOf } from "./build-usage.ts";
import { buildInputField, unknownType } from "./build-objects.ts";
import { allowRules, celOf } from "./build-rules.ts";
import type { CompileContext } from "./compile-context.ts";
import { positionAt, startOf } from "./source-text.ts";

/** An @action of a table. `exportName`: the table's, null when it is not exported. */
export function buildAction(field: DeclaredField, names: { exportName: string | null; primaryKey: string }, context: CompileContext): Callable {
  const use = useOf(field, "action");
  const on = use?.values?.["on"] === "TABLE" ? "TABLE" : "RECORD";
  const { exportName, primaryKey } = names;
  const path = on === "TABLE" ? [exportName ?? "", field.name] : [exportName ?? "", `{${primaryKey}}`, field.name];
  return {
    ...commonParts(field, context),
    kind: "action",
    table: field.owner.name,
    on,
    transaction: use?.values?.["transaction"] === "NONE" ? "NONE" : "SERIALIZABLE",
    http: exportName === null ? null : { method: "POST", path },
  };
}

export function buildEndpoint(field: DeclaredField, context: CompileContext): Callable {
  const http = endpointRoute(field);
  const transaction = useOf(field, "http")?.values?.["transaction"];
  const isSafe = http?.method === "GET";
  return {
    ...commonParts(field, context),
    kind: "endpoint",
    table: null,
    on: "TABLE",
    transaction: transaction === "NONE" || transaction === "SERIALIZABLE" ? transaction : isSafe ? "NONE" : "SERIALIZABLE",
    http,
    ...exportedOver(field),
    ...webhookOf(field, context),
  };
}

function webhookOf(field: DeclaredField, { source }: CompileContext): Pick<Callable, "webhook"> {
  const use = useOf(field, "webhook");
  if (use === undefined || use.values === null) return {};
  const cel = (name: string): Cel | null => celOf(use, name, source);
  return { webhook: { scheme: use.values["scheme"] as Webhook["scheme"], secret: textOf(use, "secret") ?? "", dedupe: cel("dedupe"), sequence: cel("sequence"), per: cel("per") } };
}

function exportedOver(field: DeclaredField): Pick<Callable, "exportOver"> {
  const over = textsOf(useOf(field, "export"), "over");
  return over === undefined ? {} : { exportOver: over };
}

/** @http, or @export alone: then POST on its name. Null: reached by code only. */
export function endpointRoute(field: DeclaredField): NonNullable<Callable["http"]> | null {
  const [http, exported] = [useOf(field, "http"), useOf(field, "export")];
  if (http !== undefined && http.values !== null) {
    const path = textOf(http, "path") ?? `/${field.name}`;
    return { method: http.values["method"] as NonNullable<Callable["http"]>["method"], path: path.replace(/^\//, "").split("/") };
  }
  if (exported === undefined || exported.values === null) return null;
  const over = exported.values["over"];
  return Array.isArray(over) && over.includes("REST") ? { method: "POST", path: [textOf(exported, "name") ?? field.name] } : null;
}

/** What all callables have. */
export function commonParts(field: DeclaredField, context: CompileContext): Pick<Callable, "name" | "description" | "position" | "arguments" | "result" | "allow" | "page" | "usage"> {
  const inputs = new Map<string, InputField>();
  for (const argument of field.arguments) if (!inputs.has(argument.name)) inputs.set(argument.name, buildInputField(argument, context));
  return {
    name: field.name,
    description: field.node.description?.value ?? null,
    position: positionAt(context.source, startOf(field.node.name)),
    arguments: inputs,
    result: field.type ?? unknownType,
    allow: allowRules(field, context.source),
    page: useOf(field, "page") !== undefined,
    ...usageOf(field),
  };
}

