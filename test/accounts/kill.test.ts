// kill -9 while people sign up: an account and its password are there both or neither, and whoever was told that they have signed up has; sessions
// and signed tokens of before still count.
import { afterAll, expect, test } from "bun:test";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { Visitor } from "./visitor.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 100 : 6;
const WRITERS = 6;
const scratch = scratchFolder();
afterAll(() => scratch.remove());

const files = {
  "schema.graphql": `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
}
type Endpoints {
  who: ID @http(method: GET) @allow(to: ["public"])
  visit: String! @http @allow(to: ["public"])
  count(email: String!): Int! @http(method: GET) @allow(to: ["public"])
}
`,
  "resources.ts": `import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async who(ctx) { return ctx.auth.subject; },
  async visit(ctx) { return ctx.token({ subject: "visitor", roles: [], claims: {} }); },
  async count(ctx, { email }) { return ctx.system.User.count({ email }); },
});
`,
  "config.yaml": "auth: { password: true }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n",
};
const password = "correct horse";

test(`${KILLS} kills while people sign up`, async () => {
  const folder = scratch.app(files);
  const data = scratch.free("data");
  const told = new Map<string, string | null>();
  let visitorToken: string | null = null;
  let app: AppProcess;
  for (let round = 0; round < KILLS; round++) {
    app = await startApp(folder, { data, temporary: scratch.path });
    // The library is loaded before the clock runs.
    await new Visitor(app.url).post("/auth/sign-up/email", { email: `first${round}@example.com`, password });
    visitorToken ??= (await new Visitor(app.url).post("/visit")).json as unknown as string;
    const work = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let turn = 0; ; turn++) {
        const email = `k${round}-${writer}-${turn}@example.com`;
        told.set(email, null);
        try {
          const { status, json } = await new Visitor(app.url).post("/auth/sign-up/email", { email, password });
          if (status === 200) told.set(email, json["token"]!);
        } catch {
          return;
        }
      }
    });
    await Bun.sleep(40 + round * 37 % 200);
    await app.kill();
    await Promise.all(work);
  }
  app = await startApp(folder, { data, temporary: scratch.path });
  const visitor = new Visitor(app.url);
  visitor.origin = null;
  const as = (token: string): { headers: { authorization: string } } => ({ headers: { authorization: `Bearer ${token}` } });
  let acknowledged = 0;
  for (const [email, token] of told) {
    const records = (await visitor.get(`/count?email=${email}`)).json as unknown as number;
    const { status } = await new Visitor(app.url).post("/auth/sign-in/email", { email, password });
    expect([email, records, status]).toEqual([email, records === 1 ? 1 : 0, records === 1 ? 200 : 401]);
    if (token === null) continue;
    acknowledged++;
    expect([email, records]).toEqual([email, 1]);
    expect((await visitor.get("/who", as(token))).json as unknown).toBeString();
  }
  expect(acknowledged).toBeGreaterThan(0);
  expect((await visitor.get("/who", as(visitorToken!))).json as unknown).toBe("visitor");
  await app.stop();
}, 240_000);
