// A request of a test sent as a batch of one, and its answer as if it had come alone: whatever holds for requests holds for them there.

export interface SentRequest { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string }

const OWN = new Set(["accept", "content-type", "if-match", "if-none-match", "prefer", "range", "range-unit"]);
const WHOLE = new Set(["authorization", "x-ambit-tenant", "x-request-id", "content-type"]);
const OUTSIDE = /^\/(?:admin|batch|docs|graphql|health|metrics|openapi\.json|ready)\b|explain=|asof=|\/history\b|\/restore\b/;
/** A batch's answer has bodies where HEAD has none, and it has no OPTIONS. */
const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
/** What JSON.parse would not give back as it was sent. */
const RISKY = /[0-9]{16}|[0-9][eE][+-]?[0-9]|\\u|-0\b/;

/** Of every few requests one, always the same. */
export function isBatched(path: string): boolean {
  return path.length % 4 === 0;
}

/** Null: not as a batch, because its body or headers are not of the kind, or it is not about records. */
export async function fetchAsBatch(base: string, { method, path, headers, body }: SentRequest): Promise<Response | null> {
  const sent = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const parsed = body === undefined ? { value: undefined } : parse(body);
  if (parsed === null || !METHODS.has(method) || OUTSIDE.test(path) || sent.some(([name]) => !OWN.has(name) && !WHOLE.has(name))) return null;
  const own = Object.fromEntries(sent.filter(([name]) => OWN.has(name)));
  if (body !== undefined && !/json/.test(own["content-type"] ?? "application/json")) return null;
  const operation = { method, path: path.replace(/^[^?]*/, (before) => before.replaceAll("{", "%7B").replaceAll("}", "%7D")), headers: own, body: parsed.value };
  const whole = Object.fromEntries(sent.filter(([name]) => WHOLE.has(name)));
  const response = await fetch(`${base}/batch`, { method: "POST", headers: { ...whole, "content-type": "application/json" }, body: JSON.stringify({ operations: [operation] }) });
  const text = await response.text();
  if (response.status !== 200) return text.includes('"NOT_IN_BATCH"') || text.includes('"METHOD_NOT_ALLOWED"') ? null : alone(response, text);
  const [result] = (JSON.parse(text) as { results: [{ status: number; headers: Record<string, string>; body: unknown }] }).results;
  const isEmpty = result.headers["content-type"] === undefined;
  const isJson = /[/+]json\b/.test(result.headers["content-type"] ?? "");
  const told = plainHeaders(response);
  told.delete("content-type");
  for (const [name, value] of Object.entries(result.headers)) told.set(name, value);
  return new Response(isEmpty ? null : isJson ? JSON.stringify(result.body) : String(result.body), { status: result.status, headers: told });
}

function alone(response: Response, text: string): Response {
  const problem = JSON.parse(text) as { where: string | null };
  problem.where = problem.where?.replace(/^operations\[0\]\.?/, "") ?? null;
  return new Response(JSON.stringify({ ...problem, where: problem.where === "" ? null : problem.where }), { status: response.status, headers: plainHeaders(response) });
}

/** Without those about the form in which the whole came. */
function plainHeaders(response: Response): Headers {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  headers.delete("content-encoding");
  return headers;
}

function parse(body: string): { readonly value: unknown } | null {
  if (RISKY.test(body) || body.includes("$ref")) return null;
  try {
    return { value: JSON.parse(body) as unknown };
  } catch {
    return null;
  }
}
