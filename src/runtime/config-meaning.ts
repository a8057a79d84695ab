// What a settings file must be beyond its shape: values that have the right type and yet could never take effect.
import { secretsOf, standardKey } from "../access/webhook-signature.ts";
import { isNetwork } from "../base/private-networks.ts";
import { asksQuestions } from "../models/questions.ts";

export interface MeaningProblem {
  /** As in the file: `http`, `trustProxy`, `0`. */
  readonly path: readonly string[];
  readonly message: string;
  readonly why: string;
  readonly fix: string;
}

/** The parts of config.yaml that are looked at, in the form that config.schema.json has checked. */
export interface CheckedConfig {
  readonly http?: { readonly cors?: { readonly origins?: readonly string[] }; readonly trustProxy?: readonly string[]; readonly tls?: object };
  readonly mqtt?: { readonly tlsPort?: number };
  readonly auth?: { readonly jwt?: readonly { readonly secret?: string; readonly algorithms?: readonly string[] }[] };
  readonly outbound?: { readonly allowPrivate?: readonly string[] };
  readonly mail?: { readonly url?: string };
  readonly secrets?: Readonly<Record<string, string>>;
  readonly callbacks?: { readonly sign?: string };
  readonly telemetry?: { readonly url: string };
  readonly models?: Readonly<Record<string, { readonly provider: string; readonly kind?: string; readonly url?: string; readonly price?: { readonly input: string; readonly output?: string }; readonly fallback?: string; readonly stream?: boolean; readonly dimensions?: number }>>;
  readonly approvals?: { readonly notify?: readonly string[] };
  readonly limits?: Readonly<Record<string, number | string>>;
  readonly files?: Readonly<Record<string, unknown>>;
}

/** `quantity`: what a limit stands for, sizes and durations included. */
export function meaningProblems(config: CheckedConfig, quantity: (value: number | string) => number): MeaningProblem[] {
  return [...origins(config), ...proxies(config), ...algorithms(config), ...certificates(config), ...privateHosts(config), ...mail(config), ...callbacks(config), ...notified(config), ...telemetry(config), ...models(config), ...limits(config, quantity), ...files(config, quantity)];
}

function origins({ http }: CheckedConfig): MeaningProblem[] {
  return (http?.cors?.origins ?? []).flatMap((origin, index) => (origin === "*" || isOrigin(origin) ? [] : [{
    path: ["http", "cors", "origins", String(index)], message: `http.cors.origins.${index} is no origin.`,
    why: "A browser sends scheme, host and port, and they are compared as they are.", fix: 'Write for example https://shop.example.com, or "*" for any.',
  }]));
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function proxies({ http }: CheckedConfig): MeaningProblem[] {
  return (http?.trustProxy ?? []).flatMap((proxy, index) => (isNetwork(proxy) ? [] : [{
    path: ["http", "trustProxy", String(index)], message: `http.trustProxy.${index} is no address or network.`,
    why: "Names are not looked up.", fix: "Write for example 127.0.0.1 or 10.0.0.0/8.",
  }]));
}

function privateHosts({ outbound }: CheckedConfig): MeaningProblem[] {
  return (outbound?.allowPrivate ?? []).flatMap((entry, index) => (isNetwork(entry) || /^(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(entry) ? [] : [{
    path: ["outbound", "allowPrivate", String(index)], message: `outbound.allowPrivate.${index} is no host, address or network.`,
    why: "It is compared with the host of a URL and the address that it leads to.", fix: "Write for example localhost, 10.1.2.3 or 10.0.0.0/8, without scheme and port.",
  }]));
}

function mail({ mail: settings }: CheckedConfig): MeaningProblem[] {
  const url = settings?.url ?? "";
  if (url === "" || (/^https?:/.test(url) && URL.canParse(url))) return [];
  return [{ path: ["mail", "url"], message: "mail.url is no URL of HTTP.", why: "Mails are sent as JSON to it.", fix: "Write for example https://mail.example.com/send." }];
}

function callbacks({ callbacks: settings, secrets }: CheckedConfig): MeaningProblem[] {
  const name = settings?.sign;
  const secret = name === undefined ? undefined : secrets?.[name];
  // An unset variable with an empty default: nobody is called back.
  if (name === undefined || (secret !== undefined && secretsOf(secret).every((one) => standardKey(one) !== null))) return [];
  return [{ path: ["callbacks", "sign"], message: "callbacks.sign names no secret that can sign.", why: "Its receivers tell callbacks from forgeries by their signature.", fix: "Name one under secrets: a text, or base64 behind whsec_." }];
}

function telemetry({ telemetry: settings }: CheckedConfig): MeaningProblem[] {
  const url = settings?.url ?? "";
  if (url === "" || (/^https?:/.test(url) && URL.canParse(url))) return [];
  return [{ path: ["telemetry", "url"], message: "telemetry.url is no URL of HTTP.", why: "Spans are sent there, as OTLP over HTTP.", fix: "Write for example http://127.0.0.1:4318." }];
}

function notified({ approvals }: CheckedConfig): MeaningProblem[] {
  return (approvals?.notify ?? []).flatMap((url, index) => (URL.canParse(url) ? [] : [{
    path: ["approvals", "notify", String(index)], message: `approvals.notify.${index} is no URL.`, why: "What waits for people is told there.", fix: "Write for example https://chat.example.com/hooks/approvals.",
  }]));
}

const OF_BUCKETS = ["bucket", "endpoint", "region", "accessKey", "secretKey", "prefix"];
/** What a size in a record holds. */
const FILE_BYTES_MAX = 2_147_483_647;

function files({ files: section, limits: named }: CheckedConfig, quantity: (value: number | string) => number): MeaningProblem[] {
  const problems: MeaningProblem[] = [];
  const given = section ?? {};
  if (given["driver"] === "s3") {
    const lacking = ["bucket", "accessKey", "secretKey"].filter((name) => given[name] === undefined);
    if (lacking.length > 0) problems.push({ path: ["files"], message: `files lacks ${lacking.join(", ")}.`, why: "The driver s3 keeps files in a bucket, with a key of its own.", fix: `Give ${lacking.join(", ")}.` });
  } else {
    problems.push(...OF_BUCKETS.filter((name) => given[name] !== undefined).map((name) => ({
      path: ["files", name], message: `files.${name} is for the driver s3.`, why: "On the disk it would have no effect.", fix: "Remove it, or say driver: s3.",
    })));
  }
  const bytes = named?.["fileBytes"];
  if (bytes !== undefined && quantity(bytes) > FILE_BYTES_MAX) problems.push({ path: ["limits", "fileBytes"], message: "limits.fileBytes is too large.", why: `A file has at most ${FILE_BYTES_MAX} bytes.`, fix: "Write at most 2GB." });
  return problems;
}

function models({ models: named = {} }: CheckedConfig): MeaningProblem[] {
  return Object.entries(named).flatMap(([alias, { provider, kind, url, price, fallback, stream, dimensions }]) => {
    const found: MeaningProblem[] = [];
    const report = (name: string, message: string, why: string, fix: string): void => { found.push({ path: ["models", alias, ...(name === "" ? [] : [name])], message, why, fix }); };
    if (provider === "openai-compatible" && url === undefined) report("", `models.${alias} has no url.`, "openai-compatible is a way to speak, not a place.", "Give url, such as http://127.0.0.1:11434/v1.");
    if (kind === "decisions" && !asksQuestions(provider)) report("kind", `models.${alias}: ${provider} has no decisions endpoint.`, "openai and google have one.", "Remove kind: a language model answers kind: JUDGE, too.");
    if (kind === "decisions" && stream === true) report("stream", `models.${alias}.stream: true has no effect: a decisions endpoint answers in one piece.`, "Nothing without effect is taken.", "Remove stream.");
    if (url !== undefined && !(/^https?:/.test(url) && URL.canParse(url))) report("url", `models.${alias}.url is no URL of HTTP.`, "Models are asked over HTTP.", "Write for example http://127.0.0.1:11434/v1.");
    const [isEmbedding, isOther] = [dimensions !== undefined, fallback !== undefined && (named[fallback]?.dimensions === undefined) !== (dimensions === undefined)];
    if (isEmbedding && provider === "anthropic") report("dimensions", `models.${alias} has dimensions, but ${provider} has no embedding models.`, "Vectors come from embedding models.", "Use openai, google or openai-compatible, or remove dimensions.");
    if (isEmbedding && kind === "decisions") report("kind", `models.${alias} has dimensions and kind: decisions.`, "An endpoint makes vectors or answers questions.", "Remove one of them.");
    if (isEmbedding && fallback !== undefined) report("fallback", `models.${alias} is an embedding model with a fallback.`, "Vectors of two models cannot be compared.", "Remove fallback.");
    if (!isEmbedding && isOther && Object.hasOwn(named, fallback ?? "")) report("fallback", `models.${alias} falls back to ${fallback}, which is an embedding model.`, "It answers no questions.", "Name another alias.");
    if (isEmbedding && stream === true) report("stream", `models.${alias} is an embedding model with stream.`, "Vectors come as a whole.", "Remove stream.");
    if (!isEmbedding && price !== undefined && price.output === undefined) report("price", `models.${alias}.price says nothing of output.`, "What a model writes costs too.", "Give price.output.");
    if (price?.output !== undefined && price.input.split(" ")[1] !== price.output.split(" ")[1]) report("price", `models.${alias}.price names two currencies.`, "A cost is summed in one.", "Give both in the same currency.");
    if (fallback !== undefined && !Object.hasOwn(named, fallback)) report("fallback", `models.${alias}.fallback names ${fallback}, which is no alias.`, "Who is asked where this one fails must be known.", `Name one of ${Object.keys(named).join(", ")}.`);
    if (fallback !== undefined && leadsBack(alias, named)) report("fallback", `models.${alias} falls back to itself in the end.`, "Who failed is not asked again.", "End the chain at another alias.");
    return found;
  });
}

function leadsBack(alias: string, named: NonNullable<CheckedConfig["models"]>): boolean {
  const seen = new Set<string>();
  for (let next: string | undefined = alias; next !== undefined; next = named[next]?.fallback) {
    if (seen.has(next)) return true;
    seen.add(next);
  }
  return false;
}

// A shared secret never verifies a public-key algorithm, nor the reverse: no token could pass.
function algorithms({ auth }: CheckedConfig): MeaningProblem[] {
  return (auth?.jwt ?? []).flatMap(({ secret, algorithms: named }, index) => (named ?? []).flatMap((algorithm, at) => (algorithm.startsWith("HS") === (secret !== undefined) ? [] : [{
    path: ["auth", "jwt", String(index), "algorithms", String(at)], message: `auth.jwt.${index} cannot verify ${algorithm} with ${secret === undefined ? "a key set" : "a secret"}.`,
    why: "A secret is for HS256, HS384 and HS512; every other algorithm has public keys.", fix: secret === undefined ? "Remove it, or give a secret instead of jwks." : "Remove it, or give jwks instead of a secret.",
  }])));
}

function certificates({ http, mqtt }: CheckedConfig): MeaningProblem[] {
  if (mqtt?.tlsPort === undefined || http?.tls !== undefined) return [];
  return [{ path: ["mqtt", "tlsPort"], message: "mqtt.tlsPort needs http.tls.", why: "One certificate serves HTTP and MQTT.", fix: "Give http.tls its cert and key, or use mqtt.port." }];
}

function limits({ limits: named }: CheckedConfig, quantity: (value: number | string) => number): MeaningProblem[] {
  return Object.entries(named ?? {}).flatMap(([name, value]) => (Number.isSafeInteger(quantity(value)) ? [] : [{
    path: ["limits", name], message: `limits.${name} is no bound.`, why: "Everything is bounded.", fix: "Write a whole number below 2^53.",
  }]));
}
