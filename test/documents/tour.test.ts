// The tour of README.md as it stands: its `sh` blocks are run one after the other, `sh server` blocks stay running, and what
// stands in the block after one must be in its output. Replaced are only the ports, and the folder `../tasks`.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blocksOf, type Block } from "./markdown-blocks.ts";

const root = join(import.meta.dir, "..", "..");
const text = readFileSync(join(root, "README.md"), "utf8");
const tour = blocksOf(text.slice(text.indexOf("\n## Five minutes"), text.indexOf("\n## What is there")));
/** npx finds the package in the folder; nothing is fetched. */
const environment = { ...process.env, npm_config_offline: "true", npm_config_update_notifier: "false", npm_config_loglevel: "error", AMBIT_LOG: "quiet" };

const work = mkdtempSync(join(tmpdir(), "ambit-tour-"));
const ports = new Map<string, number>();
const servers: { readonly group: number; readonly exited: Promise<number> }[] = [];

beforeAll(async () => { for (const port of ["9926", "9927"]) ports.set(port, await freePort()); });
afterAll(async () => {
  for (const { group } of servers) try { process.kill(-group, "SIGTERM"); } catch { /* It has ended by itself. */ }
  await Promise.all(servers.map(({ exited }) => exited));
  rmSync(work, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function prepared({ text: commands }: Block): string {
  return commands.replace(/\b(9926|9927)\b/g, (port) => String(ports.get(port))).replaceAll("../tasks", join(work, "tasks"));
}

async function serve(block: Block): Promise<void> {
  const command = prepared(block).replace(/npm start$/, `npm start -- --port ${ports.get("9926")} --data ${join(work, "store-data")}`);
  const shell = Bun.spawn(["sh", "-c", command], { cwd: root, env: environment, detached: true, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  servers.push({ group: shell.pid, exited: shell.exited });
  let output = "";
  for await (const chunk of shell.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    if (/Ambit serves .* at http/.test(output)) return;
  }
  throw new Error(`the server ended: ${output}`);
}

async function run(block: Block): Promise<string> {
  const shell = Bun.spawn(["sh", "-e", "-c", prepared(block)], { cwd: root, env: environment, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([new Response(shell.stdout).text(), new Response(shell.stderr).text(), shell.exited]);
  if (code !== 0) throw new Error(`${block.text}\nends with ${code}: ${output}${errors}`);
  // Bun's test runner reports on standard error.
  return /\btest\b/.test(block.text) ? output + errors : output;
}

function compare(shown: Block, output: string): void {
  if (shown.language === "json") {
    const lines = output.trim().split("\n");
    expect(JSON.parse(lines[lines.length - 1]!)).toMatchObject(JSON.parse(shown.text) as object);
    return;
  }
  let rest = output;
  for (const line of shown.text.split("\n")) {
    expect(rest).toContain(line);
    rest = rest.slice(rest.indexOf(line) + line.length);
  }
}

test("the tour does what README shows", async () => {
  expect(tour.filter((block) => block.language === "sh").length).toBeGreaterThan(8);
  let output: string | null = null;
  for (const block of tour) {
    if (block.language !== "sh") {
      compare(block, output ?? "");
      continue;
    }
    output = block.words.includes("server") ? null : await run(block);
    if (block.words.includes("server")) await serve(block);
  }
}, 120_000);

test("the two commands are those of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const commands = blocksOf(text.slice(0, text.indexOf("\n## "))).map((block) => block.text);
  expect(commands).toEqual(["npm ci && npm start", "npm ci && npm test"]);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test"]));
});
