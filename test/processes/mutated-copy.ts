// A copy of the server in which a line can be changed, to see that a test notices: what no test notices is not tested.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const PARTS = ["src", "test", "bin", "docs", "package.json", "tsconfig.json", "directives.graphql", "config.schema.json"];

export class MutatedCopy {
  readonly #folder = mkdtempSync(join(tmpdir(), "ambit-mutations-"));

  constructor() {
    for (const part of PARTS) cpSync(join(root, part), join(this.#folder, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.#folder, "node_modules"));
  }

  has(file: string, text: string): boolean {
    return readFileSync(join(this.#folder, file), "utf8").includes(text);
  }

  /** Whether the tests pass in their short size; `named`: of one file those whose names match. */
  async passes(test: string, named: string): Promise<boolean> {
    const run = Bun.spawn([process.execPath, "test", "--bail", test, "-t", named], { cwd: this.#folder, env: { ...process.env, AMBIT_TEST_SIZE: "short" }, stdout: "ignore", stderr: "ignore" });
    return await run.exited === 0;
  }

  /** Does `work` while `from` is `to`. */
  async changed<T>({ file, from, to }: { readonly file: string; readonly from: string; readonly to: string }, work: () => Promise<T>): Promise<T> {
    const path = join(this.#folder, file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll(from, to));
    try {
      return await work();
    } finally {
      writeFileSync(path, text);
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
