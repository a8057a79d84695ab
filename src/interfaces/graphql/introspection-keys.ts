// Which root fields of an operation introspect: those are answered from the schema that is declared, all others by what is executed.
import type { DocumentNode, OperationDefinitionNode, SelectionSetNode } from "graphql";
import { Kind } from "graphql/language/kinds";

/** Their response keys. `document` is valid. */
export function introspectionKeys(document: DocumentNode, operation: OperationDefinitionNode): ReadonlySet<string> {
  const keys = new Set<string>();
  const visited = new Set<string>();
  const visit = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) visit(selection.selectionSet);
      else if (selection.kind === Kind.FIELD) {
        if (selection.name.value === "__schema" || selection.name.value === "__type") keys.add((selection.alias ?? selection.name).value);
      } else if (!visited.has(selection.name.value)) {
        visited.add(selection.name.value);
        for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value) visit(definition.selectionSet);
      }
    }
  };
  visit(operation.selectionSet);
  return keys;
}
