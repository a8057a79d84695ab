// Frames of a WebSocket: what a client may send, read strictly, and what it is told, as JSON text that is shared as far as it can be.
import { fault } from "../../base/error.ts";
import type { Problem } from "../../base/error.ts";
import type { ChannelFrame } from "../../resources/channel-frame.ts";
import type { LiveChange } from "../../resources/live-frame.ts";
import type { RunFrame } from "../../resources/run-watch.ts";
import { parseStrictJson } from "../http/strict-json.ts";

export type ClientFrame =
  | { readonly op: "auth"; readonly id: string | null; readonly token: string }
  /** `query`: path and query of a GET. */
  | { readonly op: "subscribe"; readonly id: string; readonly query: string; readonly since: string | null }
  | { readonly op: "unsubscribe"; readonly id: string }
  /** Asks for a sign of life. */
  | { readonly op: "ping"; readonly id: string }
  | { readonly op: "publish"; readonly id: string | null; readonly topic: string; readonly message: unknown }
  | { readonly op: "presence"; readonly id: string | null; readonly topic: string; readonly state: unknown }
  | { readonly op: "call"; readonly id: string; readonly method: string; readonly path: string; readonly headers: ReadonlyMap<string, string>; readonly body: Uint8Array };

const MEMBERS: Readonly<Record<ClientFrame["op"], readonly string[]>> = {
  auth: ["op", "id", "token"], subscribe: ["op", "id", "query", "since"], unsubscribe: ["op", "id"], ping: ["op", "id"],
  publish: ["op", "id", "topic", "message"], presence: ["op", "id", "topic", "state"], call: ["op", "id", "method", "path", "headers", "body"],
};
const ID_LENGTH_MAX = 100;
const HEADERS_MAX = 30;
const encoder = new TextEncoder();
const EMPTY = new Uint8Array();

/** Throws MALFORMED_JSON, VALIDATION_FAILED. */
export function readFrame(text: string, depthMax: number): ClientFrame {
  const frame = parseStrictJson(text, depthMax);
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) throw invalid("", "A frame is a JSON object.");
  const members = frame as { readonly [name: string]: unknown };
  const op = members["op"];
  if (typeof op !== "string" || !Object.hasOwn(MEMBERS, op)) throw invalid("op", `op must be one of ${Object.keys(MEMBERS).join(", ")}.`);
  const known = MEMBERS[op as ClientFrame["op"]];
  const unknown = Object.keys(members).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalid(unknown, `A frame of ${op} has no ${unknown}.`);
  switch (op as ClientFrame["op"]) {
    case "auth": return { op: "auth", id: optionalId(members), token: textOf(members, "token") };
    case "subscribe": return { op: "subscribe", id: idOf(members), query: textOf(members, "query"), since: members["since"] === undefined || members["since"] === null ? null : textOf(members, "since") };
    case "unsubscribe": return { op: "unsubscribe", id: idOf(members) };
    case "publish": return { op: "publish", id: optionalId(members), topic: textOf(members, "topic"), message: members["message"] };
    case "presence": return { op: "presence", id: optionalId(members), topic: textOf(members, "topic"), state: members["state"] ?? null };
    case "ping": return { op: "ping", id: idOf(members) };
    case "call": return { op: "call", id: idOf(members), method: textOf(members, "method"), path: textOf(members, "path"), ...callBody(members) };
  }
}

/** Of a frame that could not be read, so that its sender knows which it was. */
export function idIn(text: string): string | null {
  try {
    const id = (JSON.parse(text) as { id?: unknown } | null)?.id;
    return typeof id === "string" && id.length <= ID_LENGTH_MAX ? id : null;
  } catch {
    return null;
  }
}

function callBody(members: { readonly [name: string]: unknown }): { readonly headers: ReadonlyMap<string, string>; readonly body: Uint8Array } {
  const given = members["headers"] ?? {};
  if (typeof given !== "object" || Array.isArray(given)) throw invalid("headers", "headers must be an object.");
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(given as object) as [string, unknown][]) {
    if (typeof value !== "string" || headers.size >= HEADERS_MAX) throw invalid("headers", `headers must be at most ${HEADERS_MAX} texts.`);
    headers.set(name.toLowerCase(), value);
  }
  const { body } = members;
  return { headers, body: body === undefined ? EMPTY : encoder.encode(typeof body === "string" && isText(headers) ? body : jsonOf(body)) };
}

/** As it came: 64-bit integers are bigints here, which no double stands between. */
function jsonOf(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(",")}]`;
  return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${jsonOf(item)}`).join(",")}}`;
}

/** CSV and NDJSON come as text. */
function isText(headers: ReadonlyMap<string, string>): boolean {
  const type = headers.get("content-type");
  return type !== undefined && !/json$/i.test(type.split(";")[0]!.trim()) || /ndjson/i.test(type ?? "");
}

/** Without it nothing is answered but a refusal. */
function optionalId(members: { readonly [name: string]: unknown }): string | null {
  return members["id"] === undefined ? null : idOf(members);
}

function idOf(members: { readonly [name: string]: unknown }): string {
  const { id } = members;
  if (typeof id !== "string" || id === "" || id.length > ID_LENGTH_MAX) throw invalid("id", `id must be a text of 1 to ${ID_LENGTH_MAX} characters.`);
  return id;
}

function textOf(members: { readonly [name: string]: unknown }, name: string): string {
  const text = members[name];
  if (typeof text !== "string") throw invalid(name, `${name} must be a text.`);
  return text;
}

function invalid(where: string, message: string): Error {
  return fault("VALIDATION_FAILED", message, where === "" ? {} : { where });
}

interface FrameText { readonly rest: string; idText: string; text: string }

const texts = new WeakMap<ChannelFrame, FrameText>();

/** `idText`: as JSON. The id is the client's own; all the rest is made once for everybody, and the whole once for neighbours with one id. */
export function frameText(frame: ChannelFrame, idText: string): string {
  let known = texts.get(frame);
  if (known === undefined) texts.set(frame, known = { rest: restOf(frame), idText: "", text: "" });
  if (known.idText !== idText) {
    known.idText = idText;
    known.text = `{"op":"${frame.op}","id":${idText}${known.rest}`;
  }
  return known.text;
}

function restOf(frame: ChannelFrame): string {
  switch (frame.op) {
    case "snapshot": return `,"position":"${frame.position}","rows":${frame.rows}}`;
    case "change": return `,"position":"${frame.position}","changes":[${frame.changes.map(changeText).join(",")}]}`;
    case "reset": return `,"reason":"${frame.reason}"}`;
    case "message": return `,"messages":[${frame.messages.map(({ text }) => text).join(",")}]}`;
    case "gap": return "}";
  }
}

function changeText(change: LiveChange): string {
  return change.type === "leave" ? `{"type":"leave","key":${change.key}}` : `{"type":"${change.type}","key":${change.key},"record":${change.record}}`;
}

/** Of a run that is followed. */
export function runText({ op, ...progress }: RunFrame, idText: string): string {
  return `{"op":"${op}","id":${idText},${JSON.stringify(progress).slice(1)}`;
}

export function errorText(id: string | null, problem: Problem): string {
  return `{"op":"error","id":${JSON.stringify(id)},"problem":${JSON.stringify(problem)}}`;
}

export function doneText(id: string): string {
  return `{"op":"done","id":${JSON.stringify(id)}}`;
}

export function pongText(id: string): string {
  return `{"op":"pong","id":${JSON.stringify(id)}}`;
}

/** `body` is JSON text; null: none. */
export function resultText(id: string | null, { status, headers, body }: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string | null }): string {
  const more = Object.keys(headers).length === 0 ? "" : `,"headers":${JSON.stringify(headers)}`;
  return `{"op":"result","id":${JSON.stringify(id)},"status":${status}${more}${body === null ? "" : `,"body":${body}`}}`;
}
