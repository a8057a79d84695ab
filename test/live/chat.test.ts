// A chat of 20 rooms and 200 people as an app: every message comes to everybody in its room once and in the order in which its sender sent it, to nobody else;
// everybody sees who is there, however people come and go. AMBIT_TEST_SIZE=long says more.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { startApp } from "../processes/app-process.ts";
import { RawSocket, Rebuilt, type Frame } from "../scenarios/live-clients.ts";
import { comesTrue } from "../processes/waits.ts";

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const ROOMS = 20;
const PEOPLE = 200;
const MESSAGES = LONG ? 200 : 20;
const COMINGS = LONG ? 10 : 3;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);
const random = seededRandom(SEED);
const below = (count: number): number => Math.floor(random.next() * count);

const schema = `
type Room @channel(key: "roomId", presence: true) @export
  @allow(to: ["member"], do: [SUBSCRIBE, PUBLISH])
  @allow(to: ["guest"], do: [SUBSCRIBE], where: "record.open")
{
  roomId: ID!
  text: String! @length(max: 100)
  open: Boolean! @default(value: false)
  by: ID @createdBy
}
`;
const config = `auth:
  keys:
${Array.from({ length: PEOPLE }, (_, number) => `    - { token: key-${number}, subject: p${number}, roles: [member] }`).join("\n")}
    - { token: key-guest, subject: guest, roles: [guest] }
`;

const work = mkdtempSync(join(tmpdir(), "ambit-chat-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Server { readonly url: string; readonly port: number }
interface Said { readonly roomId: string; readonly text: string; readonly by: string }

/** One who sits in a room, and all that this one has heard. */
class Person {
  readonly name: string;
  readonly room: string;
  readonly heard: Said[] = [];
  presence = new Rebuilt();
  readonly problems: unknown[] = [];
  readonly #token: string;
  #socket: RawSocket | null = null;
  #said = 0;

  constructor(name: string, room: string, token: string) {
    this.name = name;
    this.room = room;
    this.#token = token;
  }

  async come({ port }: Server): Promise<void> {
    const socket = await RawSocket.open(port, this.#token);
    this.#socket = socket;
    this.presence = new Rebuilt();
    socket.onFrame = (frame) => this.#hear(frame);
    socket.send({ op: "subscribe", id: "room", query: `/Room/${this.room}` });
    socket.send({ op: "presence", id: "me", topic: `Room/${this.room}`, state: { mood: `of ${this.name}` } });
  }

  go(): void { this.#socket!.close(); }

  say(): void {
    this.#socket!.send({ op: "publish", topic: `Room/${this.room}`, message: { text: `${this.name} ${++this.#said}`, open: this.#said % 2 === 0 } });
  }

  /** The same over HTTP, for those who do not sit at a socket. */
  async write({ url }: Server): Promise<void> {
    const answer = await fetch(`${url}/Room/${this.room}`, {
      method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${this.#token}` }, body: JSON.stringify({ text: `${this.name} ${++this.#said}` }),
    });
    if (answer.status !== 204) this.problems.push(await answer.text());
  }

  /** Who is there, as this one sees it. */
  get sees(): string[] {
    return [...this.presence.rows.values()].map(({ subject, state }) => `${String(subject)}, ${(state as { mood: string } | null)?.mood ?? "?"}`).toSorted();
  }

  #hear(frame: Frame): void {
    if (frame.op === "result") return;
    if (frame.op === "message") this.heard.push(...(frame as unknown as { messages: Said[] }).messages);
    else if (frame.op === "snapshot" || frame.op === "change") {
      try {
        this.presence.apply(frame, "connection");
      } catch (error) {
        this.problems.push(String(error));
      }
    } else this.problems.push(frame);
  }
}

test(`${PEOPLE} people in ${ROOMS} rooms, seed ${SEED}`, async () => {
  writeFileSync(join(work, "schema.graphql"), schema);
  writeFileSync(join(work, "config.yaml"), config);
  await using app = await startApp(work, { data: join(work, "data") });
  const people = Array.from({ length: PEOPLE }, (_, number) => new Person(`p${number}`, String(number % ROOMS), `key-${number}`));
  const inRoom = (room: string): Person[] => people.filter((person) => person.room === room);
  const isSeen = (person: Person): boolean => Bun.deepEquals(person.sees, inRoom(person.room).map(({ name }) => `${name}, of ${name}`).toSorted());
  await Promise.all(people.map((person) => person.come(app)));
  await comesTrue(() => people.every(isSeen));
  expect(people.filter((person) => !isSeen(person)).map(({ name, sees }) => [name, sees])).toEqual([]);

  for (let count = 0; count < MESSAGES; count++) {
    for (const person of people) if (person.name !== "p7") person.say();
    await people[7]!.write(app);
    if (below(3) === 0) await Bun.sleep(below(5));
  }
  const expected = (room: string): Map<string, string[]> => new Map(inRoom(room).map(({ name }) => [name, Array.from({ length: MESSAGES }, (_, index) => `${name} ${index + 1}`)]));
  await comesTrue(() => people.every(({ heard }) => heard.length >= MESSAGES * PEOPLE / ROOMS));
  for (const person of people) {
    expect(person.heard.every(({ roomId }) => roomId === person.room)).toBe(true);
    const texts = [...Map.groupBy(person.heard, ({ by }) => by)].map(([by, messages]) => [by, messages.map(({ text }) => text)]);
    expect(texts.toSorted()).toEqual([...expected(person.room)].toSorted());
  }

  for (let coming = 0; coming < COMINGS; coming++) {
    const gone = people.filter(() => below(4) === 0);
    for (const person of gone) person.go();
    const stays = people.filter((person) => !gone.includes(person));
    const seen = (person: Person): boolean => Bun.deepEquals(person.sees, inRoom(person.room).filter((other) => stays.includes(other)).map(({ name }) => `${name}, of ${name}`).toSorted());
    await comesTrue(() => stays.every(seen));
    expect(stays.filter((person) => !seen(person)).map(({ name, sees }) => [name, sees])).toEqual([]);
    await Promise.all(gone.map((person) => person.come(app)));
    await comesTrue(() => people.every(isSeen));
    expect(people.filter((person) => !isSeen(person)).map(({ name, sees }) => [name, sees])).toEqual([]);
  }

  // Whoever may hear some messages alone hears these, and is there as well.
  const guest = new Person("guest", "3", "key-guest");
  await guest.come(app);
  await comesTrue(() => people[3]!.sees.length === PEOPLE / ROOMS + 1);
  people[3]!.say();
  people[3]!.say();
  await comesTrue(() => guest.heard.length > 0 && people[23]!.heard.length >= MESSAGES * PEOPLE / ROOMS + 2);
  expect(guest.heard.map(({ text }) => text)).toEqual([MESSAGES + 1, MESSAGES + 2].filter((number) => number % 2 === 0).map((number) => `p3 ${number}`));
  guest.say();
  await comesTrue(() => guest.problems.length > 0);
  expect(guest.problems).toMatchObject([{ op: "error", problem: { code: "FORBIDDEN" } }]);
  expect(people.flatMap(({ problems }) => problems)).toEqual([]);
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(metrics).toContain(`ambit_sockets_open ${PEOPLE + 1}\n`);
  for (const person of [...people, guest]) person.go();
  let left = "";
  await comesTrue(async () => (left = await (await fetch(`${app.url}/metrics`)).text()).includes("ambit_channels_subscriptions 0\n"));
  expect(left).toContain("ambit_channels_subscriptions 0\n");
  expect(left).toContain("ambit_channels_topics 0\n");
  expect(await app.stop()).toBe(0);
}, 120_000);
