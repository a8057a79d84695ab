// Topics as text: `Board/42` is a channel and a key, `Board` all of the channel's. Code says the type's name, clients the exported one.
import { AmbitError, fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { Catalog, Channel } from "../schema/catalog.ts";
import { coerceText } from "../schema/coerce-text.ts";

export interface Topic {
  readonly channel: Channel;
  /** Canonical; null where only the channel is named. */
  readonly key: Value;
}

/** Throws NOT_FOUND. */
export function topicOfCode(text: string, catalog: Catalog): Topic {
  const [name, key] = split(text);
  return topicOf(catalog.channels.get(name), key, { text, catalog });
}

/** Of what is exported over this interface. Throws NOT_FOUND. */
export function topicOfClient(text: string, over: string, catalog: Catalog): Topic {
  const [name, key] = split(text);
  const found = [...catalog.channels.values()].find((channel) => channel.exportName === name && channel.exportOver.includes(over));
  return topicOf(found, key, { text, catalog });
}

/** Throws NOT_FOUND for what no key of the channel looks like. */
export function keyOfText(channel: Channel, text: string, catalog: Catalog): Value {
  try {
    return coerceText(text, channel.fields.get(channel.key)!.type, catalog);
  } catch (error) {
    if (error instanceof AmbitError) throw unknown(`${channel.exportName ?? channel.name}/${text}`);
    throw error;
  }
}

/** A key may have slashes. */
function split(text: string): [name: string, key: string | null] {
  const at = text.indexOf("/");
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

function topicOf(channel: Channel | undefined, key: string | null, { text, catalog }: { readonly text: string; readonly catalog: Catalog }): Topic {
  if (channel === undefined || key === "") throw unknown(text);
  return { channel, key: key === null ? null : keyOfText(channel, key, catalog) };
}

function unknown(text: string): AmbitError {
  return fault("NOT_FOUND", `There is no topic ${text.slice(0, 200).toWellFormed()}.`);
}
