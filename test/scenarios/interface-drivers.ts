// The interfaces as a client sees them, each carrying out the same steps on the table Item, so that one row of a scenario can be sent
// through every one of them. What an answer looks like on its wire is translated here and nowhere else.
import { expect } from "bun:test";
import { connected, type TestClient } from "../mqtt/mqtt-clients.ts";
import { tokenOf } from "./graphql-app.ts";
import { SocketClient, type Row } from "./live-clients.ts";
import type { StartedApp } from "./started-app.ts";

export type Step =
  | { readonly do: "get"; readonly id: string }
  /** All with these values, in order of id. */
  | { readonly do: "list"; readonly where: Row }
  | { readonly do: "create"; readonly input: Row }
  | { readonly do: "replace"; readonly id: string; readonly input: Row }
  | { readonly do: "update"; readonly id: string; readonly patch: Row }
  | { readonly do: "remove"; readonly id: string }
  | { readonly do: "rename"; readonly id: string; readonly title: string }
  | { readonly do: "order"; readonly quantity: number };

/** `code` null: it was done. `value`: a record in the fields that FIELDS names, a list of them, or what an endpoint answers. */
export interface Outcome { readonly code: string | null; readonly where: string | null; readonly value: unknown }

export interface Driver {
  readonly name: string;
  /** Steps that its wire has no word for. */
  readonly lacks: readonly Step["do"][];
  run(step: Step, role: string | null): Promise<Outcome>;
  close(): Promise<void>;
}

/** What the public may read. */
export const FIELDS = ["id", "sku", "title", "status", "price", "tags"] as const;
const SELECT = `select=${FIELDS.join(",")}`;

interface HttpRequest { readonly method: string; readonly path: string; readonly body?: unknown }

/** A step as REST says it; over a WebSocket the same is called. */
function requestOf(step: Step): HttpRequest {
  switch (step.do) {
    case "get": return { method: "GET", path: `/Item/${step.id}?${SELECT}` };
    case "list": return { method: "GET", path: `/Item?${SELECT}&order=id&${Object.entries(step.where).map(([name, value]) => `${name}=eq.${String(value)}`).join("&")}` };
    case "create": return { method: "POST", path: `/Item?${SELECT}`, body: step.input };
    case "replace": return { method: "PUT", path: `/Item/${step.id}?${SELECT}`, body: step.input };
    case "update": return { method: "PATCH", path: `/Item/${step.id}?${SELECT}`, body: step.patch };
    case "remove": return { method: "DELETE", path: `/Item/${step.id}?${SELECT}` };
    case "rename": return { method: "POST", path: `/Item/${step.id}/rename`, body: { title: step.title } };
    case "order": return { method: "POST", path: "/order", body: { lines: [{ sku: "A", quantity: step.quantity }] } };
  }
}

function outcomeOf(step: Step, status: number, body: unknown): Outcome {
  if (status >= 400) {
    const { code, where = null } = body as { code: string; where?: string | null };
    return { code, where, value: null };
  }
  // REST answers a creation as a list.
  return { code: null, where: null, value: shown(step.do === "create" ? (body as unknown[])[0] : body) };
}

/** Of an action's whole record, what the rest of the row is about. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null || !("sku" in value)) return value;
  return Object.fromEntries(FIELDS.map((name) => [name, (value as Row)[name]]));
}

export function restDriver(app: StartedApp): Driver {
  return {
    name: "REST", lacks: [],
    async run(step, role) {
      const { method, path, body } = requestOf(step);
      const response = await fetch(app.url + path, {
        method, headers: { ...tokenOf(role), prefer: "return=representation", ...(body === undefined ? {} : { "content-type": "application/json" }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return outcomeOf(step, response.status, text === "" ? null : JSON.parse(text));
    },
    close: async () => {},
  };
}

export function socketDriver(app: StartedApp): Driver {
  const open = new Map<string | null, SocketClient>();
  let calls = 0;
  return {
    name: "WebSocket", lacks: [],
    async run(step, role) {
      let client = open.get(role);
      if (client === undefined) open.set(role, client = await SocketClient.open(app.url, tokenOf(role)));
      const id = `call ${++calls}`;
      const frame = await client.ask({ op: "call", id, headers: { prefer: "return=representation" }, ...requestOf(step) });
      expect(frame).toMatchObject({ op: "result", id });
      return outcomeOf(step, frame.status!, frame.body ?? null);
    },
    async close() { for (const client of open.values()) client.close(); },
  };
}

/** A step as a document, its variables, and the field that answers it. */
function documentOf(step: Step): { readonly query: string; readonly variables: object; readonly field: string } {
  const fields = `{ ${FIELDS.join(" ")} }`;
  switch (step.do) {
    case "get": return { query: `query($id: ID!) { item(id: $id) ${fields} }`, variables: { id: step.id }, field: "item" };
    case "list": return { query: `query($filter: ItemFilter) { itemList(filter: $filter, order: [{ id: ASC }]) { rows ${fields} } }`, variables: { filter: Object.fromEntries(Object.entries(step.where).map(([name, value]) => [name, { eq: value }])) }, field: "itemList" };
    case "create": return { query: `mutation($input: ItemInput!) { createItem(input: $input) ${fields} }`, variables: { input: step.input }, field: "createItem" };
    case "replace": return { query: `mutation($id: ID!, $input: ItemInput!) { replaceItem(id: $id, input: $input) ${fields} }`, variables: { id: step.id, input: step.input }, field: "replaceItem" };
    case "update": return { query: `mutation($id: ID!, $patch: ItemPatch!) { updateItem(id: $id, patch: $patch) ${fields} }`, variables: { id: step.id, patch: step.patch }, field: "updateItem" };
    case "remove": return { query: `mutation($id: ID!) { removeItem(id: $id) ${fields} }`, variables: { id: step.id }, field: "removeItem" };
    case "rename": return { query: `mutation($id: ID!, $title: String!) { renameItem(id: $id, title: $title) ${fields} }`, variables: { id: step.id, title: step.title }, field: "renameItem" };
    case "order": return { query: "mutation($lines: [Line!]!) { order(lines: $lines) { total count } }", variables: { lines: [{ sku: "A", quantity: step.quantity }] }, field: "order" };
  }
}

export function graphqlDriver(app: StartedApp): Driver {
  return {
    name: "GraphQL", lacks: [],
    async run(step, role) {
      const { field, ...document } = documentOf(step);
      const response = await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", ...tokenOf(role) }, body: JSON.stringify(document) });
      const { data, errors } = await response.json() as { data?: Record<string, unknown> | null; errors?: readonly { extensions: { code: string; where: string | null } }[] };
      const [error] = errors ?? [];
      if (error !== undefined) return { code: error.extensions.code, where: error.extensions.where, value: null };
      const value = data![field];
      // What GraphQL calls null is a 404 elsewhere.
      if (value === null && step.do === "get") return { code: "NOT_FOUND", where: null, value: null };
      return { code: null, where: null, value: step.do === "list" ? (value as { rows: unknown }).rows : value };
    },
    close: async () => {},
  };
}

/** A record is a topic: read by subscribing to it, written by a retained message, removed by an empty one. */
export function mqttDriver(app: StartedApp): Driver {
  const open = new Map<string | null, TestClient>();
  const clientFor = async (role: string | null): Promise<TestClient> => {
    let client = open.get(role);
    if (client === undefined) open.set(role, client = await connected(app.running.mqtt.port!, { protocolVersion: 5, ...(role === null ? {} : { username: "x", password: `key-${role}` }) }));
    return client;
  };
  const read = async (client: TestClient, id: string): Promise<Outcome> => {
    const before = client.received.length;
    try {
      await client.client.subscribeAsync(`Item/${id}`, { qos: 1 });
    } catch {
      return { code: "NOT_FOUND", where: null, value: null };
    }
    // What is retained comes before the answer to what is asked next.
    await client.client.unsubscribeAsync(`Item/${id}`);
    const found = client.received.slice(before).find(({ topic }) => topic === `Item/${id}`);
    return found === undefined ? { code: "NOT_FOUND", where: null, value: null } : { code: null, where: null, value: shownOverMqtt(found.json as Row) };
  };
  return {
    name: "MQTT", lacks: ["list", "create", "update", "rename", "order"],
    async run(step, role) {
      const client = await clientFor(role);
      if (step.do === "get") return read(client, step.id);
      if (step.do !== "replace" && step.do !== "remove") throw new Error(`no word for ${step.do}`);
      const before = step.do === "remove" ? await read(client, step.id) : null;
      let problem: { code: string; where: string | null } | null = null;
      const note = ({ properties }: { properties?: { userProperties?: { problem?: string } } }): void => {
        const text = properties?.userProperties?.problem;
        if (text !== undefined) problem = JSON.parse(text) as { code: string; where: string | null };
      };
      client.client.on("packetreceive", note as never);
      const isDone = await client.publish(`Item/${step.id}`, step.do === "remove" ? "" : step.input, { qos: 1 }).then(() => true, () => false);
      client.client.off("packetreceive", note as never);
      if (!isDone) return { code: problem!.code, where: problem!.where, value: null };
      return before ?? read(client, step.id);
    },
    async close() { for (const client of open.values()) await client.end(true); },
  };
}

/** Fields that are null are there, too. */
function shownOverMqtt(record: Row): Row {
  return Object.fromEntries(FIELDS.map((name) => [name, record[name] ?? null]));
}
