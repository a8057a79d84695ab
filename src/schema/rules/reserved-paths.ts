// RESERVED_PATH: nothing is exported under a first path segment that the runtime answers itself.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { endpointRoute } from "../build-callable.ts";
import { exportNameOf } from "../build-table.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf, type DirectiveHolder } from "../declarations.ts";
import { reservedSegments } from "../reserved-segments.ts";
import type { Located } from "../source-text.ts";

export function reservedPaths(context: CompileContext): Diagnostic[] {
  const refuse = (what: string, segment: string, at: Located): Diagnostic[] => (reservedSegments.has(segment) ? [diagnose(context, {
    code: "RESERVED_PATH", at, message: `${what} lies under /${segment}, which is reserved.`, why: "The runtime answers there itself.", fix: "Choose another name or path.",
  })] : []);
  return [
    ...context.types.filter((type) => type.kind === "table" || type.kind === "channel").flatMap((type) => refuse(type.name, exportNameOf(type) ?? "", placeOf(type, "export", "name"))),
    ...context.types.filter((type) => type.kind === "endpoints").flatMap((type) => type.fields).flatMap((field) => refuse(describeField(field), endpointRoute(field)?.path[0] ?? "", useOf(field, "http") === undefined ? placeOf(field, "export", "name") : placeOf(field, "http", "path"))),
  ];
}

function placeOf(holder: DirectiveHolder, directive: string, argument: string): Located {
  const use = useOf(holder, directive);
  return (use === undefined ? undefined : argumentNode(use, argument)?.value) ?? holder.node.name;
}
