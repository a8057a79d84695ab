// What was selected of a plain value: of objects by the names of their members, leaves as they are. For what no table has and no type of the app declares.
import { isObjectType, type GraphQLObjectType } from "graphql/type/definition";
import type { Row } from "./answer-shape.ts";
import type { Root } from "./root-field.ts";
import { TYPE_NAME, type Selected } from "./selected-fields.ts";

/** Of one, of a list, of null. */
export type PlainShape = (value: unknown) => unknown;

export function plainShape(selected: readonly Selected[], type: GraphQLObjectType, root: Root): PlainShape {
  const members = selected.map((one): readonly [key: string, read: (row: Row) => unknown] => {
    const { key, name } = one;
    if (name === TYPE_NAME) return [key, () => type.name];
    if (!isObjectType(one.type)) return [key, (row) => row[name] ?? null];
    const inner = plainShape(root.below(one), one.type, root);
    return [key, (row) => inner(row[name])];
  });
  const of = (row: Row): Row => {
    // Without a prototype: keys are the client's.
    const picked = Object.create(null) as Record<string, unknown>;
    for (const [key, read] of members) picked[key] = read(row);
    return picked;
  };
  return (value) => (value === null || value === undefined ? null : Array.isArray(value) ? value.map((item) => of(item as Row)) : of(value as Row));
}

/** Of what a root field answers. */
export function plainAnswer(value: unknown, root: Root): unknown {
  return plainShape(root.selected(), root.type, root)(value);
}
