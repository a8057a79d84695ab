// Catalog to the file that types `ambit/client` for one app: what is exported, as it is on the wires. Text only; writes no file.
import type { Callable, Catalog, Channel, EnumType, Field, InputField, ObjectType, Table, TypeRef } from "../schema/catalog.ts";
import { FILE_TYPE, isFile, isFileArgument } from "../schema/file-type.ts";
import { inputsOf } from "../schema/page-arguments.ts";

const IMPORTED = ["AppFacts", "Condition", "Json", "JsonCondition", "ListCondition", "Logic", "Page"];

/** Same catalog, same text. `module`: where the client is imported from. */
export function clientDeclaration(catalog: Catalog, module = "ambit/client"): string {
  const tables = [...catalog.tables.values()].filter((table) => table.exportName !== null);
  const endpoints = [...catalog.endpoints.values()].filter(isReachable);
  const channels = [...catalog.channels.values()].filter((channel) => channel.exportName !== null);
  const parts = [
    `// Written from schema.graphql by ambit types --client. Do not edit.`,
    // No type of a schema has a dollar in its name.
    `import type { ${IMPORTED.map((name) => `${name} as $${name}`).join(", ")} } from ${JSON.stringify(module)};`,
    ...[...catalog.enums.values()].map(enumText),
    ...(catalog.objects.has(FILE_TYPE) ? FILE_TEXT : []),
    ...[...catalog.objects.values()].filter(({ name }) => name !== FILE_TYPE).flatMap((object) => objectText(object, catalog)),
    ...tables.flatMap((table) => tableText(table, catalog)),
    ...channels.flatMap((channel) => channelText(channel, catalog)),
    appText({ tables, endpoints, channels }, catalog),
    factsText(tables, endpoints, catalog),
  ];
  return `${parts.join("\n")}\n`;
}

/** Over what clients of this kind speak: JSON, so no files. */
function isReachable(callable: Callable): boolean {
  return callable.http !== null && ![...callable.arguments.values()].some(isFileArgument);
}

const FILE_TEXT = [
  "/** What a field of type Blob holds. */\nexport interface $File { readonly url: string; readonly size: number; readonly type: string; readonly name: string | null; readonly hash: string }",
  "/** An uploaded file, by its url. */\nexport type $FileInput = $File | { readonly url: string } | string;",
];

const SCALARS: Readonly<Record<string, string>> = {
  ID: "string", String: "string", Int: "number", Float: "number", Money: "number", Long: "string", Boolean: "boolean",
  DateTime: "string", Date: "string", Duration: "string", Decimal: "string", JSON: "$Json", Bytes: "string", Vector: "readonly number[]",
};
/** What may be handed in beside the type itself. */
const ACCEPTED: Readonly<Record<string, string>> = {
  ID: "string | number", Long: "bigint | number | string", DateTime: "string | Date", Date: "string | Date", Decimal: "string | number", Bytes: "string | Uint8Array",
};

type Side = "read" | "write";

function typeText(type: TypeRef, side: Side, catalog: Catalog): string {
  let item = baseText(type, side, catalog);
  if (type.list) {
    if (!type.itemRequired) item = `${item} | null`;
    item = `readonly ${/[ |]/.test(item) ? `(${item})` : item}[]`;
  }
  return type.required ? item : `${item} | null`;
}

function baseText(type: TypeRef, side: Side, catalog: Catalog): string {
  if (isFile(type)) return side === "write" ? "$FileInput" : "$File";
  switch (type.kind) {
    case "scalar": return (side === "write" ? ACCEPTED[type.name] : undefined) ?? SCALARS[type.name] ?? "unknown";
    case "enum": case "input": return type.name;
    case "object": return side === "write" ? `${type.name}$Input` : type.name;
    // Of a table that is not exported nothing is told.
    case "table": return isExported(type.name, catalog) ? type.name : "{ readonly [field: string]: unknown }";
  }
}

function documentation(text: string | null): string {
  return text === null ? "" : `/** ${text.trim().replaceAll("*/", "*\\/").replace(/\s+/g, " ")} */\n`;
}

function enumText({ name, description, values }: EnumType): string {
  return `${documentation(description)}export type ${name} = ${values.map((value) => JSON.stringify(value)).join(" | ")};`;
}

function objectText(object: ObjectType, catalog: Catalog): string[] {
  const fields = [...object.fields.values()];
  const write = `{ ${fields.map((field) => argumentText(field, catalog)).join(" ")} }`;
  if (object.kind === "input") return [`${documentation(object.description)}export interface ${object.name} ${write}`];
  const read = fields.map((field) => `readonly ${field.name}: ${typeText(field.type, "read", catalog)};`).join(" ");
  return [`${documentation(object.description)}export interface ${object.name} { ${read} }`, `export interface ${object.name}$Input ${write}`];
}

function argumentText(field: InputField, catalog: Catalog): string {
  const isOptional = !field.type.required || field.defaultValue !== undefined;
  return `readonly ${field.name}${isOptional ? "?" : ""}: ${typeText(field.type, "write", catalog)};`;
}

/** Fields that stand on a wire for somebody. */
function shownFields(table: Table, catalog: Catalog): Field[] {
  return [...table.fields.values()].filter((field) => !field.internal && (field.relation === null || isExported(field.relation.table, catalog)));
}

function isExported(table: string, { tables }: Catalog): boolean {
  return (tables.get(table)?.exportName ?? null) !== null;
}

function isFilled(field: Field): boolean {
  return field.fill !== null && field.fill.kind !== "default-value" && field.fill.kind !== "default-rule";
}

function tableText(table: Table, catalog: Catalog): string[] {
  const fields = shownFields(table, catalog);
  const index = table.open ? " readonly [field: string]: unknown;" : "";
  const relations = fields.filter((field) => field.kind === "relation");
  // Who may not read a field with rules of its own gets a record without it.
  const own = fields.filter((field) => field.kind !== "relation").map((field) => `readonly ${field.name}${field.allow.length > 0 ? "?" : ""}: ${typeText(field.type, "read", catalog)};`);
  const embeds = relations.map((field) => `readonly ${field.name}?: ${field.type.list ? `readonly ${field.type.name}[]` : `${field.type.name} | null`};`);
  const marker = relations.length === 0 ? "" : ` readonly $relations?: { ${relations.map((field) => `readonly ${field.name}: true;`).join(" ")} };`;
  const settable = fields.filter((field) => field.kind === "stored" && !field.readOnly && !isFilled(field));
  const tenant = fields.filter((field) => field.fill?.kind === "tenant");
  const input = [...settable, ...tenant].map((field) => `readonly ${field.name}${!field.type.required || field.fill !== null || field.name === table.primaryKey ? "?" : ""}: ${typeText(field.type, "write", catalog)};`);
  const patch = settable.filter((field) => field.name !== table.primaryKey && !field.fixed).map((field) => `readonly ${field.name}?: ${typeText(field.type, "write", catalog)};`);
  return [
    `${documentation(table.description)}export interface ${table.name} { ${[...own, ...embeds].join(" ")}${marker}${index} }`,
    `export interface ${table.name}$Input { ${input.join(" ")}${index} }`,
    `export interface ${table.name}$Patch { ${patch.join(" ")}${index} }`,
    `export interface ${table.name}$Where extends $Logic<${table.name}$Where> { ${fields.map((field) => whereText(field, catalog)).join(" ")}${index} }`,
  ];
}

function whereText(field: Field, catalog: Catalog): string {
  if (field.kind === "relation") return `readonly ${field.name}?: ${field.type.name}$Where | null;`;
  const accepted = baseText(field.type, "write", catalog);
  if (field.type.list) return `readonly ${field.name}?: $ListCondition<${accepted}> | null;`;
  if (field.type.kind === "object" || field.type.name === "JSON") return `readonly ${field.name}?: $JsonCondition | null;`;
  return `readonly ${field.name}?: $Condition<${accepted}>;`;
}

function callableText(callable: Callable, catalog: Catalog): string {
  const given = [...inputsOf(callable).values()].map((input) => argumentText(input, catalog));
  const result = typeText(callable.result, "read", catalog);
  const shown = callable.page && callable.kind === "endpoint" ? `$Page<${baseText(callable.result, "read", catalog)}>` : result;
  return `readonly ${callable.name}: { readonly arguments: { ${given.join(" ")} }; readonly result: ${shown} };`;
}

function channelText(channel: Channel, catalog: Catalog): string[] {
  const fields = [...channel.fields.values()].filter((field) => !field.internal);
  const message = fields.map((field) => `readonly ${field.name}${field.allow.length > 0 ? "?" : ""}: ${typeText(field.type, "read", catalog)};`);
  const input = fields.filter((field) => !field.readOnly && !isFilled(field)).map((field) => `readonly ${field.name}${!field.type.required || field.fill !== null ? "?" : ""}: ${typeText(field.type, "write", catalog)};`);
  return [`${documentation(channel.description)}export interface ${channel.name} { ${message.join(" ")} }`, `export interface ${channel.name}$Input { ${input.join(" ")} }`];
}

interface Exported { readonly tables: readonly Table[]; readonly endpoints: readonly Callable[]; readonly channels: readonly Channel[] }

function appText({ tables, endpoints, channels }: Exported, catalog: Catalog): string {
  const rows = tables.map((table) => {
    const actions = [...table.actions.values()].filter(isReachable);
    const ofKind = (kind: Callable["on"]): string => actions.filter(({ on }) => on === kind).map((action) => callableText(action, catalog)).join(" ");
    const id = baseText(table.fields.get(table.primaryKey)!.type, "write", catalog);
    return `    readonly ${JSON.stringify(table.exportName)}: { readonly record: ${table.name}; readonly input: ${table.name}$Input; readonly patch: ${table.name}$Patch; readonly where: ${table.name}$Where; readonly id: ${id}; `
      + `readonly actions: { ${ofKind("RECORD")} }; readonly calls: { ${ofKind("TABLE")} } };`;
  });
  const calls = endpoints.map((endpoint) => `    ${callableText(endpoint, catalog)}`);
  const topics = channels.map(({ name, exportName, key, fields }) => `    readonly ${JSON.stringify(exportName)}: { readonly message: ${name}; readonly input: ${name}$Input; readonly key: ${baseText(fields.get(key)!.type, "write", catalog)}; readonly keyField: ${JSON.stringify(key)} };`);
  const name = appName(catalog);
  return `export type ${name} = {\n  readonly tables: {\n${rows.join("\n")}\n  };\n  readonly endpoints: {\n${calls.join("\n")}\n  };\n  readonly channels: {\n${topics.join("\n")}\n  };\n};`;
}

function appName({ tables, objects, enums, channels }: Catalog): string {
  return [tables, objects, enums, channels].some((names) => names.has("App")) ? "$App" : "App";
}

/** What a client must know when it runs: keys, relations, how values are put in order, which calls read only. */
function factsText(tables: readonly Table[], endpoints: readonly Callable[], catalog: Catalog): string {
  const rows = tables.map((table) => {
    const fields = shownFields(table, catalog);
    const relations = Object.fromEntries(fields.flatMap((field) => (field.relation === null ? [] : [[field.name, catalog.tables.get(field.relation.table)!.exportName]])));
    const order = Object.fromEntries(fields.flatMap((field) => { const kind = orderOf(field); return kind === null ? [] : [[field.name, kind]]; }));
    return [table.exportName!, { key: table.primaryKey, ...(Object.keys(relations).length === 0 ? {} : { relations }), ...(Object.keys(order).length === 0 ? {} : { order }) }];
  });
  const calls = endpoints.flatMap((endpoint) => {
    const facts = { ...(endpoint.http!.method === "GET" ? { safe: true } : {}), ...(endpoint.page ? { page: true } : {}) };
    return Object.keys(facts).length === 0 ? [] : [[endpoint.name, facts]];
  });
  const facts = { tables: Object.fromEntries(rows) as object, ...(calls.length === 0 ? {} : { endpoints: Object.fromEntries(calls) as object }) };
  return `\nexport const app: $AppFacts<${appName(catalog)}> = ${JSON.stringify(facts, null, 2)};`;
}

function orderOf({ type, relation }: Field): "number" | "server" | null {
  if (relation !== null) return null;
  if (type.list || type.kind === "object") return "server";
  switch (type.name) {
    case "Long": case "Decimal": return "number";
    case "Duration": case "JSON": case "Bytes": case "Vector": return "server";
    default: return null;
  }
}
