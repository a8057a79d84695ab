// Mutations that ask a decision, or begin a negotiation with one, for those that are exported over GraphQL: how it ended, with its answer in the states
// that have one. A decision that refuses is an answer here, not an error.
import { GraphQLList, GraphQLNonNull, GraphQLObjectType } from "graphql/type/definition";
import { GraphQLID, GraphQLString } from "graphql/type/scalars";
import { decided } from "../../resources/decide-operation.ts";
import type { RawInput } from "../../tables/write.ts";
import type { InputField } from "../../schema/catalog.ts";
import { noLimits } from "../../schema/coerce-value.ts";
import type { Decision } from "../../schema/decision.ts";
import { objectShape } from "./answer-shape.ts";
import { callArguments } from "./input-types.ts";
import { negotiate, negotiationType } from "./negotiation-fields.ts";
import { valueType } from "./output-types.ts";
import { valueOf, type Root, type RootFields } from "./root-field.ts";
import type { SchemaContext } from "./schema-context.ts";
import { TYPE_NAME } from "./selected-fields.ts";

export function decisionFields(context: SchemaContext): RootFields {
  const fields: RootFields = {};
  for (const decision of context.catalog.decisions.values()) {
    const { callable, fallback, negotiates } = decision;
    if (callable.exportOver?.includes("GRAPHQL") !== true || context.rights.mayCall(callable) === false) continue;
    const inputs = fallback?.kind === "own" ? new Map([...callable.arguments, ["own", ownInput(decision)]]) : callable.arguments;
    if (negotiates !== null) {
      fields[context.names.decision(callable.name)] = {
        type: negotiationType(context), description: callable.description, args: callArguments(inputs, context),
        resolve: (given, root) => negotiate({ do: "start", decision: callable.name, input: given as RawInput }, root),
      };
      continue;
    }
    fields[context.names.decision(callable.name)] = {
      type: decidedType(decision, context), description: callable.description, args: callArguments(inputs, context),
      resolve: (given, root) => root.dispatch({ kind: "decide", name: callable.name, input: given as RawInput }, (result) => shown(decision, decided(result.decision!, result.status, valueOf(result)), root)),
    };
  }
  return fields;
}

/** The caller's own answer. */
function ownInput({ callable: { position, result } }: Decision): InputField {
  return { name: "own", description: "What you would answer yourself.", position, type: { ...result, required: true }, defaultValue: undefined, limits: noLimits };
}

function decidedType({ callable }: Decision, context: SchemaContext): GraphQLObjectType {
  const name = context.names.decided(callable.name);
  return context.type(name, () => new GraphQLObjectType({
    name, description: `How ${callable.name} ended.`,
    fields: () => ({
      state: { type: new GraphQLNonNull(GraphQLString) },
      value: { type: valueType({ ...callable.result, required: false }, context), description: "In the states DECIDED, DECIDED_BY_HUMAN and FELL_BACK." },
      run: { type: new GraphQLNonNull(GraphQLID), description: "Of /runs." },
      source: { type: GraphQLString, description: "model, rule, fallback or human." },
      reason: { type: GraphQLString, description: "Why it fell back." },
      taint: { type: GraphQLString, description: "UNTRUSTED: it read text that nobody answers for." },
      tells: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(GraphQLString))), description: "What the bounds tell that were not kept." },
    }),
  }));
}

function shown({ callable }: Decision, how: { readonly [name: string]: unknown }, root: Root): unknown {
  const { result } = callable;
  return Object.fromEntries(root.selected().map((one) => {
    if (one.name === TYPE_NAME) return [one.key, root.type.name];
    const value = how[one.name] ?? null;
    return [one.key, one.name === "value" && result.kind === "object" ? objectShape(one, root.shapes).ofAny(value) : value];
  }));
}
