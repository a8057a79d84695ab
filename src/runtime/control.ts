// The way in for `ambit call`, `describe` and `explain` on a running app: a socket file that only its owner can open.
// Whoever can open it may act as anybody, so it never listens on the network.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { administratorIdentity, administratorOf, anonymousIdentity, subjectIdentity } from "../access/identities.ts";
import type { Identity } from "../access/identity.ts";
import { fault } from "../base/error.ts";
import type { ServedApp, ServeOptions } from "../interfaces/http/served-app.ts";
import { serveHttp } from "../interfaces/http/server.ts";

export interface ControlOptions extends Omit<ServeOptions, "host" | "port" | "tls" | "unix"> {
  readonly dataDirectory: string;
  /** Where the app itself listens. */
  readonly url: string;
}

export interface Control { stop(): Promise<void> }

/** What `control.json` in the data directory says. */
export interface ControlFile { readonly url: string; readonly socket: string; readonly process: number }

/** Whom a request on the socket acts for, as JSON in its Authorization header. */
export type ActingAs =
  | { readonly kind: "administrator"; readonly tenant?: string | null }
  | { readonly kind: "anonymous" }
  | { readonly kind: "subject"; readonly subject: string; readonly roles: readonly string[]; readonly tenant?: string | null };

const CONTROL_FILE = "control.json";

export function openControl(options: ControlOptions): Control {
  // In the folder for temporary files, since the path of a socket may have about 100 characters only.
  const socket = join(tmpdir(), `ambit-${randomBytes(12).toString("hex")}.sock`);
  const file = join(options.dataDirectory, CONTROL_FILE);
  removeStale(options.dataDirectory);
  const mask = process.umask(0o177);
  let server;
  try {
    server = serveHttp({ ...options, host: "127.0.0.1", port: 0, tls: null, unix: socket, current: () => actingApp(options.current()) });
  } finally {
    process.umask(mask);
  }
  chmodSync(socket, 0o600);
  const text: ControlFile = { url: options.url, socket, process: process.pid };
  writeFileSync(file, JSON.stringify(text), { mode: 0o600 });
  return {
    async stop() {
      rmSync(file, { force: true });
      await server.stop(0);
      rmSync(socket, { force: true });
    },
  };
}

/** What a process that was killed has left. Whoever holds the data directory is the only one who uses it. */
function removeStale(dataDirectory: string): void {
  const stale = readControl(dataDirectory);
  if (stale !== null && /^ambit-[0-9a-f]{24}\.sock$/.test(basename(stale.socket))) rmSync(stale.socket, { force: true });
  rmSync(join(dataDirectory, CONTROL_FILE), { force: true });
}

function actingApp(app: ServedApp): ServedApp {
  // Whoever keeps the app going is not counted.
  const { usage: _, ...uncounted } = app;
  return { ...uncounted, authenticator: { authenticate: readActing } };
}

function readActing(credential: string | null): Identity {
  const acting = JSON.parse(credential ?? `{"kind":"anonymous"}`) as ActingAs;
  switch (acting.kind) {
    case "administrator": return (acting.tenant ?? "") === "" ? administratorIdentity : administratorOf(acting.tenant!);
    case "anonymous": return anonymousIdentity;
    case "subject": return subjectIdentity({ subject: acting.subject, roles: acting.roles, tenant: acting.tenant ?? null });
    default: throw fault("INVALID_TOKEN", "The control socket takes who is acting as JSON.");
  }
}

/** Asks the app that runs on this data directory; null when none does. */
export async function askControl(dataDirectory: string, path: string, request: { method: string; acting: ActingAs; headers: Readonly<Record<string, string>>; body: string | null }): Promise<Response | null> {
  const found = readControl(dataDirectory);
  if (found === null) return null;
  try {
    return await fetch(`http://localhost${path}`, {
      unix: found.socket, method: request.method, headers: { ...request.headers, authorization: JSON.stringify(request.acting) }, body: request.body, redirect: "manual",
    });
  } catch (error) {
    // After kill -9 the files are still there, but nobody listens.
    if (error instanceof Error && /ConnectionRefused|FailedToOpenSocket|ENOENT|ECONNREFUSED/.test(`${(error as { code?: string }).code ?? ""} ${error.message}`)) return null;
    throw error;
  }
}

function readControl(dataDirectory: string): ControlFile | null {
  const file = join(dataDirectory, CONTROL_FILE);
  if (!existsSync(file)) return null;
  let found: ControlFile;
  try {
    found = JSON.parse(readFileSync(file, "utf8")) as ControlFile;
  } catch (error) {
    // Killed while it was written.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  return existsSync(found.socket) ? found : null;
}
