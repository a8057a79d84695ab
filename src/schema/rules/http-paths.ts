// HTTP_PATH: @http and @webhook stand in Endpoints; a path's names are required scalar arguments; no two routes meet.
import type { Diagnostic, TextEdit } from "../../base/diagnostic.ts";
import { didYouMean } from "../../base/diagnostic.ts";
import { endpointRoute } from "../build-callable.ts";
import { exportNameOf } from "../build-table.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, textOf, useOf, type DeclaredField } from "../declarations.ts";
import { removeNode, replaceNode } from "../schema-edits.ts";
import type { Located } from "../source-text.ts";

export function httpPaths(context: CompileContext): Diagnostic[] {
  return [...context.fields.flatMap((field) => misplaced(field, context)), ...checkEndpoints(context)];
}

function misplaced(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const [http, webhook] = [useOf(field, "http"), useOf(field, "webhook")];
  if (field.owner.kind !== "endpoints" || field.kind !== "callable") {
    return [http, webhook].filter((use) => use !== undefined).map((use) => diagnose(context, { code: "HTTP_PATH", at: use.node, message: `@${use.name} stands on ${describeField(field)}, which is no endpoint.`, why: "Only fields of Endpoints have a method and a path of their own.", fix: "Remove it.", edits: [removeNode(context.source, use.node)] }));
  }
  if (webhook === undefined) return [];
  const method = http?.values?.["method"];
  const message = http === undefined ? "has @webhook but no @http." : method === "GET" ? "has @webhook and the method GET." : null;
  return message === null ? [] : [diagnose(context, { code: "HTTP_PATH", at: webhook.node, message: `${describeField(field)} ${message}`, why: "A webhook is a signed body that is sent to a path.", fix: "Use @http with POST." })];
}

function checkEndpoints(context: CompileContext): Diagnostic[] {
  const seen = new Map<string, DeclaredField>();
  const tables = new Map(context.types.filter((type) => type.kind === "table" || type.kind === "channel").map((type) => [exportNameOf(type), `${type.kind} ${type.name}`]));
  return context.types.filter((type) => type.kind === "endpoints").flatMap((type) => type.fields).flatMap((field) => {
    const found = checkPath(field, context);
    const route = endpointRoute(field);
    if (found.length > 0 || route === null) return found;
    const shape = `${route.method} /${route.path.map((segment) => (segment.startsWith("{") ? "{}" : segment)).join("/")}`;
    const other = seen.get(shape);
    if (other !== undefined) found.push(pathProblem(field, { message: `${describeField(field)} and ${describeField(other)} are both ${shape}.`, fix: "Give one another method or path." }, context));
    else seen.set(shape, field);
    const table = tables.get(route.path[0] ?? "");
    if (table !== undefined) found.push(pathProblem(field, { message: `The path of ${describeField(field)} lies under the ${table}.`, fix: "Choose another first segment, or make it an @action." }, context));
    return found;
  });
}

const SEGMENT = /^(?:[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\})$/;

function checkPath(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const path = textOf(useOf(field, "http"), "path");
  if (path === undefined) return [];
  if (!path.startsWith("/")) return [pathProblem(field, { message: `The path ${path} does not begin with a slash.`, fix: `Write /${path}.`, replace: `/${path}` }, context)];
  const segments = path.slice(1).split("/");
  const odd = segments.find((segment) => !SEGMENT.test(segment) || segment === "." || segment === "..");
  if (odd !== undefined) return [pathProblem(field, { message: `The path ${path} has the segment "${odd}".`, fix: "Segments are letters, digits, . _ ~ - or one {argument}; none is empty." }, context)];
  if (segments[0]?.startsWith("{") === true) return [pathProblem(field, { message: `The path ${path} begins with an argument.`, fix: "Begin with a text of its own; else it would take every path." }, context)];
  const names = segments.filter((segment) => segment.startsWith("{")).map((segment) => segment.slice(1, -1));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return [pathProblem(field, { message: `The path ${path} names ${twice} twice.`, fix: "Name each argument once." }, context)];
  return names.flatMap((name) => checkArgument(field, { name, path }, context));
}

function checkArgument(field: DeclaredField, part: { name: string; path: string }, context: CompileContext): Diagnostic[] {
  const { name, path } = part;
  const argument = field.arguments.find((candidate) => candidate.name === name);
  if (argument === undefined) {
    const near = didYouMean(name, field.arguments.map((candidate) => candidate.name));
    return [pathProblem(field, { message: `The path ${path} names ${name}, which is no argument of ${describeField(field)}.`, fix: near === null ? "Declare the argument." : `Did you mean {${near}}?`, ...(near === null ? {} : { replace: path.replace(`{${name}}`, `{${near}}`) }) }, context)];
  }
  const { type } = argument;
  if (type === null || (type.required && !type.list && (type.kind === "enum" || (type.kind === "scalar" && !["JSON", "Vector", "Bytes", "Blob"].includes(type.name))))) return [];
  const isNullable = !type.required && !type.list && (type.kind === "enum" || type.kind === "scalar");
  const edits = isNullable ? [replaceNode(context.source, argument.node.type, `${type.name}!`)] : [];
  return [pathProblem(field, { message: `${describeField(argument)} stands in the path, but is not a required scalar.`, fix: "Make it a required scalar or enum.", edits }, context)];
}

function pathProblem(field: DeclaredField, problem: { message: string; fix: string; replace?: string; edits?: readonly TextEdit[] }, context: CompileContext): Diagnostic {
  const use = useOf(field, "http");
  const value = use === undefined ? undefined : argumentNode(use, "path")?.value;
  const at: Located = value ?? use?.node ?? field.node.name;
  const edits = problem.edits ?? (problem.replace === undefined || value === undefined ? [] : [replaceNode(context.source, value, JSON.stringify(problem.replace))]);
  return diagnose(context, { code: "HTTP_PATH", at, message: problem.message, why: "A request must lead to exactly one endpoint.", fix: problem.fix, edits });
}
