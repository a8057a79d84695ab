// The enums of events: made once for tables and channels, which share those of changes.
import { GraphQLEnumType } from "graphql/type/definition";
import type { SchemaContext } from "./schema-context.ts";

const words = { LiveOp: ["SNAPSHOT", "CHANGE", "RESET", "GAP"], ChannelOp: ["MESSAGE", "SNAPSHOT", "CHANGE", "RESET", "GAP"], LiveChange: ["ENTER", "UPDATE", "LEAVE"] } as const;

export function wordType(shared: keyof typeof words, context: SchemaContext): GraphQLEnumType {
  const name = context.names.shared(shared);
  return context.type(name, () => new GraphQLEnumType({ name, values: Object.fromEntries(words[shared].map((word) => [word, {}])) }));
}
