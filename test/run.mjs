// `npm test`: types, lint, all tests. The last line is `N passed, N failed`; a check that could not run is named and why.
// Flags: --long runs the long sizes; words after it select test files.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBun } from "../bin/find-bun.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const words = process.argv.slice(2).filter((word) => word !== "--long");
const long = process.argv.includes("--long");
const environment = { ...process.env, AMBIT_TEST_SIZE: long ? "long" : (process.env.AMBIT_TEST_SIZE ?? "short"), AMBIT_FORBID_OUTBOUND: "1" };

/** Runs a program, shows its output, resolves to { code, text }. */
function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    const show = (stream) => (chunk) => { text += chunk; stream.write(chunk); };
    child.stdout.on("data", show(process.stdout));
    child.stderr.on("data", show(process.stderr));
    child.on("close", (code) => resolve({ code: code ?? 1, text }));
  });
}

let passed = 0;
let failed = 0;

async function check(name, program, args) {
  const { code } = await run(program, args);
  if (code === 0) passed += 1;
  else failed += 1;
  console.log(`${code === 0 ? "ok" : "FAILED"}: ${name}`);
}

const bin = (name) => join(root, "node_modules", ".bin", name);

if (words.length === 0) {
  await check("types", bin("tsc"), ["-p", "."]);
  await check("types of the client", bin("tsc"), ["-p", "client"]);
  await check("lint", bin("oxlint"), ["src", "client", "test", "bench", "bin"]);
}

const timeout = long ? "3600000" : "120000";
const tests = await run(findBun(), ["test", "--parallel=2", "--no-orphans", `--timeout=${timeout}`, ...(words.length === 0 ? ["./src", "./client", "./test"] : words)]);
const count = (kind) => Number(new RegExp(`^ *(\\d+) ${kind}$`, "m").exec(tests.text)?.[1] ?? 0);
passed += count("pass");
failed += count("fail");
if (tests.code !== 0 && count("fail") === 0) failed += 1;
const skipped = count("skip") + count("todo");
for (const line of new Set(tests.text.split("\n").filter((text) => text.startsWith("SKIPPED: ")))) console.log(line);
if (process.env.CI === "true" && skipped > 0) {
  console.log(`CI runs everything, but ${skipped} were skipped.`);
  failed += skipped;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
