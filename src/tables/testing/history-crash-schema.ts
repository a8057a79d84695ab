// The app of history-crash-child.ts: with a history, with a trash, with both.
export const crashSchema = `
type Parent @table(history: "PT0.2S", trash: "PT0.4S") { id: ID! @primaryKey text: String! }
type Child @table(history: "PT1H", trash: "PT0.4S") { id: ID! @primaryKey text: String! parentId: ID! parent: Parent! @relationship(from: "parentId", onDelete: CASCADE) }`;
