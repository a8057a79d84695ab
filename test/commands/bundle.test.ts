// The bundle that `npm ci` prepares: used while no source is newer, and as good as the sources.
import { afterAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBun } from "../../bin/find-bun.mjs";
import { startApp } from "../processes/app-process.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** A package of two sources beside the real `bin`. Times are set, so that nothing waits for the clock of the file system. */
function packageAt(name: string): { readonly folder: string; touch(path: string, seconds: number): void; entry(): string } {
  const folder = join(scratch.path, name);
  mkdirSync(join(folder, "src", "cli"), { recursive: true });
  mkdirSync(join(folder, "dist", "bundle"), { recursive: true });
  cpSync(join(root, "bin"), join(folder, "bin"), { recursive: true });
  for (const file of ["package.json", "src/cli/main.ts", "src/other.ts", "dist/bundle/main.js"]) writeFileSync(join(folder, file), "{}");
  const touch = (path: string, seconds: number): void => utimesSync(join(folder, path), seconds, seconds);
  for (const path of ["package.json", "src/cli/main.ts", "src/other.ts", "src/cli", "src", "dist/bundle/main.js"]) touch(path, 1_000);
  const entry = (): string => {
    const asked = Bun.spawnSync(["node", "--input-type=module", "-e", `console.log((await import(${JSON.stringify(join(folder, "bin", "entry-point.mjs"))})).entryPoint())`]);
    return asked.stdout.toString().trim().slice(folder.length + 1);
  };
  return { folder, touch, entry };
}

test("the bundle is run while nothing is newer; the sources as soon as one is, or one is gone, or there is no bundle", () => {
  const one = packageAt("one");
  expect(one.entry()).toBe("dist/bundle/main.js");
  one.touch("src/other.ts", 1_001);
  expect(one.entry()).toBe("src/cli/main.ts");
  one.touch("dist/bundle/main.js", 1_002);
  expect(one.entry()).toBe("dist/bundle/main.js");
  one.touch("package.json", 1_003);
  expect(one.entry()).toBe("src/cli/main.ts");
  one.touch("dist/bundle/main.js", 1_004);
  rmSync(join(one.folder, "src", "other.ts"));
  expect(one.entry()).toBe("src/cli/main.ts");
  rmSync(join(one.folder, "dist"), { recursive: true });
  expect(one.entry()).toBe("src/cli/main.ts");
});

/** As `npm ci` makes it, once. */
function madeBundle(): string {
  const folder = join(scratch.path, "made", "bundle");
  if (!existsSync(folder)) {
    const built = Bun.spawnSync([findBun(), "build", join(root, "src", "cli", "main.ts"), "--target=bun", "--bytecode", "--minify-syntax", "--minify-whitespace", "--outdir", folder]);
    expect(built.exitCode).toBe(0);
  }
  return join(folder, "main.js");
}

test("a bundle made of the sources as they are answers as they do", () => {
  const ask = (entry: string): string => {
    // With stacks: for these Bun looks for a source map in the file.
    const { stdout, stderr } = Bun.spawnSync([findBun(), entry, "check", join(root, "examples", "store")]);
    return stdout.toString() + stderr.toString();
  };
  const answer = ask(madeBundle());
  expect(answer).toStartWith("ok");
  expect(answer).toBe(ask(join(root, "src", "cli", "main.ts")));
}, 120_000);

test("what is loaded late works from the bundle as well: sign-in with passkeys, GraphQL, a model's provider", async () => {
  const folder = scratch.app({
    "schema.graphql": `
type User @table @export @account(signUp: OPEN) @allow(do: [READ], where: "record.id == auth.subject") { id: ID! @primaryKey email: String! @indexed(unique: true, fold: true) }
type Decisions { """Guess.""" guess: Int! @decision(mode: ENFORCE, kind: JUDGE) @bound(name: "ten", rule: "out <= 10") @export @allow @fallback(value: 3) }`,
    "config.yaml": "auth: { password: true, passkeys: true }\nmodels: { default: { provider: openai-compatible, model: none, url: \"http://127.0.0.1:9/v1\" } }\nlimits: { modelAttempts: 1 }\n",
  });
  await using app = await startApp(folder, { data: scratch.free("data"), entry: madeBundle(), temporary: scratch.path });
  const post = (path: string, body: unknown, token = ""): Promise<Response> =>
    fetch(app.url + path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...(token === "" ? {} : { authorization: `Bearer ${token}` }) } });
  const signedUp = await post("/auth/sign-up/email", { email: "ann@example.com", password: "correct horse" });
  expect(signedUp.status).toBe(200);
  const { token } = await signedUp.json() as { token: string };
  expect((await fetch(`${app.url}/auth/passkey/generate-authenticate-options`)).status).toBe(200);
  expect(await (await post("/graphql", { query: "{ userList { rows { email } } }" }, token)).json()).toEqual({ data: { userList: { rows: [{ email: "ann@example.com" }] } } });
  const guessed = await post("/decide/guess", {}, token);
  expect([await guessed.json(), guessed.headers.get("Ambit-Reason")]).toEqual([3, "provider_unavailable"]);
}, 120_000);
