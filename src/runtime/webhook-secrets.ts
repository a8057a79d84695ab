// Whether the secrets that @webhook names are there and can be used: what only schema and settings together can tell.
import { standardKey, secretsOf } from "../access/webhook-signature.ts";
import { didYouMean, type Diagnostic } from "../base/diagnostic.ts";
import type { Callable, Catalog, Webhook } from "../schema/catalog.ts";

/** So that nobody finds one out by trying. */
const SECRET_LENGTH_MIN = 16;

export function webhookSecrets(catalog: Catalog, secrets: Readonly<Record<string, string>>): Diagnostic[] {
  return [...catalog.endpoints.values()].flatMap((endpoint) => (endpoint.webhook === undefined ? [] : check(endpoint, endpoint.webhook, secrets)));
}

function check(endpoint: Callable, { secret, scheme }: Webhook, secrets: Readonly<Record<string, string>>): Diagnostic[] {
  const report = (problem: Pick<Diagnostic, "code" | "message" | "why" | "fix">): Diagnostic[] => [{ severity: "error", position: endpoint.position, edits: [], ...problem }];
  const value = Object.hasOwn(secrets, secret) ? secrets[secret]! : null;
  if (value === null) {
    const near = didYouMean(secret, Object.keys(secrets));
    return report({ code: "UNKNOWN_NAME", message: `@webhook of ${endpoint.name} names the secret ${secret}, which config.yaml does not have.`, why: "Without it no signature could be verified.", fix: near === null ? `Write secrets: { ${secret}: "\${NAME}" } in config.yaml.` : `Did you mean ${near}?` });
  }
  if (secretsOf(value).some((one) => one.length < SECRET_LENGTH_MIN)) {
    return report({ code: "CONFIG", message: `The secret ${secret} has a part of fewer than ${SECRET_LENGTH_MIN} characters.`, why: "Spaces separate several secrets, and each of them alone opens the endpoint.", fix: "Use a long random secret without spaces." });
  }
  if (scheme !== "STANDARD" || secretsOf(value).every((one) => standardKey(one) !== null)) return [];
  return report({ code: "CONFIG", message: `The secret ${secret} begins with whsec_, but is not base64 behind it.`, why: "Standard Webhooks gives its keys as base64.", fix: "Copy the whole secret from the sender." });
}
