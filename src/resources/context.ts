// The one typed context that every body gets: data, identity, settings, time, chance, log. What this version lacks says so.
import { fault } from "../base/error.ts";
import { uuidv7 } from "../base/random.ts";
import type { Log } from "../base/log.ts";
import { appTable } from "../schema/account-tables.ts";
import { unavailableContextMembers } from "../schema/availability.ts";
import { CONTINUATION, type CreateContinuation } from "./app-api.ts";
import { deciders } from "./decide-operation.ts";
import { enqueue, tellProgress } from "./enqueue.ts";
import { appError } from "./app-fault.ts";
import type { Body, Mode } from "./body.ts";
import { BodyMistake } from "./body-calls.ts";
import { rawInput } from "./code-input.ts";
import { publisher } from "./channel-access.ts";
import { forgetFrom } from "./forget.ts";
import { memoryAccess } from "./code-memory.ts";
import { fileHandle } from "./file-handle.ts";
import { readsOnly } from "./reading-work.ts";
import { createSourceAccess } from "./source-access.ts";
import { createOf } from "./record-override.ts";
import { sendRequest } from "./send-request.ts";
import { revokeSubject, signToken } from "./sign-token.ts";
import { ownWrite, shownAfter, straightWrite } from "./straight-write.ts";
import { TableAccess } from "./table-access.ts";
import { redactFields } from "./redact-fields.ts";

/** Members that this version does not have; one object for all, as a context is made for each run of a body. */
const unavailable: object = Object.create(Object.prototype, Object.fromEntries([...unavailableContextMembers].map(([name, reason]) => [name, {
  get(): never { throw fault("NOT_AVAILABLE", `ctx.${name} is not available in this version. ${reason}`); },
}])));

/** Of a body for which nobody could lose patience. */
const NEVER = new AbortController().signal;

/** Without `this` inside: `super.create` gets an object derived from it. */
export function createContext(body: Body): object {
  const { core, caller, calls } = body;
  const { claims, subject, tenant, roles } = caller.identity;
  const continuation: CreateContinuation = { create: (table, input) => calls.start(`${table}.create`, () => createBare(body, table, input)) };
  const context = {
    db: tablesOf(body, "caller"),
    get system() { return systemOf(body); },
    publish: publisher(body, "caller"),
    get sources() { return createSourceAccess(body); },
    auth: Object.freeze({ subject, roles, tenant, claims }),
    values: core.values,
    secrets: hidden(core.secrets),
    error: appError,
    now: () => new Date(body.nowMs),
    random: () => core.random.next(),
    id: () => uuidv7(core.clock, core.random),
    log: bodyLog(core, caller),
    request: caller.request,
    decide: deciders(body),
    forget: (subject: unknown) => forgetFrom(body, subject),
    get memory() { return memoryAccess(body); },
    enqueue: (job: unknown, input?: unknown, options?: unknown) => calls.start("ctx.enqueue", () => enqueue(body, { job, input, options })),
    at: (time: unknown, job: unknown, input?: unknown, options?: unknown) => calls.start("ctx.at", () => enqueue(body, { job, input, options, time })),
    progress: (done: unknown, total?: unknown) => tellProgress(body, done, total),
    get callKey() { return callKeyOf(body); },
    get signal() { return caller.signal ?? NEVER; },
    transaction(this: unknown, run: unknown) { return calls.start("ctx.transaction", () => inTransaction(body, run, this)); },
    token: (options: unknown) => signToken(body, options),
    revoke: (subject: unknown) => calls.start("ctx.revoke", () => revokeSubject(body, subject)),
    send: (request: unknown) => calls.start("ctx.send", () => sendRequest(body, request)),
    file: (file: unknown) => fileHandle(body, file),
    fetch: (url: string | URL | Request, init?: RequestInit) => fetchOutside(body, url, init),
  };
  Object.setPrototypeOf(context, unavailable);
  Object.defineProperty(context, CONTINUATION, { value: continuation });
  return context;
}

/** `Order.create(ctx, input)` called by code itself: the class's own override has run, or there is none. */
async function createBare(body: Body, table: string, input: unknown): Promise<unknown> {
  body.caller.rights.require(table, "CREATE");
  const write = ownWrite(body, createOf(table, rawInput(input, `${table}.create`)), "caller");
  return shownAfter(body, await straightWrite(body, write), "caller");
}

/** A tool may be called again after a crash: whom it calls can tell by this. */
function callKeyOf({ caller }: Body): string {
  if (caller.callKey === undefined) throw new BodyMistake("ctx.callKey was read outside of a tool that a model calls.");
  return caller.callKey;
}

/** A tool of a model acts for whoever asked, never without rules. */
function systemOf(body: Body): object {
  if (body.work.readsOnly === true) throw readsOnly("ctx.system");
  return tablesOf(body, "system");
}

/** `ctx.system.publish` beside the tables; one of that name comes first. */
function tablesOf(body: Body, mode: Mode): object {
  const made = new Map<string, TableAccess>();
  return new Proxy(Object.freeze(mode === "system" ? { publish: publisher(body, "system") } : {}), {
    get(others, name) {
      const table = typeof name === "string" ? appTable(body.core.catalog, name) : undefined;
      if (table === undefined) return Reflect.get(others, name) as unknown;
      let access = made.get(table.name);
      if (access === undefined) made.set(table.name, access = new TableAccess(body, table, mode));
      return access;
    },
  });
}

/** Read by name; never listed, so never printed or sent by accident. */
function hidden(secrets: Readonly<Record<string, string>>): object {
  const target = Object.create(null) as object;
  for (const [name, value] of Object.entries(secrets)) Object.defineProperty(target, name, { value, enumerable: false });
  return Object.freeze(target);
}

function bodyLog({ log, catalog }: Body["core"], { requestId, label }: Body["caller"]): Log {
  const write = (level: "info" | "warn" | "error") => (message: string, fields: { readonly [name: string]: unknown } = {}): void =>
    log[level]("app-log", { requestId, body: label, message: String(message), fields: redactFields(fields, catalog) });
  return { info: write("info"), warn: write("warn"), error: write("error") };
}

/**
 * One of its own: `run` gets a ctx of it, and may run several times. Within one: a part of it, and the ctx stays `called`, which may be
 * that of an override, with its super.create.
 */
async function inTransaction(body: Body, run: unknown, called: unknown): Promise<unknown> {
  if (typeof run !== "function") throw new TypeError("ctx.transaction takes a function.");
  const within = async (ctx: unknown): Promise<unknown> => (run as (ctx: unknown) => unknown)(ctx);
  if (!body.work.transactional) return body.transact((inner) => within(inner.context));
  return body.work.nested(body.root, () => within(typeof called === "object" && called !== null ? called : body.context));
}

async function fetchOutside(body: Body, url: string | URL | Request, init?: RequestInit): Promise<Response> {
  body.calls.assertOpen("ctx.fetch");
  if (body.work.transactional) {
    throw fault("EXTERNAL_IN_TRANSACTION", `ctx.fetch was called inside the transaction of ${body.caller.label}.`, { fix: "Call before or after it: declare the callable with transaction: NONE." });
  }
  await body.calls.pass();
  return body.core.fetch(url, init);
}
