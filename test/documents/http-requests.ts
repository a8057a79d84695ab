// The text of an ```http block as requests, and the requests sent. The form is that of HTTP itself:
// a request line, headers, an empty line, a body. `###` alone on a line separates requests that have headers or a body; request
// lines may also follow each other directly. Two spaces and `# 404 NOT_FOUND` after a request line say what it answers;
// without it the answer must be a success. `{x*20000}` stands for that many x.

export interface SampleRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | null;
  /** From the comment: status, then a code if one is named. */
  readonly expected: { readonly status: number; readonly code: string | null } | null;
  readonly line: string;
}

export interface SampleAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when it is not JSON. */
  readonly json: unknown;
  /** Of a problem object, or of the first error over GraphQL. */
  readonly code: string | null;
}

const REQUEST_LINE = /^(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) (\/\S*)(?: {2,}# ?(.*))?$/;

export function readRequests(text: string): SampleRequest[] {
  return text.split(/^###$/m).flatMap((part) => readPart(part.replace(/^\n+|\n+$/g, "").split("\n")));
}

function readPart(lines: readonly string[]): SampleRequest[] {
  const requests: SampleRequest[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const match = REQUEST_LINE.exec(line);
    if (match === null) throw new Error(`not a request line: ${line}`);
    const headers: [string, string][] = [];
    while (index + 1 < lines.length && /^[A-Za-z0-9-]+: /.test(lines[index + 1]!)) {
      const header = lines[++index]!;
      const colon = header.indexOf(":");
      headers.push([header.slice(0, colon), repeated(header.slice(colon + 1).trim())]);
    }
    let body: string | null = null;
    if (lines[index + 1] === "") {
      body = repeated(lines.slice(index + 2).join("\n"));
      index = lines.length;
    }
    const expected = /^(\d{3})(?: ([A-Z][A-Z_]+))?\b/.exec(match[3] ?? "");
    requests.push({
      method: match[1]!, target: repeated(match[2]!), headers, body, line,
      expected: expected === null ? null : { status: Number(expected[1]), code: expected[2] ?? null },
    });
  }
  return requests;
}

function repeated(text: string): string {
  return text.replace(/\{(.)\*(\d+)\}/g, (_, character: string, count: string) => character.repeat(Number(count)));
}

export async function sendRequest(base: string, { method, target, headers, body }: SampleRequest): Promise<SampleAnswer> {
  const sent = new Headers();
  for (const [name, value] of headers) sent.append(name, value);
  if (body !== null && !sent.has("content-type")) sent.set("content-type", "application/json");
  const response = await fetch(base + target, { method, headers: sent, body, redirect: "manual", keepalive: false });
  const text = response.headers.get("content-type")?.startsWith("text/event-stream") === true ? await firstEvent(response) : await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "" && !/ndjson/.test(response.headers.get("content-type") ?? "");
  const json: unknown = isJson ? JSON.parse(text) : undefined;
  const code = response.headers.get("content-type") === "application/problem+json" ? (json as { code: string }).code : graphqlCode(json);
  return { status: response.status, headers: response.headers, text, json, code };
}

/** A stream of events goes on for ever. */
async function firstEvent(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    if (/^data: .*\n\n/m.test(text)) break;
  }
  return text;
}

/** Of the first error of an answer over GraphQL. */
function graphqlCode(json: unknown): string | null {
  const [first] = (json as { errors?: { extensions: { code: string } }[] } | null | undefined)?.errors ?? [];
  return first?.extensions.code ?? null;
}

/** Every request in turn; throws where one answers otherwise than it says. The last answer. */
export async function runRequests(base: string, text: string, judgeLast: boolean): Promise<SampleAnswer> {
  const requests = readRequests(text);
  let last: SampleAnswer | null = null;
  for (const [index, request] of requests.entries()) {
    last = await sendRequest(base, request);
    if (judgeLast || index < requests.length - 1 || request.expected !== null) checkAnswer(request, last);
  }
  if (last === null) throw new Error("the block has no request");
  return last;
}

function checkAnswer({ expected, line }: SampleRequest, answer: SampleAnswer): void {
  const got = `${answer.status}${answer.code === null ? "" : ` ${answer.code}`}`;
  if (expected === null) {
    if (answer.status >= 400 || answer.code !== null) throw new Error(`${line}\nanswers ${got}: ${answer.text}`);
    return;
  }
  const isExpected = expected.status === answer.status && (expected.code === null || expected.code === answer.code);
  if (!isExpected) throw new Error(`${line}\nanswers ${got}: ${answer.text}`);
}
