// A query that introspects: __schema and __type come as kept text, the fields beside them as always. graphql-js would introspect what it executes,
// which is not what is declared.
import { print } from "graphql/language/printer";
import type { CallerSchema } from "./build-schema.ts";
import type { ErrorContext } from "./graphql-errors.ts";
import type { GraphqlAnswer } from "./graphql-operating.ts";
import type { Caller } from "./graphql-parts.ts";
import { introspectionText } from "./introspection-text.ts";
import { Root } from "./root-field.ts";
import { fieldAnswers, type RootUse } from "./root-uses.ts";
import { TYPE_NAME } from "./selected-fields.ts";

export function answerIntrospection(uses: readonly RootUse[], { caller, schemas }: { readonly caller: Caller; readonly schemas: CallerSchema }, context: ErrorContext): Promise<GraphqlAnswer> {
  const answers = uses.map(async ({ selected, info }): Promise<unknown> => {
    if (selected.name === TYPE_NAME) return selected.type.name;
    if (!selected.name.startsWith("__")) return schemas.queries[selected.name]!.resolve(selected.arguments, new Root(caller, info));
    const text = caller.parts.introspections.get(nameOf({ selected, info }, caller), () => introspectionText(selected, info, schemas.schema));
    caller.spend(text.text.length);
    return text;
  });
  return fieldAnswers(uses, answers, context);
}

/** What the answer depends on. */
function nameOf({ selected, info }: RootUse, { rights }: Caller): string {
  return JSON.stringify([rights.roleKey, selected.nodes.map(print), Object.values(info.fragments).map(print), info.variableValues]);
}
