// Many clients at once on the same records: exactly one wins where one may, nothing is lost where all may, and nobody sees a half.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { countAnswers, type HttpAnswer, type HttpCaller, httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { racesConfig, racesResources, racesSchema, writerKey } from "./races-app.ts";

const ROUNDS = process.env["AMBIT_TEST_SIZE"] === "long" ? 200 : 30;

const scratch = scratchFolder();
let app: AppProcess;
let caller: HttpCaller;
beforeAll(async () => {
  const folder = scratch.app({ "schema.graphql": racesSchema, "resources.ts": racesResources, "config.yaml": racesConfig });
  app = await startApp(folder, { data: scratch.free("data"), temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  caller = httpCaller(() => app.url, writerKey);
});
afterAll(async () => {
  await app.kill();
  scratch.remove();
});

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));
const together = (count: number, send: (index: number) => Promise<HttpAnswer>): Promise<HttpAnswer[]> => Promise.all(times(count, send));
const wholeTable = { prefer: "return=representation" };

let names = 0;
const free = (kind: string): string => `${kind}-${++names}`;

async function create(path: string, body: object): Promise<void> {
  const answer = await caller.post(path, body);
  if (answer.status !== 201) throw new Error(answer.text);
}

test("50 writers with the same If-Match: one success in each round, by PATCH and by PUT", async () => {
  const id = free("page");
  await create("/Page", { id, text: "first", writer: -1 });
  for (let round = 0; round < ROUNDS; round++) {
    const etag = (await caller.get(`/Page/${id}`)).headers.get("etag")!;
    const answers = await together(50, (writer) => (writer % 2 === 0
      ? caller.patch(`/Page/${id}`, { text: `round ${round}`, writer }, { "if-match": etag })
      : caller.put(`/Page/${id}`, { text: `round ${round}`, writer }, { "if-match": etag })));
    const winners = answers.flatMap(({ status }, writer) => (status < 300 ? [writer] : []));
    expect([round, winners.length, countAnswers(answers)["412 PRECONDITION_FAILED"]]).toEqual([round, 1, 49]);
    expect((await caller.get(`/Page/${id}?select=text,writer`)).json()).toEqual({ text: `round ${round}`, writer: winners[0]! });
  }
});

test("50 writers with the same If-Match where each change goes through code", async () => {
  const id = free("article");
  await create("/Article", { id, text: "first", writer: -1 });
  for (let round = 1; round <= ROUNDS; round++) {
    const etag = (await caller.get(`/Article/${id}`)).headers.get("etag")!;
    const answers = await together(50, (writer) => caller.patch(`/Article/${id}`, { text: `round ${round}`, writer }, { "if-match": etag }));
    const winners = answers.flatMap(({ status }, writer) => (status < 300 ? [writer] : []));
    expect([round, winners.length, countAnswers(answers)["412 PRECONDITION_FAILED"]]).toEqual([round, 1, 49]);
    expect((await caller.get(`/Article/${id}?select=writer,revision`)).json()).toEqual({ writer: winners[0]!, revision: round });
  }
});

test("writers and deleters with the same If-Match: one of them", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = free("page");
    await create("/Page", { id, text: "first", writer: -1 });
    const etag = (await caller.get(`/Page/${id}`)).headers.get("etag")!;
    const answers = await together(30, (writer) => (writer % 3 === 0 ? caller.delete(`/Page/${id}`, { "if-match": etag }) : caller.patch(`/Page/${id}`, { writer }, { "if-match": etag })));
    const winners = answers.flatMap(({ status }, writer) => (status < 300 ? [writer] : []));
    expect(winners.length).toBe(1);
    const isDeleted = winners[0]! % 3 === 0;
    // What is no longer there is not found, or does not match.
    expect(answers.every(({ status }, writer) => writer === winners[0] || status === 412 || (isDeleted && status === 404))).toBe(true);
    expect((await caller.get(`/Page/${id}`)).status).toBe(isDeleted ? 404 : 200);
  }
});

test("If-None-Match: * on PUT: one creates, 49 are refused", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = free("page");
    const answers = await together(50, (writer) => caller.put(`/Page/${id}`, { text: "made", writer }, { "if-none-match": "*" }));
    expect(countAnswers(answers)).toEqual({ "201": 1, "412 PRECONDITION_FAILED": 49 });
    expect((await caller.get(`/Page/${id}?select=writer`)).json<{ writer: number }>().writer).toBe(answers.findIndex(({ status }) => status === 201));
  }
});

test("PUT without a condition: one creates, the others replace, the last stays", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = free("page");
    const answers = await together(40, (writer) => caller.put(`/Page/${id}`, { text: "made", writer }));
    expect(answers.filter(({ status }) => status === 201).length).toBe(1);
    expect(answers.every(({ status }) => [200, 201, 204].includes(status))).toBe(true);
    expect((await caller.get(`/Page?id=eq.${id}&select=id`)).json()).toEqual([{ id }]);
  }
});

test("100 creates with one unique value: one 201, the rest 409", async () => {
  for (let round = 0; round < Math.ceil(ROUNDS / 3); round++) {
    const email = `${free("ann")}@example.com`;
    const answers = await together(100, (index) => caller.post("/Person", { email: index % 2 === 0 ? email : email.toUpperCase() }));
    expect(countAnswers(answers)).toEqual({ "201": 1, "409 UNIQUE_VIOLATION": 99 });
    expect((await caller.get(`/Person?email=ilike.${email}&select=id`)).json<unknown[]>().length).toBe(1);
  }
});

test("100 creates with one compound unique value, and of one key", async () => {
  const last = free("last");
  const compound = await together(100, (index) => caller.post("/Person", { email: `${index}-${last}@example.com`, first: "A", last }));
  expect(countAnswers(compound)).toEqual({ "201": 1, "409 UNIQUE_VIOLATION": 99 });
  const id = free("same-id");
  const keyed = await together(100, (writer) => caller.post("/Page", { id, text: "mine", writer }));
  expect(countAnswers(keyed)).toEqual({ "201": 1, "409 UNIQUE_VIOLATION": 99 });
});

test("updates to one unique value: one gets it", async () => {
  const people = times(40, (index) => `${free("p")}-${index}`);
  await create("/Person", people.map((id) => ({ id, email: `${id}@example.com` })));
  const wanted = `${free("wanted")}@example.com`;
  const answers = await Promise.all(people.map((id) => caller.patch(`/Person/${id}`, { email: wanted })));
  expect(countAnswers(answers)).toEqual({ "204": 1, "409 UNIQUE_VIOLATION": 39 });
});

test("upserts of one unique value: one row, created once; merged or ignored by the others", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const email = `${free("up")}@example.com`;
    const resolution = round % 2 === 0 ? "merge" : "ignore";
    const answers = await together(40, (visits) => caller.post("/Person?on_conflict=email", { email, visits }, { prefer: `resolution=${resolution}-duplicates, return=representation` }));
    expect(countAnswers(answers)).toEqual({ 201: 1, 200: 39 });
    const rows = (await caller.get(`/Person?email=eq.${email}&select=id,visits`)).json<{ id: string; visits: number }[]>();
    expect(rows.length).toBe(1);
    const shown = answers.flatMap((answer) => answer.json<{ id: string; visits: number }[]>());
    expect(new Set(shown.map(({ id }) => id))).toEqual(new Set([rows[0]!.id]));
    // Ignored: only the one that created it shows it.
    expect(shown.length).toBe(resolution === "merge" ? 40 : 1);
    expect(shown.map(({ visits }) => visits)).toContain(rows[0]!.visits);
  }
});

test("increments are all counted, and stop exactly at a limit and at a check", async () => {
  const id = free("tally");
  await create("/Tally", { id });
  const answers = await together(200, (index) => caller.post(`/Tally/${id}/add`, { by: 1 + (index % 3) }));
  expect(countAnswers(answers)).toEqual({ 200: 200 });
  const expected = times(200, (index) => 1 + (index % 3)).reduce((sum, one) => sum + one, 0);
  expect((await caller.get(`/Tally/${id}?select=value`)).json()).toEqual({ value: expected });
  // Each answer is a value that the counter had, and no two the same.
  expect(new Set(answers.map((answer) => answer.json<{ value: number }>().value)).size).toBe(200);
  const checked = await together(50, () => caller.post(`/Tally/${id}/addEven`, { by: 2 }));
  expect(countAnswers(checked)).toEqual({ "200": 20, "422 CHECK_FAILED": 30 });
  const drained = free("tally");
  await create("/Tally", { id: drained, value: 10 });
  const taken = await together(50, () => caller.post(`/Tally/${drained}/add`, { by: -1 }));
  expect(countAnswers(taken)["200"]).toBe(10);
  expect(taken.filter(({ status }) => status >= 400 && status < 500).length).toBe(40);
  expect((await caller.get(`/Tally/${drained}?select=value`)).json()).toEqual({ value: 0 });
});

test("an action that reads, thinks and writes is run again, not lost", async () => {
  const id = free("tally");
  await create("/Tally", { id, value: 1 });
  const answers = await together(12, () => caller.post(`/Tally/${id}/double`, {}));
  expect(countAnswers(answers)).toEqual({ 200: 12 });
  expect((await caller.get(`/Tally/${id}?select=value`)).json()).toEqual({ value: 4_096 });
});

test("parallel transfers among accounts neither make nor lose money, and never overdraw", async () => {
  const ids = times(4, () => free("account"));
  await create("/Account", ids.map((id) => ({ id, balance: 100 })));
  const answers = await together(150, (index) => caller.post(`/Account/${ids[index % 4]!}/transfer`, { to: ids[(index + 1 + (index % 3)) % 4]!, amount: 1 + (index % 30) }));
  const counts = countAnswers(answers);
  expect((counts["200"] ?? 0) + (counts["409 INSUFFICIENT"] ?? 0) + (counts["409 TRANSACTION_CONFLICT"] ?? 0)).toBe(150);
  expect(counts["200"]).toBeGreaterThan(50);
  const balances = (await caller.get(`/Account?id=in.(${ids.join(",")})&select=balance`)).json<{ balance: number }[]>().map(({ balance }) => balance);
  expect(balances.reduce((sum, one) => sum + one, 0)).toBe(400);
  expect(balances.every((one) => one >= 0)).toBe(true);
});

test("claims hand out each task once", async () => {
  await create("/Task", times(25, (index) => ({ id: `claim-${String(index).padStart(2, "0")}` })));
  const answers = await together(40, (index) => caller.post("/take", { taker: `t${index}` }));
  expect(answers.every(({ status }) => status === 200 || status === 204)).toBe(true);
  const taken = answers.flatMap((answer) => answer.json<{ id: string; taker: string } | null>() ?? []);
  expect(new Set(taken.map(({ id }) => id)).size).toBe(25);
  const stored = (await caller.get("/Task?id=like.claim-*&select=id,taker")).json<{ id: string; taker: string }[]>();
  expect(new Map(stored.map(({ id, taker }) => [id, taker]))).toEqual(new Map(taken.map(({ id, taker }) => [id, taker])));
});

test("children and the removal of their parent: never an orphan", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = free("parent");
    await create("/Parent", { id });
    const answers = await together(12, (index) => (index === 6 ? caller.delete(`/Parent/${id}`) : caller.post("/Task", { parentId: id })));
    const made = answers.filter(({ status }, index) => index !== 6 && status === 201).length;
    const isGone = (await caller.get(`/Parent/${id}`)).status === 404;
    expect([answers[6]!.status, made]).toEqual(isGone ? [204, 0] : [409, 11]);
    const numbers = (await caller.get(`/Task?parentId=eq.${id}&select=number&order=number`)).json<{ number: number }[]>().map(({ number }) => number);
    expect(numbers).toEqual(times(made, (index) => index + 1));
  }
});

test("bulk changes on the same rows: each row is changed by exactly one", async () => {
  const ids = times(30, () => free("tally"));
  await create("/Tally", ids.map((id) => ({ id })));
  const answers = await together(20, (index) => caller.patch(`/Tally?id=in.(${ids.join(",")})&value=eq.0`, { value: index + 1 }, wholeTable));
  expect(countAnswers(answers)).toEqual({ 200: 20 });
  const changed = answers.flatMap((answer) => answer.json<{ id: string; value: number }[]>());
  expect(changed.map(({ id }) => id).sort()).toEqual([...ids].sort());
});

test("deletes at once: one deletes, the others find nothing", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = free("page");
    await create("/Page", { id, text: "gone", writer: 0 });
    expect(countAnswers(await together(30, () => caller.delete(`/Page/${id}`)))).toEqual({ "204": 1, "404 NOT_FOUND": 29 });
  }
});

test("one Idempotency-Key at once: one record, one answer", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const email = `${free("key")}@example.com`;
    const answers = await together(30, () => caller.post("/Person", { email }, { ...wholeTable, "idempotency-key": email }));
    expect(countAnswers(answers)).toEqual({ 201: 30 });
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true").length).toBe(29);
  }
});

test("a reader between writes sees whole transactions only", async () => {
  const ids = [free("account"), free("account")] as const;
  await create("/Account", ids.map((id) => ({ id, balance: 500 })));
  const state = { isWriting: true };
  const writing = async (): Promise<void> => {
    for (let index = 0; index < 60; index++) await caller.post(`/Account/${ids[index % 2]!}/transfer`, { to: ids[(index + 1) % 2]!, amount: 1 + index });
    state.isWriting = false;
  };
  const reading = async (): Promise<number> => {
    let reads = 0;
    for (; state.isWriting; reads++) {
      const balances = (await caller.get(`/Account?id=in.(${ids.join(",")})&select=balance`)).json<{ balance: number }[]>();
      if (balances.reduce((sum, { balance }) => sum + balance, 0) !== 1_000) throw new Error(`read ${JSON.stringify(balances)}`);
    }
    return reads;
  };
  const [, first, second] = await Promise.all([writing(), reading(), reading()]);
  expect(first + second).toBeGreaterThan(0);
});
