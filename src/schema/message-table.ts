// A channel's message as the record of a table that it would be: so that rules, input and text of messages are those of records.
// Such a table is in no catalog and has no rows.
import type { Channel, Table } from "./catalog.ts";

const made = new WeakMap<Channel, Table>();

/** One object for each channel. Its primary key is the channel's key. */
export function messageTable(channel: Channel): Table {
  let table = made.get(channel);
  if (table === undefined) made.set(channel, table = create(channel));
  return table;
}

function create({ name, description, position, exportName, exportOver, fields, key, allow }: Channel): Table {
  return {
    name, description, position, exportName, exportOver, fields, allow, sqlName: name, primaryKey: key,
    indexes: [], checks: [], grants: null, search: [], tenant: null, expirationMs: null, historyMs: null, trashMs: null, expiresAt: null,
    open: false, actions: new Map(),
  };
}
