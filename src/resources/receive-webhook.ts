// A signed call from outside: its signature stands for the caller, and is verified before its body is read. What came before, or is older
// than what had an effect, has none; that is decided in the commit of the body's writes, so that of two at once one is.
import { createHash } from "node:crypto";
import { verifySignature } from "../access/webhook-signature.ts";
import { assert } from "../base/assert.ts";
import { AmbitError, fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Callable, Cel, Webhook } from "../schema/catalog.ts";
import { judgeWebhook, rememberWebhook, type WebhookMark, type WebhookVerdict } from "../storage/webhook-memory.ts";
import type { RawInput } from "../tables/write.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { Caller } from "./body.ts";
import { callableResult } from "./callable-result.ts";
import { argumentsOf, endpointRun } from "./callables.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { JsonText, type OperationBody, type Result } from "./operation.ts";
import { ofAllTenants } from "./of-all-tenants.ts";
import { nothing } from "./read-operations.ts";
import { runTransaction } from "./run-body.ts";

export type WebhookBody = Extract<OperationBody, { kind: "webhook" }>;

/** Longer ids are kept as their hash. */
const ID_LENGTH_MAX = 255;

/** Has no effect, and is answered as if it had. */
class Ignored extends AmbitError {
  readonly verdict: WebhookVerdict;

  constructor(verdict: WebhookVerdict) {
    super(200, "IGNORED", `The webhook is ${verdict}.`);
    this.verdict = verdict;
  }
}

export async function receiveWebhook(core: DispatchCore, body: WebhookBody, caller: Caller): Promise<Result> {
  const callable = core.catalog.endpoints.get(body.name);
  const webhook = callable?.webhook ?? null;
  if (callable === undefined || webhook === null) throw fault("NOT_FOUND", `There is no webhook ${body.name}.`);
  caller.rights.requireCall(callable);
  const sentId = verifySignature(body.message, {
    scheme: webhook.scheme, secret: core.secrets[webhook.secret] ?? "", nowMs: core.clock.now(), toleranceMs: core.limits.webhookToleranceMs,
  });
  const raw = body.read();
  const input = argumentsOf(core, callable, raw, "drop");
  const mark = markOf(core, { callable, webhook, input, sentId: sentId ?? idInBody(webhook, raw) });
  try {
    return await runFirst(core, { callable, input, mark, caller: ofAllTenants(core, caller) });
  } catch (error) {
    if (!(error instanceof Ignored)) throw error;
    core.log.info("webhook-ignored", { requestId: caller.requestId, endpoint: callable.name, verdict: error.verdict });
    return { ...nothing, body: new JsonText(JSON.stringify({ ignored: error.verdict })) };
  }
}

interface FirstCall { readonly callable: Callable; readonly input: RecordValues; readonly mark: WebhookMark; readonly caller: Caller }

function runFirst(core: DispatchCore, { callable, input, mark, caller }: FirstCall): Promise<Result> {
  const run = endpointRun(core, callable, input);
  return runTransaction(core, {
    caller, commits: true,
    run: (inner) => {
      requireFirst(judgeWebhook(core.storage.reader, mark));
      return run(inner);
    },
    complete(value, at) {
      requireFirst(judgeWebhook(at.connection, mark));
      rememberWebhook(at.connection, mark, at.now);
      return callableResult(core, { callable, value, caller, at });
    },
  });
}

function requireFirst(verdict: WebhookVerdict): void {
  if (verdict !== "first") throw new Ignored(verdict);
}

interface Received { readonly callable: Callable; readonly webhook: Webhook; readonly input: RecordValues; readonly sentId: string | null }

function markOf(core: DispatchCore, { callable, webhook, input, sentId }: Received): WebhookMark {
  const environment = { rows: {}, variables: { input }, now: dateTimeOf(core.clock.now()), source: null };
  const valueOf = (cel: Cel, name: string): NonNullable<Value> => {
    const value = evaluate(core.book.of(cel), environment, core.book);
    if (value === null) throw fault("VALIDATION_FAILED", `The body has no value for ${name} of @webhook.`, { fix: `Send what ${cel.source} reads.` });
    return value;
  };
  const id = webhook.dedupe === null ? sentId : String(valueOf(webhook.dedupe, "dedupe"));
  if (id === null) throw fault("VALIDATION_FAILED", "The webhook says no id.", { fix: webhook.scheme === "GITHUB" ? "Send X-GitHub-Delivery." : "Send a text id in the body." });
  return { endpoint: callable.name, id: kept(id), sequence: webhook.sequence === null ? null : sequenceOf(webhook, webhook.sequence, valueOf) };
}

function sequenceOf({ per }: Webhook, sequence: Cel, valueOf: (cel: Cel, name: string) => NonNullable<Value>): NonNullable<WebhookMark["sequence"]> {
  const value = valueOf(sequence, "sequence");
  assert(typeof value === "number" || typeof value === "bigint", "a sequence compiles to an int");
  return { value, per: per === null ? "" : kept(String(valueOf(per, "per"))) };
}

/** Stripe's id is a part of what it signs. */
function idInBody({ scheme }: Webhook, raw: RawInput): string | null {
  const id = raw["id"];
  return scheme === "STRIPE" && typeof id === "string" && id !== "" ? id : null;
}

function kept(id: string): string {
  return id.length <= ID_LENGTH_MAX ? id : `sha256:${createHash("sha256").update(id).digest("hex")}`;
}
