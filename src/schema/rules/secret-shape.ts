// SECRET_SHAPE: @secret(where) says which rows, so it stands on a type, and there it must; on a field there are no rows to choose.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf } from "../declarations.ts";
import { removeArgument } from "../schema-edits.ts";

export function secretShape(context: CompileContext): Diagnostic[] {
  return [
    ...context.types.flatMap((type) => {
      const use = useOf(type, "secret");
      if (use === undefined || (type.kind !== "table" && use.values === null)) return [];
      if (type.kind === "table" && (argumentNode(use, "where") !== undefined || use.values === null)) return [];
      return [diagnose(context, { code: "SECRET_SHAPE", at: use.node, message: `@secret on ${type.name} does not say which rows${type.kind === "table" ? "" : ", and only tables have rows"}.`, why: "It keeps rows out of model requests.", fix: type.kind === "table" ? 'Add where; "true" means all rows.' : "Put it on fields." })];
    }),
    ...context.fields.flatMap((field) => {
      const use = useOf(field, "secret");
      const where = use === undefined ? undefined : argumentNode(use, "where");
      if (use === undefined || where === undefined) return [];
      return [diagnose(context, { code: "SECRET_SHAPE", at: where, message: `@secret of ${describeField(field)} has \`where\`.`, why: "A field is secret in every row.", fix: "Remove where, or put the directive on the type.", edits: [removeArgument(context.source, use.node, where)] })];
    }),
  ];
}
