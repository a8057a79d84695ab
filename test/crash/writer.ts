// One of the concurrent clients of the kill test: writes one thing after another, knows what must be there, and looks after each kill.
import { expect } from "bun:test";
import type { Random } from "../../src/base/random.ts";
import type { HttpAnswer, HttpCaller } from "../processes/http-caller.ts";
import { type Note, type Owned, type PlannedWrite, WritePlanner } from "./writes.ts";

interface Acknowledged { readonly write: PlannedWrite; readonly status: number; readonly text: string }

const KEPT_ANSWERS = 12;
const FIELDS = "id,owner,folderId,code,title,place,price,hits,tags,facts";

export class Writer {
  readonly name: string;
  readonly #planner: WritePlanner;
  readonly #random: Random;
  readonly #caller: HttpCaller;
  #owned: Owned = { notes: new Map(), folders: new Set() };
  /** Sent, and not answered before the kill. */
  #pending: PlannedWrite | null = null;
  /** Answers to requests with a key, some of them, to be asked for again. */
  readonly #answers: Acknowledged[] = [];
  /** References of what was acknowledged. */
  readonly references = new Set<string>();
  /** References of what may or may not have happened. */
  readonly doubtful = new Set<string>();
  readonly kinds = new Set<string>();
  acknowledged = 0;
  interrupted = 0;
  completed = 0;
  replayed = 0;

  constructor(name: string, random: Random, caller: HttpCaller) {
    this.name = name;
    this.#planner = new WritePlanner(name, random);
    this.#random = random;
    this.#caller = caller;
  }

  /** Until the process is gone. */
  async work(): Promise<void> {
    for (;;) {
      const write = this.#planner.next(this.#owned);
      this.#pending = write;
      const answer = await this.#send(write);
      // Shutting down is said before anything is done, or the outcome is unknown: both are settled later.
      if (answer === null || answer.status === 503) {
        this.interrupted += 1;
        return;
      }
      this.#acknowledge(write, answer);
      this.#pending = null;
    }
  }

  /** After a restart: finds out what became of the last write, then compares everything. */
  async settle(): Promise<void> {
    const write = this.#pending;
    this.#pending = null;
    const found = await this.#read();
    if (write !== null) {
      const isThere = Bun.deepEquals(found, write.after);
      if (!isThere) expect({ writer: this.name, last: write.kind, ...plain(found) }).toEqual({ writer: this.name, last: write.kind, ...plain(this.#owned) });
      if ("idempotency-key" in write.headers) await this.#repeat(write, found);
      else this.#adopt(write, found);
    } else expect(plain(found)).toEqual(plain(this.#owned));
    for (const known of this.#answers) await this.#askAgain(known);
  }

  /** With its key a request may be sent again: afterwards it has happened once. */
  async #repeat(write: PlannedWrite, found: Owned): Promise<void> {
    const answer = await this.#send(write);
    if (answer === null) throw new Error("the app died without being killed");
    if (answer.headers.get("idempotency-replayed") === "true") this.completed += 1;
    // What was not there cannot be answered from memory.
    else if (!Bun.deepEquals(found, this.#owned)) throw new Error(`${write.kind} by ${this.name} had happened, but its key was not known`);
    this.#acknowledge(write, answer);
    expect(plain(await this.#read())).toEqual(plain(this.#owned));
  }

  #adopt(write: PlannedWrite, found: Owned): void {
    if (!Bun.deepEquals(found, this.#owned)) this.completed += 1;
    this.#owned = found;
    if (write.reference !== null) this.doubtful.add(write.reference);
  }

  #acknowledge(write: PlannedWrite, answer: HttpAnswer): void {
    const isRefused = answer.code !== null && write.refusals.includes(answer.code);
    if (answer.status >= 300 && !isRefused) throw new Error(`${write.kind} by ${this.name}: ${answer.status} ${answer.text}`);
    this.acknowledged += 1;
    this.kinds.add(write.kind);
    this.#owned = write.after;
    if (write.reference !== null && !isRefused) this.references.add(write.reference);
    if ("idempotency-key" in write.headers) this.#keep({ write, status: answer.status, text: answer.text });
  }

  #keep(answer: Acknowledged): void {
    if (this.#answers.length < KEPT_ANSWERS) this.#answers.push(answer);
    else this.#answers[Math.floor(this.#random.next() * KEPT_ANSWERS)] = answer;
  }

  async #askAgain({ write, status, text }: Acknowledged): Promise<void> {
    const answer = await this.#send(write);
    expect([write.kind, answer?.status, answer?.headers.get("idempotency-replayed"), withoutRequest(answer?.text ?? "")]).toEqual([write.kind, status, "true", withoutRequest(text)]);
    this.replayed += 1;
  }

  /** Null: no answer came. */
  async #send({ method, path, body, headers }: PlannedWrite): Promise<HttpAnswer | null> {
    try {
      return await this.#caller.send(method, path, body, headers);
    } catch {
      return null;
    }
  }

  async #read(): Promise<Owned> {
    const [notes, folders] = await Promise.all([
      this.#caller.get(`/Note?owner=eq.${this.name}&select=${FIELDS}`), this.#caller.get(`/Folder?owner=eq.${this.name}&select=id`),
    ]);
    return {
      notes: new Map(notes.json<Note[]>().map((note) => [note.id, note])),
      folders: new Set(folders.json<{ id: string }[]>().map(({ id }) => id)),
    };
  }
}

/** A problem names the request that it answers. */
function withoutRequest(text: string): string {
  return text.replace(/"requestId":"[^"]*"/, "");
}

/** Shows differences by record. */
function plain({ notes, folders }: Owned): { notes: object; folders: readonly string[] } {
  return { notes: Object.fromEntries([...notes].sort(([left], [right]) => (left < right ? -1 : 1))), folders: [...folders].sort() };
}
