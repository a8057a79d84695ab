// `ambit start`: serves the app until SIGTERM or SIGINT. Refuses to start on any error.
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { createLog, describeError } from "../base/log.ts";
import { systemRandom } from "../base/random.ts";
import { exitProcess } from "../runtime/process-exit.ts";
import { AppProblems, startApp, type RunningApp } from "../runtime/start-app.ts";
import { wholeNumber, type Call, type Command } from "./command.ts";
import { dataDirectory } from "./places.ts";

/** Where MQTT listens besides, if it does. */
export function mqttPorts({ port, tlsPort }: RunningApp["mqtt"]): Readonly<Record<string, number>> {
  return { ...(port === null ? {} : { mqttPort: port }), ...(tlsPort === null ? {} : { mqttTlsPort: tlsPort }) };
}

/** A line of its own for whoever reads; nothing where there is no port. */
export function mqttLine({ port, tlsPort }: RunningApp["mqtt"]): string {
  const ports = [...(port === null ? [] : [`${port}`]), ...(tlsPort === null ? [] : [`${tlsPort} (TLS)`])];
  return ports.length === 0 ? "" : `\nMQTT on port ${ports.join(" and ")}`;
}

export const startCommand: Command = {
  name: "start",
  usage: "[DIR] [--port N] [--data DIR] [--seed FILE]",
  summary: "Serves the app; the log goes to standard error.",
  words: { min: 0, max: 1 },
  flags: {
    port: { value: "N", help: "Instead of http.port; 0 takes a free one." },
    data: { value: "DIR", help: "Where the data is kept. Default DIR/.ambit/data." },
    seed: { value: "FILE", help: "First records, if nothing was ever written here." },
  },
  async run(call) {
    const app = await launch(call, { development: false, adminToken: call.environment["AMBIT_ADMIN_TOKEN"] ?? null });
    if (app === null) return 1;
    call.output.say(`Ambit serves ${resolve(call.words[0] ?? ".")} at ${app.url}${mqttLine(app.mqtt)}`);
    call.output.object({ event: "started", url: app.url, port: app.port, ...mqttPorts(app.mqtt) });
    // What only the start needed goes back to the system.
    Bun.shrink();
    await untilSignal();
    await app.stop();
    return 0;
  },
};

/** Starts the app that the words and flags name; prints its problems and answers null when it has any. */
export async function launch(call: Call, mode: { development: boolean; adminToken: string | null }): Promise<RunningApp | null> {
  const directory = resolve(call.words[0] ?? ".");
  const port = call.flag("port");
  const clock = systemClock();
  const log = createLog({ clock, sink: bufferedSink(), level: call.environment["AMBIT_LOG"] === "quiet" ? "warn" : "info" });
  // A promise of app code that nobody waits for must not end the process, nor be printed raw.
  for (const event of ["unhandledRejection", "uncaughtException"] as const) process.on(event, (thrown: unknown) => log.error("stray-failure", { cause: describeError(thrown) }));
  try {
    return await startApp({
      directory, dataDirectory: dataDirectory(call), clock, log, random: systemRandom(), environment: call.environment, seed: call.flag("seed"),
      port: port === null ? null : wholeNumber(startCommand, "port", port, [0, 65_535]),
      adminToken: mode.adminToken, development: mode.development, forbidOutbound: call.environment["AMBIT_FORBID_OUTBOUND"] === "1",
      onFatal(error) {
        log.error("writer-stopped", { cause: describeError(error) });
        // Unanswered requests get their 503 first.
        setTimeout(() => exitProcess(1), 100);
      },
    });
  } catch (error) {
    if (!(error instanceof AppProblems)) throw error;
    call.output.diagnostics(error.diagnostics);
    call.output.say("The app was not started.");
    return null;
  }
}

const FLUSH_BYTES = 65_536;
const FLUSH_MS = 100;

/** Log lines to standard error, several in one write. */
function bufferedSink(): (line: string) => void {
  let pending = "";
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const text = pending;
    pending = "";
    if (text !== "") process.stderr.write(text);
  };
  process.on("exit", flush);
  return (line) => {
    pending += `${line}\n`;
    if (pending.length > FLUSH_BYTES) flush();
    else timer ??= setTimeout(flush, FLUSH_MS);
  };
}

export function untilSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.once(signal, () => {
        done();
        // A second one does not wait.
        process.once(signal, () => exitProcess(1));
      });
    }
  });
}
