// Files over HTTP: brought for a field, referred to by a record, read by who may read the field and by nobody else.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { fakeClock, type FakeClock } from "../../src/base/clock.ts";
import { adminToken, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
type Listing @table(history: "P90D", trash: "P30D") @export
  @allow(to: ["public"], do: [READ], where: "record.published")
  @allow(to: ["seller"], do: [READ, CREATE, UPDATE, DELETE], where: "record.sellerId == auth.subject")
  @check(rule: "record.image == null || record.image.type.startsWith('image/')", message: "Only images.")
{
  id: ID! @primaryKey
  sellerId: ID! @createdBy
  title: String! @default(value: "")
  published: Boolean! @default(value: false)
  image: Blob @length(max: 200000)
  more: [Blob!]! @length(max: 3)
  contract: Blob @allow(to: ["seller"], do: [READ, CREATE, UPDATE])
  scan: Blob @readOnly
}
type Note @table(tenant: "org") @export @allow(to: ["member"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey org: ID! file: Blob }
type Post @table @export @allow(to: ["public"], do: [READ], where: "record.published") @allow(to: ["seller"], do: [CREATE, UPDATE]) { id: ID! @primaryKey published: Boolean! image: Blob! }
type Hidden @table { id: ID! @primaryKey file: Blob }`;

const config = `
auth:
  keys:
    - { token: key-ann, subject: ann, roles: [seller] }
    - { token: key-bob, subject: bob, roles: [seller] }
    - { token: key-eve, subject: eve, roles: [] }
    - { token: key-m1, subject: m1, roles: [member], tenant: t1 }
    - { token: key-m2, subject: m2, roles: [member], tenant: t2 }
limits: { pendingFiles: 30, fileBytes: 300000 }
`;

let app: StartedApp;
let clock: FakeClock;
beforeAll(async () => {
  clock = fakeClock();
  app = await startTestApp({ schema, config }, { clock });
});
afterAll(() => app?.stop());

interface Answered { readonly status: number; readonly headers: Headers; readonly bytes: Uint8Array; readonly body: Record<string, unknown> }

async function ask(method: string, path: string, { as = "ann", json, raw, headers = {} }: { as?: string | null; json?: unknown; raw?: Uint8Array | string; headers?: Record<string, string> } = {}): Promise<Answered> {
  const token = as === "admin" ? adminToken : `key-${as}`;
  const response = await fetch(app.url + path, {
    method, headers: { ...(as === null ? {} : { authorization: `Bearer ${token}` }), ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(raw !== undefined ? { body: raw } : json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const bytes = await response.bytes();
  const isJson = (response.headers.get("content-type") ?? "").endsWith("json") && !path.startsWith("/files/") || (response.headers.get("content-type") ?? "").includes("problem") || method === "POST";
  return { status: response.status, headers: response.headers, bytes, body: isJson && bytes.length > 0 ? JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown> : {} };
}
const code = ({ status, body }: Answered): string => `${status} ${String(body["code"])}`;

const PNG = Uint8Array.from(Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64"));
const sha = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
let count = 0;
/** Another picture each time. */
const picture = (size = PNG.length + 8): Uint8Array => {
  const bytes = new Uint8Array(Math.max(size, PNG.length + 8));
  bytes.set(PNG);
  bytes.set(new TextEncoder().encode(String(++count).padStart(8, "0")), PNG.length);
  return bytes;
};

async function upload(raw: Uint8Array | string, path = "/files/Listing/image", as = "ann"): Promise<Record<string, unknown> & { url: string }> {
  const sent = await ask("POST", path, { raw, as });
  expect(sent.status, new TextDecoder().decode(sent.bytes)).toBe(201);
  return sent.body as Record<string, unknown> & { url: string };
}

test("what is brought is described, referred to and handed out", async () => {
  const bytes = picture(150_000);
  const sent = await ask("POST", "/files/Listing/image?name=K%C3%BCche.png", { raw: bytes, headers: { "content-type": "text/html" } });
  expect(sent.status).toBe(201);
  expect(sent.body).toEqual({ url: expect.stringMatching(/^\/files\/[0-9a-f]{40}$/), size: 150_000, type: "image/png", name: "Küche.png", hash: sha(bytes) });
  expect(sent.headers.get("location")).toBe(sent.body["url"] as string);
  const url = sent.body["url"] as string;
  expect((await ask("GET", url)).status).toBe(404);
  expect((await ask("PUT", "/Listing/a", { json: { title: "A", image: { url }, more: [] } })).status).toBe(201);
  expect((await ask("GET", "/Listing/a")).body).toMatchObject({ image: sent.body });
  const got = await ask("GET", url);
  expect([got.status, got.headers.get("content-type"), got.headers.get("content-length"), sha(got.bytes)]).toEqual([200, "image/png", "150000", sha(bytes)]);
  expect(got.headers.get("content-disposition")).toBe(`inline; filename="K_che.png"; filename*=UTF-8''K%C3%BCche.png`);
  expect(got.headers.get("x-content-type-options")).toBe("nosniff");
  expect(got.headers.get("content-security-policy")).toContain("sandbox");
  expect(got.headers.get("etag")).toBe(`"${sha(bytes)}"`);
  const head = await ask("HEAD", url);
  expect([head.status, head.headers.get("content-length"), head.bytes.length]).toEqual([200, "150000", 0]);
  expect((await ask("GET", url, { headers: { "if-none-match": got.headers.get("etag")! } })).status).toBe(304);
  expect(code(await ask("GET", url, { headers: { "if-match": '"other"' } }))).toBe("412 PRECONDITION_FAILED");
});

test("ranges", async () => {
  const bytes = picture(1_000);
  const { url } = await upload(bytes);
  await ask("PUT", "/Listing/ranges", { json: { image: url, more: [] } });
  const ranged = async (range: string, headers = {}): Promise<unknown[]> => {
    const got = await ask("GET", url, { headers: { range, ...headers } });
    return [got.status, got.headers.get("content-range"), got.bytes.length, Buffer.from(got.bytes).equals(Buffer.from(bytes.subarray(...bounds(got.headers.get("content-range")))))];
  };
  const bounds = (header: string | null): [number, number] => {
    const match = /^bytes (\d+)-(\d+)\//.exec(header ?? "");
    return match === null ? [0, bytes.length] : [Number(match[1]), Number(match[2]) + 1];
  };
  expect(await ranged("bytes=0-99")).toEqual([206, "bytes 0-99/1000", 100, true]);
  expect(await ranged("bytes=900-")).toEqual([206, "bytes 900-999/1000", 100, true]);
  expect(await ranged("bytes=-10")).toEqual([206, "bytes 990-999/1000", 10, true]);
  expect(await ranged("bytes=-5000")).toEqual([206, "bytes 0-999/1000", 1000, true]);
  expect(await ranged("bytes=999-99999999")).toEqual([206, "bytes 999-999/1000", 1, true]);
  expect(await ranged("bytes=0-9", { "if-range": `"${sha(bytes)}"` })).toEqual([206, "bytes 0-9/1000", 10, true]);
  for (const [range, headers] of [["bytes=5-2"], ["bytes=0-1,3-4"], [`bytes=${"0-0,".repeat(500)}1-1`], ["lines=1-2"], ["bytes=a-b"], ["bytes=0-9", { "if-range": '"other"' }]] as const) {
    expect(await ranged(range, headers ?? {})).toEqual([200, null, 1000, true]);
  }
  for (const range of ["bytes=1000-", "bytes=-0", "bytes=999999999999999-"]) {
    const got = await ask("GET", url, { headers: { range } });
    expect([got.status, got.headers.get("content-range")]).toEqual([416, "bytes */1000"]);
  }
  const head = await ask("HEAD", url, { headers: { range: "bytes=0-9" } });
  expect([head.status, head.headers.get("content-range"), head.headers.get("content-length")]).toEqual([200, null, "1000"]);
});

test("rules as for the record: who may read the field, and nobody else", async () => {
  const image = await upload(picture());
  const contract = await upload("a contract", "/files/Listing/contract");
  await ask("PUT", "/Listing/rules", { json: { image: image.url, contract: contract.url, more: [] } });
  for (const as of [null, "bob", "eve"]) for (const { url } of [image, contract]) expect([as, (await ask("GET", url, { as })).status]).toEqual([as, 404]);
  for (const as of ["ann", "admin"]) for (const { url } of [image, contract]) expect([as, (await ask("GET", url, { as })).status]).toEqual([as, 200]);
  await ask("PATCH", "/Listing/rules", { json: { published: true } });
  for (const as of [null, "eve"]) {
    const seen = await ask("GET", image.url, { as });
    expect([seen.status, seen.headers.get("cache-control")]).toEqual([200, "private, no-cache"]);
    expect((await ask("GET", contract.url, { as })).status).toBe(404);
  }
  expect((await ask("GET", contract.url, { as: "bob" })).status).toBe(200);
  // What was public is in the record's history; a table without one forgets.
  await ask("PATCH", "/Listing/rules", { json: { published: false } });
  expect((await ask("GET", image.url, { as: "bob" })).status).toBe(200);
  const post = await upload(picture(), "/files/Post/image");
  await ask("PUT", "/Post/p", { json: { image: post.url, published: true } });
  expect([(await ask("GET", post.url, { as: null })).status, (await ask("GET", post.url, { as: "bob" })).headers.get("cache-control")]).toEqual([200, "private, no-cache"]);
  await ask("PATCH", "/Post/p", { json: { published: false } });
  expect((await ask("GET", post.url, { as: null })).status).toBe(404);
  expect((await ask("GET", `/files/${"0".repeat(40)}`)).status).toBe(404);
});

test("who may set the field may bring a file for it", async () => {
  for (const [as, path, wanted] of [
    [null, "/files/Listing/image", "401 UNAUTHENTICATED"], ["eve", "/files/Listing/image", "403 FORBIDDEN"], ["m1", "/files/Listing/image", "403 FORBIDDEN"],
    ["ann", "/files/Listing/title", "404 NOT_FOUND"], ["ann", "/files/Listing/nothing", "404 NOT_FOUND"], ["ann", "/files/Hidden/file", "404 NOT_FOUND"], ["admin", "/files/Hidden/file", "404 NOT_FOUND"],
    ["ann", "/files/Listing/scan", "422 READ_ONLY_FIELD"], ["ann", "/files/Listing", "404 NOT_FOUND"], ["ann", "/files", "404 NOT_FOUND"], ["ann", "/files/Listing/image/more", "404 NOT_FOUND"],
    ["ann", "/files/..%2f..%2fetc/passwd", "404 NOT_FOUND"], ["ann", "/files/Listing/__proto__", "404 NOT_FOUND"],
  ] as const) expect([path, as, code(await ask("POST", path, { raw: PNG, as }))]).toEqual([path, as, wanted]);
  expect(code(await ask("GET", "/files/Listing/image"))).toBe("405 undefined".replace("undefined", "METHOD_NOT_ALLOWED"));
});

test("a file is for the field that it was brought for, by who brought it, and for one record", async () => {
  const file = await upload(picture());
  const problem = async (method: string, path: string, json: unknown, as = "ann"): Promise<string> => {
    const { status, body } = await ask(method, path, { json, as });
    return `${status} ${JSON.stringify(((body["details"] ?? []) as { path: string; code: string }[]).map((one) => `${one.path} ${one.code}`))}`;
  };
  expect(await problem("POST", "/Listing", { image: file.url, more: [] }, "bob")).toBe('400 ["image UNKNOWN_FILE"]');
  expect(await problem("POST", "/Listing", { contract: file.url, more: [] })).toBe('400 ["contract UNKNOWN_FILE"]');
  expect(await problem("POST", "/Listing", { more: [file.url] })).toBe('400 ["more[0] UNKNOWN_FILE"]');
  expect(await problem("POST", "/Listing", { image: `/files/${"a".repeat(40)}`, more: [] })).toBe('400 ["image UNKNOWN_FILE"]');
  expect(await problem("POST", "/Listing", { image: { ...file, size: 1 }, more: [] })).toBe('400 ["image UNKNOWN_FILE"]');
  for (const image of ["../../etc/passwd", "/files/../x", `${file.url}/..`, { url: file.url, other: 1 }, { size: 3 }, 7, [file.url], "", { url: null }]) {
    expect(await problem("POST", "/Listing", { image, more: [] })).toBe('400 ["image WRONG_TYPE"]');
  }
  expect((await ask("PUT", "/Listing/one", { json: { image: file, more: [] } })).status).toBe(201);
  expect(await problem("POST", "/Listing", { image: file.url, more: [] })).toBe('400 ["image UNKNOWN_FILE"]');
  // The same again is nothing new.
  const before = (await ask("GET", "/Listing/one")).headers.get("etag");
  expect((await ask("PATCH", "/Listing/one", { json: { image: file.url } })).status).toBe(204);
  expect((await ask("GET", "/Listing/one")).headers.get("etag")).toBe(before);
  const whole = (await ask("GET", "/Listing/one")).body;
  expect((await ask("PUT", "/Listing/one", { json: { ...whole, title: "again" } })).status).toBe(204);
  expect((await ask("GET", file.url)).status).toBe(200);
});

test("two records that want the same file at once: one gets it", async () => {
  const { url } = await upload(picture());
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => ask("PUT", `/Listing/race${index}`, { json: { image: url, more: [] } })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400, 400, 400, 400]);
});

test("checks see type and size, limits hold, lists are lists", async () => {
  const text = await upload("only words");
  expect(text).toMatchObject({ type: "text/plain", size: 10 });
  expect(code(await ask("POST", "/Listing", { json: { image: text.url, more: [] } }))).toBe("422 CHECK_FAILED");
  expect(code(await ask("POST", "/files/Listing/image", { raw: picture(200_001) }))).toBe("413 BODY_TOO_LARGE");
  expect(code(await ask("POST", "/files/Listing/contract", { raw: picture(300_001) }))).toBe("413 BODY_TOO_LARGE");
  const many = await Promise.all(Array.from({ length: 4 }, async () => (await upload(picture(), "/files/Listing/more")).url));
  expect((await ask("POST", "/Listing", { json: { more: many } })).body).toMatchObject({ details: [{ code: "TOO_LONG" }] });
  expect((await ask("PUT", "/Listing/list", { json: { more: many.slice(0, 3) } })).status).toBe(201);
  expect((await ask("PATCH", "/Listing/list", { json: { more: [many[2], many[0]] } })).status).toBe(204);
  expect((await ask("GET", "/Listing/list?select=more->0->>type,more")).body).toBeDefined();
  expect((await ask("GET", "/Listing?select=id&image->>type=eq.image/png&limit=1")).status).toBe(200);
  expect((await ask("GET", "/Listing?select=image->size&id=eq.one")).bytes.length).toBeGreaterThan(2);
});

test("what is hostile about an upload is refused", async () => {
  for (const [name, wanted] of [["..", 400], ["a/b.png", 400], ["a\\b.png", 400], ["x".repeat(256), 400], ["a\u0000b", 400], ["a\r\nb", 400], ["a\u202egnp.exe", 400], ["good name.png", 201]] as const) {
    expect([name, (await ask("POST", `/files/Listing/image?name=${encodeURIComponent(name)}`, { raw: picture() })).status]).toEqual([name, wanted]);
  }
  const post = (headers: Record<string, string>, query = ""): Promise<Answered> => ask("POST", `/files/Listing/image${query}`, { raw: PNG, headers });
  expect(code(await post({ "content-encoding": "gzip" }))).toBe("415 UNSUPPORTED_MEDIA_TYPE");
  expect(code(await post({ "content-type": "multipart/form-data; boundary=x" }))).toBe("415 UNSUPPORTED_MEDIA_TYPE");
  expect(code(await post({ "idempotency-key": crypto.randomUUID() }))).toBe("400 MALFORMED_HEADER");
  expect(code(await post({}, "?other=1"))).toBe("400 UNKNOWN_PARAMETER");
  const page = await upload("<html><script>alert(1)</script></html>", "/files/Listing/contract");
  expect(page).toMatchObject({ type: "text/plain" });
  await ask("PUT", "/Listing/page", { json: { contract: page.url, more: [] } });
  expect((await ask("GET", page.url)).headers.get("content-type")).toBe("text/plain; charset=utf-8");
  const drawing = await upload('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "/files/Listing/contract");
  await ask("PUT", "/Listing/drawing", { json: { contract: drawing.url, more: [] } });
  expect((await ask("GET", drawing.url)).headers.get("content-disposition")).toStartWith("attachment");
});

test("an upload that takes too long is ended", async () => {
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(app.port, "127.0.0.1", () => {
      socket.write("POST /files/Listing/image HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key-ann\r\nContent-Length: 1000\r\n\r\nsome");
      void Bun.sleep(100).then(() => clock.advance(600_001));
    });
    socket.once("data", (data) => { resolve(String(data)); socket.destroy(); });
  });
  expect(answer).toStartWith("HTTP/1.1 408");
  expect(answer).toContain("REQUEST_TIMEOUT");
});

test("an empty file is a file", async () => {
  const empty = await upload("", "/files/Listing/contract");
  expect(empty).toMatchObject({ size: 0, type: "text/plain", hash: sha("") });
  await ask("PUT", "/Listing/empty", { json: { contract: empty.url, more: [] } });
  const got = await ask("GET", empty.url);
  expect([got.status, got.bytes.length, got.headers.get("content-length")]).toEqual([200, 0, "0"]);
  expect((await ask("GET", empty.url, { headers: { range: "bytes=0-" } })).status).toBe(416);
});

test("links are good for one file until they expire", async () => {
  const file = await upload(picture());
  await ask("PUT", "/Listing/linked", { json: { image: file.url, more: [] } });
  const other = await upload(picture());
  await ask("PUT", "/Listing/other", { json: { image: other.url, more: [] } });
  const made = await ask("POST", `${file.url}/link`, { json: { expires: "PT10M" } });
  expect(made.status).toBe(200);
  const link = made.body["url"] as string;
  expect((await ask("GET", link, { as: null })).status).toBe(200);
  expect((await ask("GET", link.replace(file.url, other.url), { as: null })).status).toBe(404);
  expect((await ask("GET", link.replace(/expires=(\d+)/, (_, at: string) => `expires=${Number(at) + 1}`), { as: null })).status).toBe(404);
  expect((await ask("GET", link.slice(0, -2), { as: null })).status).toBe(404);
  expect((await ask("GET", `${file.url}?expires=1`, { as: null })).status).toBe(400);
  for (const as of ["bob", null]) expect((await ask("POST", `${file.url}/link`, { json: { expires: "PT10M" }, as })).status).toBe(404);
  for (const expires of ["PT0S", "P8D", "soon", 5, null]) expect(code(await ask("POST", `${file.url}/link`, { json: { expires } }))).toBe("400 VALIDATION_FAILED");
  clock.advance(601_000);
  expect((await ask("GET", link, { as: null })).status).toBe(404);
  const again = (await ask("POST", `${file.url}/link`, { json: { expires: "PT10M" } })).body["url"] as string;
  await ask("PATCH", "/Listing/linked", { json: { image: null } });
  expect((await ask("GET", again, { as: null })).status).toBe(404);
});

test("a tenant's files are its own", async () => {
  const file = await upload(picture(), "/files/Note/file", "m1");
  expect((await ask("PUT", "/Note/n2", { json: { file: file.url }, as: "m2" })).status).toBe(400);
  expect((await ask("PUT", "/Note/n1", { json: { file: file.url }, as: "m1" })).status).toBe(201);
  expect((await ask("GET", file.url, { as: "m1" })).status).toBe(200);
  expect((await ask("GET", file.url, { as: "m2" })).status).toBe(404);
  expect((await ask("GET", file.url, { as: "admin", headers: { "x-ambit-tenant": "t2" } })).status).toBe(404);
  expect((await ask("GET", file.url, { as: "admin" })).status).toBe(200);
});

test("former versions and the trash keep their files; afterwards they go", async () => {
  const sweep = async (): Promise<void> => { for (let turn = 0; turn < 3; turn++) { clock.advance(90_000_000); await Bun.sleep(60); } };
  const [first, second, lone] = [await upload(picture()), await upload(picture()), await upload(picture())];
  await ask("PUT", "/Listing/kept", { json: { image: first.url, more: [] } });
  await ask("PATCH", "/Listing/kept", { json: { image: second.url } });
  expect((await ask("GET", first.url)).status).toBe(200);
  expect((await ask("GET", first.url, { as: "bob" })).status).toBe(404);
  await sweep();
  const isNoted = (url: string): boolean => app.running.storage.reader.values(`SELECT 1 FROM "$file" WHERE '/files/' || "id" = ?1`, url).length > 0;
  for (let turn = 0; turn < 200 && isNoted(lone.url); turn++) { clock.advance(120_000); await Bun.sleep(50); }
  expect((await ask("PATCH", "/Listing/kept", { json: { image: lone.url } })).status).toBe(400);
  expect((await ask("GET", first.url)).status).toBe(200);
  await ask("DELETE", "/Listing/kept");
  await sweep();
  expect((await ask("POST", "/Listing/kept/restore")).status).toBeLessThan(300);
  expect(sha((await ask("GET", second.url)).bytes)).toBe(second["hash"] as string);
  expect((await ask("PATCH", "/Listing/kept", { json: { image: first.url } })).status).toBe(204);
  await ask("DELETE", "/Listing/kept");
  const left = (): unknown => app.running.storage.reader.values(`SELECT count(*) FROM "$file" WHERE '/files/' || "id" IN (?1, ?2, ?3)`, first.url, second.url, lone.url)[0]![0];
  expect(left()).toBe(2);
  clock.advance(100 * 86_400_000);
  for (let turn = 0; turn < 100 && left() !== 0; turn++) { await Bun.sleep(100); clock.advance(3_600_000); }
  expect(left()).toBe(0);
  expect((await ask("GET", first.url)).status).toBe(404);
}, 120_000);

test("too many files that nothing refers to", async () => {
  let last = 201;
  for (let index = 0; index < 40 && last === 201; index++) last = (await ask("POST", "/files/Listing/image", { raw: picture(), as: "bob" })).status;
  expect(last).toBe(503);
}, 120_000);
