// What a selection set asks of one object: its fields by response key, with their arguments, fragments and @skip/@include resolved.
// All types here are objects, so a fragment that validation let pass applies.
import type { FieldNode, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, SelectionSetNode } from "graphql";
import { getArgumentValues, getDirectiveValues } from "graphql/execution/values";
import { Kind } from "graphql/language/kinds";
import { getNamedType } from "graphql/type/definition";
import { SchemaMetaFieldDef, TypeMetaFieldDef } from "graphql/type/introspection";
import { GraphQLIncludeDirective, GraphQLSkipDirective } from "graphql/type/directives";

export const TYPE_NAME = "__typename";

export interface Selected {
  /** What it is called in the answer. */
  readonly key: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Several where the document names it more than once: their selection sets count together. */
  readonly nodes: readonly FieldNode[];
  /** Of its objects; of a leaf never looked at. */
  readonly type: GraphQLObjectType;
  /** As declared: with its lists and non-nulls. */
  readonly fieldType: GraphQLOutputType;
}

export type DocumentPart = Pick<GraphQLResolveInfo, "fragments" | "variableValues">;

/** In order of the document, `__typename` among them. */
export function selectedFields(nodes: readonly Pick<FieldNode, "selectionSet">[], type: GraphQLObjectType, part: DocumentPart): Selected[] {
  const found = new Map<string, FieldNode[]>();
  const visited = new Set<string>();
  for (const node of nodes) if (node.selectionSet !== undefined) gather(node.selectionSet, { part, found, visited });
  const fields = type.getFields();
  return [...found].map(([key, same]) => {
    const name = same[0]!.name.value;
    if (name === TYPE_NAME) return { key, name, arguments: {}, nodes: same, type, fieldType: type };
    const field = fields[name] ?? metaField(name);
    return { key, name, arguments: getArgumentValues(field, same[0]!, part.variableValues), nodes: same, type: getNamedType(field.type) as GraphQLObjectType, fieldType: field.type };
  });
}

/** Of a query's root; what else begins with two underscores is refused by validation. */
function metaField(name: string): typeof SchemaMetaFieldDef {
  return name === SchemaMetaFieldDef.name ? SchemaMetaFieldDef : TypeMetaFieldDef;
}

interface Gathering { readonly part: DocumentPart; readonly found: Map<string, FieldNode[]>; readonly visited: Set<string> }

function gather(set: SelectionSetNode, gathering: Gathering): void {
  const { part, found, visited } = gathering;
  for (const selection of set.selections) {
    if (!isWanted(selection, part)) continue;
    if (selection.kind === Kind.INLINE_FRAGMENT) gather(selection.selectionSet, gathering);
    else if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const name = selection.name.value;
      if (visited.has(name)) continue;
      visited.add(name);
      gather(part.fragments[name]!.selectionSet, gathering);
    } else {
      const key = selection.alias?.value ?? selection.name.value;
      const known = found.get(key);
      if (known === undefined) found.set(key, [selection]);
      else known.push(selection);
    }
  }
}

function isWanted(node: SelectionSetNode["selections"][number], { variableValues }: DocumentPart): boolean {
  if (node.directives === undefined || node.directives.length === 0) return true;
  if (getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.["if"] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.["if"] !== false;
}
