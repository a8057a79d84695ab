// Catalog to `.ambit/types.d.ts`: declares module `ambit` with the app's own types. Text only; writes no file.
import { appTables } from "../schema/account-tables.ts";
import type { Callable, Catalog, Channel, EnumType, Field, InputField, ObjectType, Table, TypeRef } from "../schema/catalog.ts";
import { FILE_TYPE, isFile } from "../schema/file-type.ts";
import { ambitModuleTypes } from "./ambit-module-types.ts";
import { ambitTestTypes } from "./ambit-test-types.ts";

/** Of a setting under `values`. */
export type ValueType = "string" | "number" | "boolean";

/** The whole text of `.ambit/types.d.ts`. Same catalog, same text. */
export function typesDeclaration(catalog: Catalog, configuration: { values: Readonly<Record<string, ValueType>>; secrets: readonly string[] }): string {
  const app = [
    ...[...catalog.enums.values()].map(enumType),
    ...[...catalog.objects.values()].filter(({ name }) => name !== FILE_TYPE).map((object) => objectType(object, catalog)),
    ...appTables(catalog).flatMap((table) => tableTypes(table, catalog)),
    ...[...catalog.channels.values()].map((channel) => channelTypes(channel)),
    tableMap(catalog),
    channelMap(catalog),
    callableMaps(catalog),
    decisionMaps(catalog),
  ].join("\n").split("\n").map((line) => `  ${line}`).join("\n");
  const parts = [
    `/** The types of schema.graphql. */\nexport namespace App {\n${app}\n}`,
    `export interface Values { ${Object.entries(configuration.values).map(([name, type]) => `readonly ${JSON.stringify(name)}: ${type};`).join(" ")} }`,
    `export interface Secrets { ${configuration.secrets.map((name) => `readonly ${JSON.stringify(name)}: string;`).join(" ")} }`,
    ambitModuleTypes,
  ];
  const body = parts.join("\n").split("\n").map((line) => (line === "" ? "" : `  ${line}`)).join("\n");
  return `// Written from schema.graphql on each save. Do not edit.\ndeclare module "ambit" {\n${body}\n}\n${ambitTestTypes}\n`;
}

const SCALARS: Readonly<Record<string, string>> = {
  ID: "string", String: "string", Int: "number", Float: "number", Money: "number", Long: "bigint", Boolean: "boolean",
  DateTime: "string", Date: "string", Duration: "string", Decimal: "string", JSON: "$Json", Bytes: "string", Blob: "Blob", Vector: "readonly number[]",
};
/** What code may hand in beside the type itself. */
const ACCEPTED: Readonly<Record<string, string>> = {
  ID: "string | number", Long: "bigint | number | string", DateTime: "string | Date", Date: "string | Date", Decimal: "string | number", Bytes: "string | Uint8Array", Vector: "readonly number[]",
};

type Side = "read" | "write";

function typeText(type: TypeRef, side: Side): string {
  let item = baseText(type, side);
  if (type.list) {
    if (!type.itemRequired) item = `${item} | null`;
    item = item.includes("|") ? `readonly (${item})[]` : `readonly ${item}[]`.replace("readonly readonly", "readonly");
  }
  return type.required ? item : `${item} | null`;
}

function baseText(type: TypeRef, side: Side): string {
  if (type.kind === "scalar") return (side === "write" ? ACCEPTED[type.name] : undefined) ?? SCALARS[type.name] ?? "unknown";
  if (isFile(type)) return side === "write" ? "$FileInput" : "StoredFile";
  if (type.kind === "object" && side === "write") return `${type.name}Input`;
  return type.name;
}

function documentation(text: string | null): string {
  return text === null ? "" : `/** ${text.trim().replaceAll("*/", "*\\/").replace(/\s+/g, " ")} */\n`;
}

function enumType(type: EnumType): string {
  return `${documentation(type.description)}export type ${type.name} = ${type.values.map((value) => JSON.stringify(value)).join(" | ")};`;
}

function inputLine(field: InputField): string {
  const optional = !field.type.required || field.defaultValue !== undefined ? "?" : "";
  const maybe = optional === "?" && field.type.required ? " | null" : "";
  return `${field.name}${optional}: ${typeText(field.type, "write")}${maybe};`;
}

function objectType(object: ObjectType, catalog: Catalog): string {
  const fields = [...object.fields.values()];
  const write = `{ ${fields.map(inputLine).join(" ")} }`;
  if (object.kind === "input") {
    return `${documentation(object.description)}export interface ${object.name} { ${fields.map(argumentLine).join(" ")} }`;
  }
  const suffix = catalog.objects.has(`${object.name}Input`) ? "" : `\nexport interface ${object.name}Input ${write}`;
  const read = fields.map((field) => `${field.name}${field.type.required ? "" : "?"}: ${typeText(field.type, "read")};`).join(" ");
  return `${documentation(object.description)}export interface ${object.name} { ${read} }${suffix}`;
}

/** As a body receives it: validated, defaults filled in. */
function argumentLine(field: InputField): string {
  const given = field.type.required || (field.defaultValue !== undefined && field.defaultValue !== null);
  return `readonly ${field.name}${given ? "" : "?"}: ${typeText(field.type, "read")}${given || field.type.required ? "" : " | undefined"};`;
}

function isFilled(field: Field): boolean {
  return field.fill !== null && field.fill.kind !== "default-value" && field.fill.kind !== "default-rule";
}

function tableTypes(table: Table, catalog: Catalog): string[] {
  const fields = [...table.fields.values()];
  const index = table.open ? " [field: string]: any;" : "";
  const read = fields.map((field) => field.kind === "relation"
    ? `readonly ${field.name}?: ${relationText(field)};`
    : `readonly ${field.name}: ${typeText(field.type, "read")};`).join(" ");
  const writable = fields.filter((field) => field.kind === "stored" && !isFilled(field));
  // An administrator who names no tenant says whose the new record is.
  const tenant = fields.filter((field) => field.fill?.kind === "tenant");
  const input = [...writable, ...tenant].map((field) => {
    const optional = !field.type.required || field.fill !== null || field.name === table.primaryKey ? "?" : "";
    return `${field.name}${optional}: ${typeText(field.type, "write")};`;
  }).join(" ");
  const patch = writable.filter((field) => field.name !== table.primaryKey).map((field) => `${field.name}?: ${typeText(field.type, "write")};`).join(" ");
  return [
    `${documentation(table.description)}export interface ${table.name} { ${read}${index} }`,
    `export interface ${table.name}$Input { ${input}${index} }`,
    `export interface ${table.name}$Patch { ${patch}${index} }`,
    `export interface ${table.name}$Where extends $Logic<${table.name}$Where> { ${whereLines(fields, catalog)} }`,
  ];
}

function relationText(field: Field): string {
  return field.type.list ? `readonly ${field.type.name}[]` : `${field.type.name} | null`;
}

function whereLines(fields: readonly Field[], catalog: Catalog): string {
  return fields.map((field) => {
    if (field.kind === "relation") return `${field.name}?: ${field.type.name}$Where | null;`;
    if (field.type.list) return `${field.name}?: $ListCondition<${baseText(field.type, "write")}> | null;`;
    if (field.type.kind === "object" || field.type.name === "JSON") return `${field.name}?: $JsonCondition | null;`;
    const accepted = baseText(field.type, "write");
    return `${field.name}?: $Condition<${catalog.enums.has(field.type.name) ? field.type.name : accepted}>;`;
  }).join(" ");
}

function tableMap(catalog: Catalog): string {
  const lines = appTables(catalog).map((table) => {
    const key = table.fields.get(table.primaryKey)!.type;
    const id = baseText(key, "write");
    return `${table.name}: { record: ${table.name}; input: ${table.name}$Input; patch: ${table.name}$Patch; where: ${table.name}$Where; id: ${id}; key: ${baseText(key, "read")} };`;
  });
  const sourced = [...catalog.tables.values()].filter(({ source }) => source !== undefined).map(({ name }) => JSON.stringify(name));
  return `export interface $Tables {\n  ${lines.join("\n  ")}\n}\nexport type $SourceName = ${sourced.join(" | ") || "never"};`;
}

/** What is told, and what is published: the runtime fills the rest. */
function channelTypes(channel: Channel): string {
  const input = [...channel.fields.values()].filter((field) => !isFilled(field)).map((field) => {
    const optional = !field.type.required || field.fill !== null ? "?" : "";
    return `${field.name}${optional}: ${typeText(field.type, "write")};`;
  }).join(" ");
  const told = [...channel.fields.values()].map((field) => `readonly ${field.name}: ${typeText(field.type, "read")};`).join(" ");
  return `${documentation(channel.description)}export interface ${channel.name} { ${told} }\nexport interface ${channel.name}$Message { ${input} }`;
}

function channelMap(catalog: Catalog): string {
  const lines = [...catalog.channels.values()].map(({ name, key }) => `${name}: { told: ${name}; message: ${name}$Message; keyed: Omit<${name}$Message, ${JSON.stringify(key)}> & Partial<Pick<${name}$Message, ${JSON.stringify(key)}>> };`);
  return `export interface $Channels {\n  ${lines.join("\n  ")}\n}`;
}

function argumentsText(callable: Callable): string {
  const page = callable.page ? " readonly limit?: number | undefined; readonly after?: string | undefined;" : "";
  return `{ ${[...callable.arguments.values()].map(argumentLine).join(" ")}${page} }`;
}

function resultText(callable: Callable): string {
  const { result } = callable;
  const text = result.kind === "table" || result.kind === "object" ? typeText({ ...result, kind: "object" }, "read") : typeText(result, "write");
  if (callable.page) return `${text} | { readonly rows: ${text}; readonly next: string | null }`;
  return result.required ? text : `${text} | undefined | void`;
}

function callableMaps(catalog: Catalog): string {
  const actions = [...catalog.tables.values()].flatMap((table) => [...table.actions.values()]);
  const all = [
    ...actions.map((action) => [`${action.table}.${action.name}`, action] as const),
    ...[...catalog.endpoints.values()].map((endpoint) => [endpoint.name, endpoint] as const),
    ...[...catalog.jobs.values()].map((job) => [`Jobs.${job.name}`, job] as const),
    ...[...catalog.tools.values()].map((tool) => [`Tools.${tool.name}`, tool] as const),
  ];
  const callables = all.map(([name, callable]) => `${JSON.stringify(name)}: { arguments: ${argumentsText(callable)}; result: ${resultText(callable)} };`);
  return `export interface $Callables {\n  ${callables.join("\n  ")}\n}\n`
    + `export type $EndpointName = ${[...catalog.endpoints.keys()].map((name) => JSON.stringify(name)).join(" | ") || "never"};\n`
    + `export interface $JobInputs {\n  ${[...catalog.jobs.values()].map((job) => `${job.name}: { ${[...job.arguments.values()].map(inputLine).join(" ")} };`).join("\n  ")}\n}`;
}

function decisionMaps(catalog: Catalog): string {
  const all = [...catalog.decisions.values()].map((decision) => ({ decision, output: resultText(decision.callable), inputs: [...decision.callable.arguments.values()] }));
  const asked = all.map(({ decision: { callable, fallback }, output, inputs }) => {
    const own = fallback?.kind === "own" ? ` own: ${output};` : "";
    return `${callable.name}: { input: { ${inputs.map(inputLine).join(" ")}${own} }; output: ${output} };`;
  });
  const named = Map.groupBy(all.filter(({ decision }) => decision.fallback?.kind === "call"), ({ decision: { fallback } }) => (fallback?.kind === "call" ? fallback.name : ""));
  const fallbacks = [...named].map(([name, users]) => {
    const inputs = new Set(users.map(({ decision }) => argumentsText(decision.callable)));
    return `${name}: { input: ${[...inputs].join(" | ")}; output: ${[...new Set(users.map(({ output }) => `(${output})`))].join(" & ")} };`;
  });
  return `export interface $Decisions {\n  ${asked.join("\n  ")}\n}\n`
    + `export interface $Fallbacks {\n  ${fallbacks.join("\n  ")}\n}\n`
    + `export interface $Facts {\n  ${[...catalog.facts.values()].map(({ name, arguments: given }) => inputLine({ ...given.get("value")!, name })).join("\n  ")}\n}\n`
    + `export type $ToolName = ${[...catalog.tools.keys()].map((name) => JSON.stringify(name)).join(" | ") || "never"};`;
}
