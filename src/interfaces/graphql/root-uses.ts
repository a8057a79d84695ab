// The root fields of an operation with their arguments, for those operations that graphql-js does not execute: followed fields, mutations
// that are one transaction, and queries that introspect.
import type { DocumentNode, FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode } from "graphql";
import { GraphQLError } from "graphql/error/GraphQLError";
import { getVariableValues } from "graphql/execution/values";
import { Kind } from "graphql/language/kinds";
import { assert } from "../../base/assert.ts";
import { errorObject, type ErrorContext } from "./graphql-errors.ts";
import type { GraphqlAnswer } from "./graphql-operating.ts";
import type { RootInfo } from "./root-field.ts";
import { selectedFields, type DocumentPart, type Selected } from "./selected-fields.ts";

export interface RootUse { readonly selected: Selected; readonly info: RootInfo }

const ERRORS_MAX = 10;

/** In order of the document, which is valid. Throws GraphQLError for arguments that variables make wrong. */
export function rootUses({ document, operation, variables, schema }: { readonly document: DocumentNode; readonly operation: OperationDefinitionNode; readonly variables: Readonly<Record<string, unknown>>; readonly schema: GraphQLSchema }): { readonly uses: readonly RootUse[]; readonly errors: readonly GraphQLError[] } {
  const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: ERRORS_MAX });
  if (coerced === undefined) return { uses: [], errors: errors ?? [] };
  const parentType = schema.getRootType(operation.operation);
  assert(parentType !== undefined && parentType !== null, "a valid operation has a root type");
  const part: DocumentPart = { variableValues: coerced, fragments: fragmentsOf(document) };
  const uses = selectedFields([operation], parentType, part).map((selected): RootUse => ({
    selected, info: { ...part, fieldNodes: selected.nodes, fieldName: selected.name, parentType, path: { prev: undefined, key: selected.key, typename: parentType.name } },
  }));
  return { uses, errors: [] };
}

/** What each field comes to; one that fails is null. */
export async function fieldAnswers(uses: readonly RootUse[], answers: readonly Promise<unknown>[], context: ErrorContext): Promise<GraphqlAnswer> {
  // One that fails while another is waited for is nobody's surprise.
  for (const answer of answers) answer.catch(() => {});
  const data = Object.create(null) as Record<string, unknown>;
  const errors: ReturnType<typeof errorObject>[] = [];
  for (const [index, use] of uses.entries()) {
    try {
      data[use.selected.key] = await answers[index];
    } catch (error) {
      data[use.selected.key] = null;
      errors.push(errorObject(located(error, use), context));
    }
  }
  return { ...(errors.length === 0 ? {} : { errors }), data };
}

export function located(error: unknown, { selected }: RootUse): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { nodes: selected.nodes, path: [selected.key], originalError: error instanceof GraphQLError ? null : originalError });
}

function fragmentsOf(document: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments = Object.create(null) as Record<string, FragmentDefinitionNode>;
  for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  return fragments;
}
