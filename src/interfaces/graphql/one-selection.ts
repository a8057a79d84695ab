// What is selected of records in several places of an event comes by one statement, so that a response key means the same in all of them.
import type { FieldNode, SelectionSetNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { validate } from "graphql/validation/validate";
import { OverlappingFieldsCanBeMergedRule } from "graphql/validation/rules/OverlappingFieldsCanBeMergedRule";
import { fault } from "../../base/error.ts";
import type { Root } from "./root-field.ts";

/** `place`: fields of the event that lead to a selection of records. Throws INVALID_DOCUMENT. */
export function requireOneSelection(nodes: readonly FieldNode[], place: (selectionSet: SelectionSetNode) => readonly FieldNode[], { caller, info }: Root): void {
  if (nodes.length < 2) return;
  const selectionSet: SelectionSetNode = { kind: Kind.SELECTION_SET, selections: nodes.flatMap((node) => node.selectionSet?.selections ?? []) };
  const field: FieldNode = { ...info.fieldNodes[0]!, selectionSet: { kind: Kind.SELECTION_SET, selections: place(selectionSet) } };
  const document = {
    kind: Kind.DOCUMENT as const,
    definitions: [{ kind: Kind.OPERATION_DEFINITION as const, operation: "subscription" as never, selectionSet: { kind: Kind.SELECTION_SET as const, selections: [field] } }, ...Object.values(info.fragments)],
  };
  const [problem] = validate(caller.schema, document, [OverlappingFieldsCanBeMergedRule], { maxErrors: 1 });
  if (problem !== undefined) throw fault("INVALID_DOCUMENT", `rows and record are read together: ${problem.message}`, { fix: "Select the same of both, or give one of them another name." });
}
