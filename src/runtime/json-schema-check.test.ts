// The validator of settings against a complete one, on many values; and that it knows every word of the published schema.
import Ajv from "ajv";
import { expect, test } from "bun:test";
import configSchema from "../../config.schema.json";
import { seededRandom } from "../base/random.ts";
import { schemaProblems, understoodKeywords, type JsonSchema } from "./json-schema-check.ts";

const schema: JsonSchema = configSchema as JsonSchema;
const SILENT = new Set(["$schema", "title", "description"]);

test("the published schema uses no other keyword", () => {
  const visit = (part: unknown): string[] => {
    if (typeof part !== "object" || part === null) return [];
    return Object.entries(part).flatMap(([keyword, inside]) => {
      const below = keyword === "properties" ? Object.values(inside as object) : keyword === "anyOf" || keyword === "oneOf" ? inside as unknown[] : keyword === "items" || keyword === "additionalProperties" ? [inside] : [];
      return [keyword, ...below.flatMap(visit)];
    });
  };
  expect([...new Set(visit(schema))].filter((keyword) => !SILENT.has(keyword) && !understoodKeywords.includes(keyword))).toEqual([]);
});

test("what is wrong is said, with its place", () => {
  const problems = schemaProblems({
    http: { port: 70_000, host: "", prot: 1 }, zone: 5, auth: { keys: [{ token: "t" }], jwt: [{ issuer: "i" }, { issuer: "i", jwks: "j", secret: "0123456789abcdef", algorithms: ["none"] }] },
    limits: { bodyBytes: "many", queryMs: 0 }, values: { a: null },
  }, schema);
  expect(problems.map(({ path, message }) => `${path.join(".")} ${message}`)).toEqual([
    "http.port must be 65535 at most", "http.host must have 1 characters at least", "http must not have prot", "zone must be string",
    "auth.keys.0 must have subject", "auth.jwt.0 must have jwks, or must have secret",
    "auth.jwt.1.algorithms.0 must be one of EdDSA, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, HS256, HS384, HS512",
    "auth.jwt.1 must have only one of jwks, secret",
    "limits.bodyBytes must be integer, or must match ^[0-9]+(B|KB|MB|GB)$", "limits.queryMs must be 1 at least, or must be string", "values.a must be string or number or boolean",
  ]);
  expect(problems.find((one) => one.unknown !== null)?.unknown).toEqual({ name: "prot", known: ["host", "port", "cors", "tls", "trustProxy"] });
});

test("random settings: valid exactly where a complete validator says so", () => {
  const validate = new Ajv({ allErrors: true, strict: false, allowUnionTypes: true }).compile(configSchema);
  const seed = 20_261_121;
  const random = seededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  const scalar = (): unknown => pick<unknown>(["", "a", "0123456789abcdef", "1MB", "PT1S", "RS256", "UTC", 0, 1, 80, 1.5, -1, 70_000, true, null, [], {}]);
  /** Mostly what the schema asks for. */
  const valueFor = (part: JsonSchema, depth: number): unknown => {
    if (depth > 6 || random.next() < 0.04) return scalar();
    const alternatives = part.anyOf ?? [];
    if (alternatives.length > 0) return valueFor(pick(alternatives), depth + 1);
    if (part.enum !== undefined) return random.next() < 0.9 ? pick(part.enum) : scalar();
    if (part.type === "array") return Array.from({ length: Math.floor(random.next() * 3) }, () => valueFor(part.items ?? {}, depth + 1));
    if (part.type !== "object") return part.type === "integer" ? pick([0, 1, 80, 9_926]) : part.type === "string" ? pick(["a", "0123456789abcdef", "1MB", "P1D"]) : scalar();
    const names = Object.keys(part.properties ?? {}).filter(() => random.next() < 0.6);
    if (random.next() < 0.1) names.push("surprise");
    return Object.fromEntries(names.map((name) => [name, valueFor(part.properties?.[name] ?? (typeof part.additionalProperties === "object" ? part.additionalProperties : {}), depth + 1)]));
  };
  const seen = { valid: 0, invalid: 0 };
  for (let round = 0; round < 5_000; round++) {
    const part = pick([schema, ...Object.values(schema.properties ?? {})]);
    const value = part === schema ? valueFor(schema, 0) : { [Object.entries(schema.properties ?? {}).find(([, one]) => one === part)![0]]: valueFor(part, 0) };
    const isValid = schemaProblems(value, schema).length === 0;
    expect(isValid, `seed ${seed} round ${round} ${JSON.stringify(value)}`).toBe(validate(value));
    seen[isValid ? "valid" : "invalid"]++;
  }
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(200);
}, 120_000);
