// The root fields of an operation with their arguments, for those operations that graphql-js does not execute: followed fields, and
// mutations that are one transaction.
import type { DocumentNode, FragmentDefinitionNode, GraphQLError, GraphQLSchema, OperationDefinitionNode } from "graphql";
import { getVariableValues } from "graphql/execution/values";
import { Kind } from "graphql/language/kinds";
import { assert } from "../../base/assert.ts";
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

function fragmentsOf(document: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments = Object.create(null) as Record<string, FragmentDefinitionNode>;
  for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  return fragments;
}
