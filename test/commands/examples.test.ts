// The apps under examples/ as their users check and test them. Their own tests import "ambit/test", so only `ambit test` runs them.
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runAmbit } from "../processes/ambit-command.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const apps = readdirSync(join(root, "examples")).filter((name) => existsSync(join(root, "examples", name, "schema.graphql")));

for (const name of apps) {
  const folder = scratch.copy(join("examples", name));

  test(`examples/${name} has no problem`, async () => {
    // The first run writes `.ambit`.
    for (let run = 0; run < 2; run++) {
      const started = performance.now();
      const { code, out, err } = await runAmbit(["check", folder], { launcher: true, temporary: scratch.path });
      console.log(`ambit check of examples/${name}: ${(performance.now() - started).toFixed(0)} ms`);
      expect({ code, out, err }).toEqual({ code: 0, out: expect.stringMatching(/^ok: \d+ table/), err: "" });
    }
  });

  test(`the tests of examples/${name} pass, and fit the types that were written for them`, async () => {
    const { code, objects } = await runAmbit(["test", folder, "--json"], { temporary: scratch.path });
    const results = objects();
    expect(results.filter(({ status }) => status !== "passed")).toEqual([]);
    expect(results.length).toBeGreaterThan(0);
    expect(code).toBe(0);
    const tests = readdirSync(folder).filter((file) => file.endsWith(".test.ts"));
    const settings = join(folder, ".ambit", "tests.json");
    const { compilerOptions } = await Bun.file(join(folder, ".ambit", "tsconfig.json")).json() as { compilerOptions: object };
    writeFileSync(settings, JSON.stringify({ compilerOptions, files: ["types.d.ts", ...tests.map((file) => `../${file}`)] }));
    const compiler = Bun.spawnSync([join(root, "node_modules", ".bin", "tsc"), "-p", settings, "--pretty", "false"]);
    expect(compiler.stdout.toString()).toBe("");
  });
}

test("there are examples", () => expect(apps).toContain("store"));
