// Files in app code: arguments that are files, files that code writes and reads, over REST and GraphQL.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { adminToken, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
type Document @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  title: String! @default(value: "")
  file: Blob @length(max: 5000)
  pages: [Blob!]
  secret: Blob @internal

  stamp(mark: String!): Document! @action @allow(to: ["clerk"])
  attach(file: Blob! @length(min: 2, max: 4000), title: String): Document! @action @allow(to: ["clerk"])
  import(files: [Blob!]!, title: String!): Document! @action(on: TABLE) @allow(to: ["clerk"])
  spoil: Document @action @allow(to: ["clerk"])
}
type Told { name: String type: String! size: Int! hash: String! count: Int! }
type Endpoints {
  look(file: Blob!, count: Int!): Told! @http(method: POST, path: "/look") @allow(to: ["public"])
  share(id: ID!): String @http(method: POST, path: "/share", transaction: NONE) @allow(to: ["clerk"])
  copy(id: ID!): Document @http(method: POST, path: "/copy", transaction: NONE) @allow(to: ["clerk"])
  ways(file: String!): Boolean @http(method: POST, path: "/ways", transaction: NONE) @allow(to: ["clerk"])
}`;

const resources = `
import { createHash } from "node:crypto";
import { Table, endpoints } from "ambit";
export class Document extends Table("Document") {
  async stamp({ mark }) {
    const text = this.file === null ? "" : await (await this.ctx.file(this.file).blob()).text();
    return this.update({ file: new Blob([text + mark]) });
  }
  async attach({ file, title }) { return this.update({ file, title: title ?? file.name ?? "" }); }
  static async import(ctx, { files, title }) { return ctx.db.Document.create({ title, pages: files, file: new TextEncoder().encode(title) }); }
  async spoil() { await this.update({ file: new Blob(["spoilt"]) }); throw this.ctx.error(409, "SPOILT", "No."); }
}
export const Endpoints = endpoints({
  async look(ctx, { file, count }) {
    return { name: file.name ?? null, type: file.type, size: file.size, hash: createHash("sha256").update(await file.bytes()).digest("hex"), count };
  },
  async share(ctx, { id }) {
    const record = await ctx.db.Document.get(id);
    return (await ctx.file(record.file).link({ expires: "PT1M" })).url;
  },
  async copy(ctx, { id }) {
    const { file, title } = await ctx.db.Document.get(id);
    return ctx.db.Document.create({ title, file: await ctx.file(file).blob(), secret: new Blob(["secret"]) });
  },
  async ways(ctx, { file }) {
    await ctx.file({ url: file }).blob();
    return true;
  },
});`;

let app: StartedApp;
beforeAll(async () => {
  app = await startTestApp({ schema, resources, config: "auth:\n  keys:\n    - { token: key-ann, subject: ann, roles: [clerk] }\n    - { token: key-bob, subject: bob, roles: [clerk] }\n" });
});
afterAll(() => app?.stop());

const authorization = { authorization: "Bearer key-ann" };
async function send(path: string, body: string | Uint8Array | FormData | null, headers: Record<string, string> = {}, method = "POST"): Promise<{ status: number; body: Record<string, unknown>; text: string }> {
  const response = await fetch(app.url + path, { method, headers: { ...authorization, ...headers }, ...(body === null ? {} : { body }) });
  const text = await response.text();
  return { status: response.status, text, body: (response.headers.get("content-type") ?? "").includes("json") && text !== "" ? JSON.parse(text) as Record<string, unknown> : {} };
}
const json = (path: string, body: unknown, method = "POST"): ReturnType<typeof send> => send(path, JSON.stringify(body), { "content-type": "application/json" }, method);
const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
const text = async (url: unknown): Promise<string> => (await send(String(url), null, {}, "GET")).text;

test("an argument that is a file: as a part of a form, or as the body itself", async () => {
  const form = new FormData();
  form.set("file", new File(["%PDF-1.7 hello"], "a.pdf", { type: "image/png" }));
  form.set("count", "3");
  expect((await send("/look", form)).body).toEqual({ name: "a.pdf", type: "application/pdf", size: 14, hash: sha("%PDF-1.7 hello"), count: 3 });
  expect((await send("/look?count=4", "words", { "content-type": "image/png" })).body).toEqual({ name: "", type: "text/plain;charset=utf-8", size: 5, hash: sha("words"), count: 4 });
  const twice = new FormData();
  for (const content of ["a", "b"]) twice.append("file", new File([content], "x"));
  twice.set("count", "1");
  expect((await send("/look", twice)).body).toMatchObject({ code: "MALFORMED_BODY" });
  expect((await json("/look", { file: "words", count: 1 })).body).toMatchObject({ code: "VALIDATION_FAILED" });
  expect((await send("/look", "--x\r\nbroken", { "content-type": "multipart/form-data; boundary=x" })).body).toMatchObject({ code: "MALFORMED_BODY" });
  expect((await send("/look", new Uint8Array(1_000_001), { "content-type": "application/octet-stream" })).body).toMatchObject({ code: "BODY_TOO_LARGE" });
  const stranger = new FormData();
  stranger.set("file", new File(["a"], "x"));
  stranger.set("count", "1");
  stranger.set("more", "1");
  expect((await send("/look", stranger)).body).toMatchObject({ code: "VALIDATION_FAILED", where: "more" });
});

test("the same form again is the same request, whatever its boundary", async () => {
  const key = { "idempotency-key": crypto.randomUUID() };
  const form = (content: string): FormData => {
    const made = new FormData();
    made.set("title", "once");
    made.append("files", new File([content], "1.txt"));
    return made;
  };
  const first = await send("/Document/import", form("one"), key);
  const again = await send("/Document/import", form("one"), key);
  expect([first.status, again.body["id"]]).toEqual([200, first.body["id"]]);
  expect((await send("/Document/import", form("two"), key)).body).toMatchObject({ code: "IDEMPOTENCY_MISMATCH" });
});

test("code writes files and reads them", async () => {
  const form = new FormData();
  form.set("title", "two pages");
  for (const content of ["page one", "page two"]) form.append("files", new File([content], `${content}.txt`));
  const made = await send("/Document/import", form);
  expect(made.status, made.text).toBe(200);
  const { id, file, pages } = made.body as { id: string; file: { url: string }; pages: { url: string; name: string }[] };
  expect([await text(file.url), ...await Promise.all(pages.map(({ url }) => text(url)))]).toEqual(["two pages", "page one", "page two"]);
  expect(pages.map(({ name }) => name)).toEqual(["page one.txt", "page two.txt"]);
  const stamped = await json(`/Document/${id}/stamp`, { mark: "!" });
  expect(await text((stamped.body["file"] as { url: string }).url)).toBe("two pages!");
  const attach = new FormData();
  attach.set("file", new File(["attached"], "c.txt"));
  expect((await send(`/Document/${id}/attach`, attach)).body).toMatchObject({ title: "c.txt", file: { size: 8, type: "text/plain", hash: sha("attached") } });
  const long = new FormData();
  long.set("file", new File(["x".repeat(4_001)], "c.txt"));
  expect((await send(`/Document/${id}/attach`, long)).body).toMatchObject({ code: "VALIDATION_FAILED", details: [{ path: "file", code: "TOO_LONG" }] });
  expect((await json(`/Document/${id}/stamp`, { mark: "x".repeat(6_000) })).body).toMatchObject({ code: "BODY_TOO_LARGE" });
  expect((await json(`/Document/${id}/spoil`, {})).body).toMatchObject({ code: "SPOILT" });
  expect(await text(((await send(`/Document/${id}`, null, {}, "GET")).body["file"] as { url: string }).url)).toBe("attached");
});

test("links and copies by code", async () => {
  const made = await json("/Document", { title: "to share" });
  expect(made.status).toBe(201);
  const list = JSON.parse((await send("/Document?title=eq.to share", null, {}, "GET")).text) as { id: string }[];
  const { id } = list[0]!;
  await json(`/Document/${id}/stamp`, { mark: "shared" });
  const link = JSON.parse((await json("/share", { id })).text) as string;
  expect(await (await fetch(app.url + link)).text()).toBe("shared");
  const copy = (await json("/copy", { id })).body as { id: string; file: { url: string; hash: string } };
  expect([copy.file.hash, await text(copy.file.url)]).toEqual([sha("shared"), "shared"]);
  expect(Object.keys(copy)).not.toContain("secret");
  expect((await json("/ways", { file: "/files/../../etc/passwd" })).status).toBe(400);
  expect((await json("/ways", { file: `/files/${"0".repeat(40)}` })).status).toBe(404);
});

test("many who change one record's file at once: each content is there, nobody's is lost", async () => {
  await json("/Document", { id: "busy", title: "busy" });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => json("/Document/busy/stamp", { mark: `${index},` })));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const final = (await send("/Document/busy", null, {}, "GET")).body["file"] as { url: string };
  expect((await text(final.url)).split(",").filter((part) => part !== "").map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
}, 120_000);

test("GraphQL shows files and takes their urls; what takes files is not there", async () => {
  const query = async (source: string, variables = {}): Promise<{ data?: Record<string, unknown>; errors?: unknown }> => (await json("/graphql", { query: source, variables })).body;
  const uploaded = await send("/files/Document/file?name=g.txt", "by graph");
  const { url } = uploaded.body as { url: string };
  const created = await query("mutation ($url: String!) { createDocument(input: { id: \"g\", title: \"g\", file: { url: $url } }) { id file { url size type name hash } } }", { url });
  expect(created).toEqual({ data: { createDocument: { id: "g", file: { url, size: 8, type: "text/plain", name: "g.txt", hash: sha("by graph") } } } });
  expect(await query('{ documentList(filter: { id: { eq: "g" } }) { rows { file { size } } } }')).toEqual({ data: { documentList: { rows: [{ file: { size: 8 } }] } } });
  const fields = await query('{ __type(name: "Mutation") { fields { name } } }') as { data: { __type: { fields: { name: string }[] } } };
  const names = fields.data.__type.fields.map(({ name }) => name);
  expect([names.includes("stampDocument"), names.includes("attachDocument"), names.includes("look")]).toEqual([true, false, false]);
});

test("OpenAPI says where files go", async () => {
  const document = JSON.parse((await send("/openapi.json", null, {}, "GET")).text) as { paths: Record<string, unknown>; components: { schemas: Record<string, unknown> } };
  expect(Object.keys(document.paths).filter((path) => path.startsWith("/files"))).toEqual(["/files/Document/file", "/files/Document/pages", "/files/{id}", "/files/{id}/link"]);
  expect(JSON.stringify(document.paths["/look"])).toContain("multipart/form-data");
  expect(document.components.schemas["Blob"]).toMatchObject({ required: ["url"] });
  const nobody = await (await fetch(`${app.url}/openapi.json`)).text();
  expect(nobody).not.toContain("/files");
  expect(adminToken).not.toBe("");
});

test("changes of a followed query tell the new file", async () => {
  const response = await fetch(`${app.url}/Document/busy`, { headers: { ...authorization, accept: "text/event-stream" } });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = (await reader.read()).value ?? "";
  expect(seen).toContain("/files/");
  const { body } = await json("/Document/busy/stamp", { mark: "live" });
  const { url } = body["file"] as { url: string };
  for (let turn = 0; turn < 50 && !seen.includes(url); turn++) seen += (await reader.read()).value ?? "";
  expect(seen).toContain(url);
  await reader.cancel();
});
