// POST /batch: reads the operations, has each of them carried out in one transaction as if it came alone, and puts their answers together.
import { assert } from "../../base/assert.ts";
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { JsonText, type BatchDispatch, type BatchPass, type BatchScript } from "../../resources/operation.ts";
import type { Answer, Exchange } from "../http/exchange.ts";
import { decodeUtf8, parseStrictJson } from "../http/strict-json.ts";
import { BatchExchange } from "./batch-exchange.ts";
import { readBatch, type BatchInput, type BatchItem } from "./batch-input.ts";
import { bodyText } from "./batch-json.ts";
import { follow, unknownReference, type Reference } from "./batch-reference.ts";
import { readFormat } from "./media-type.ts";
import { chooseRepresentation } from "./representation.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestParts } from "./rest-parts.ts";
import { RestRequest } from "./rest-request.ts";
import type { RestRoute, RestRouter } from "./rest-router.ts";

export interface BatchParts {
  readonly rest: RestParts;
  readonly router: RestRouter;
  answer(request: RestRequest, route: RestRoute): Answer | Promise<Answer>;
  /** Throws what is wrong with a path or method that leads nowhere. */
  refuse(segments: readonly string[]): never;
}

export function answerBatch(request: RestRequest, parts: BatchParts): Answer | Promise<Answer> {
  const { exchange } = request;
  refuseWhole(request);
  readFormat(exchange.header("content-type"), ["json"]);
  return whenReady(exchange.body(), (bytes) => {
    const input = readBatch(parseStrictJson(decodeUtf8(bytes), exchange.limits.jsonDepth), exchange.limits);
    exchange.unhurried();
    const script: BatchScript = { length: input.items.length, begin: () => new Pass(input, exchange, parts) };
    return whenReady(request.dispatch({ kind: "batch", script }, bytes), (result) => {
      const headers: Record<string, string> = { "content-type": "application/json", "cache-control": NEVER_STORED };
      if (result.replayed) headers["idempotency-replayed"] = "true";
      return { status: 200, headers, body: textOf(result.body) };
    });
  });
}

/** What belongs to single operations has no meaning for all of them. */
function refuseWhole({ exchange, preferences }: RestRequest): void {
  if (exchange.query !== "") throw fault("UNKNOWN_PARAMETER", "A batch has no query of its own.", { fix: "Put it into the paths of the operations." });
  for (const name of ["if-match", "if-none-match"]) {
    if (exchange.header(name) !== null) throw fault("MALFORMED_HEADER", "A precondition stands on one record.", { where: name, fix: "Put it into the headers of the operation." });
  }
  if (preferences.applied.some((one) => !/^(?:handling|tx)=/.test(one))) throw fault("MALFORMED_HEADER", "Preferences stand on the operations.", { where: "Prefer", fix: "Put them into the headers of the operation." });
  if (chooseRepresentation(exchange.header("accept")).kind !== "json") throw fault("NOT_ACCEPTABLE", "A batch is answered as JSON.", { where: "Accept" });
}

/** Headers of an answer that are its own; the others are about the connection. */
const TOLD = ["content-type", "location", "etag", "content-range", "preference-applied", "ambit-next-cursor", "link"];
const REPRESENTATION = "return=representation";
const encoder = new TextEncoder();

class Pass implements BatchPass {
  readonly #input: BatchInput;
  readonly #whole: Exchange;
  readonly #parts: BatchParts;
  readonly #texts: string[] = [];
  /** Bodies of answers that are referred to, by name; parsed when they are. */
  readonly #bodies = new Map<string, { readonly text: string; value?: unknown }>();
  #bytes = 0;

  constructor(input: BatchInput, whole: Exchange, parts: BatchParts) {
    this.#input = input;
    this.#whole = whole;
    this.#parts = parts;
  }

  step(index: number, dispatch: BatchDispatch): void | Promise<void> {
    const item = this.#input.items[index];
    assert(item !== undefined, "a step is one of the script's");
    const { rest, answer } = this.#parts;
    const exchange = this.#exchangeOf(item);
    const route = this.#routeOf(item, exchange);
    const request = new RestRequest(exchange, { ...rest, dispatcher: { dispatch } });
    return whenReady(answer(request, route), (made) => this.#keep(index, item, made));
  }

  isReferred(index: number): boolean {
    return this.#isReferred(this.#input.items[index]!);
  }

  answers(): JsonText {
    return new JsonText(`{"results":[${this.#texts.join(",")}]}`);
  }

  #exchangeOf(item: BatchItem): BatchExchange {
    const resolve = (reference: Reference): unknown => this.#valueOf(reference);
    const headers = new Map(item.headers);
    // Whoever refers to an answer means to have one.
    if (this.#isReferred(item) && item.method !== "GET" && !/(?:^|[,;\s])return\s*=/i.test(headers.get("prefer") ?? "")) {
      headers.set("prefer", headers.has("prefer") ? `${headers.get("prefer")!}, ${REPRESENTATION}` : REPRESENTATION);
    }
    const hasBody = item.body !== undefined;
    if (hasBody && !headers.has("content-type")) headers.set("content-type", "application/json");
    if (hasBody) readFormat(headers.get("content-type")!, ["json", "merge-patch"]);
    return new BatchExchange(this.#whole, { method: item.method, target: item.target.resolve(resolve), headers, body: encoder.encode(hasBody ? bodyText(item.body, resolve, this.#whole.limits.bodyBytes) : "") });
  }

  /** What a reference stands for never decides which operation it is. */
  #routeOf(item: BatchItem, exchange: BatchExchange): RestRoute {
    const { router, refuse } = this.#parts;
    const places = item.target.segments(() => "{reference}");
    const meant = router.find(item.method, places);
    const route = router.find(item.method, exchange.segments);
    if (meant === null) return refuse(places);
    if (route === null || meant.name !== route.name || meant.target.kind !== route.target.kind) throw fault("NOT_FOUND", "Nothing is at the path that the references make.");
    const { target } = route;
    if (target.kind === "batch") throw fault("NOT_IN_BATCH", "A batch cannot be part of a batch.");
    if (target.kind === "history" || target.kind === "restore") throw fault("NOT_IN_BATCH", `${target.kind} is a request of its own.`);
    if (target.kind === "memory") throw fault("NOT_IN_BATCH", "Facts are posted by requests of their own.");
    if (target.kind === "file" || target.kind === "file-link" || target.kind === "upload") throw fault("NOT_IN_BATCH", "Files come and go in requests of their own.");
    const callable = target.kind === "action" ? target.action : target.kind === "endpoint" ? target.endpoint : null;
    if (callable !== null && callable.transaction !== "SERIALIZABLE") throw fault("NOT_IN_BATCH", `${callable.name} runs outside of transactions.`);
    return route;
  }

  #isReferred({ name }: BatchItem): boolean {
    return name !== null && this.#input.referred.has(name);
  }

  #keep(index: number, item: BatchItem, { status, headers, body }: Answer): void {
    const { name } = item;
    const bytes = body === null ? "" : typeof body === "string" ? body : new TextDecoder().decode(body);
    const type = headers["content-type"] ?? "";
    const text = bytes === "" ? "null" : /[/+]json\b/.test(type) ? bytes : JSON.stringify(bytes);
    const told = Object.fromEntries(TOLD.flatMap((header) => (headers[header] === undefined || (header === "content-type" && bytes === "") ? [] : [[header, headers[header]]])));
    const before = this.#texts[index]?.length ?? 0;
    this.#texts[index] = `{${name === null ? "" : `"id":${JSON.stringify(name)},`}"status":${status},"headers":${JSON.stringify(told)},"body":${text}}`;
    this.#bytes += this.#texts[index].length - before;
    const { answerBytes } = this.#whole.limits;
    if (this.#bytes > answerBytes) throw fault("TOO_MANY_ROWS", `The answers are larger than limits.answerBytes (${answerBytes}).`, { fix: "Ask for less." });
    if (name !== null && this.#isReferred(item)) this.#bodies.set(name, { text });
  }

  #valueOf(reference: Reference): unknown {
    const body = this.#bodies.get(reference.name);
    if (body === undefined) throw unknownReference(reference.text, "its answer is not known before constraints hold");
    body.value ??= parseStrictJson(body.text, this.#whole.limits.jsonDepth + 8);
    return follow(reference, body.value);
  }
}
