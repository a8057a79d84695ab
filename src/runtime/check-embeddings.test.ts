// What config.yaml says of embedding models, alone and against the schema.
import { expect, test } from "bun:test";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { checkEmbeddings } from "./check-embeddings.ts";
import { loadConfig } from "./config.ts";

function problems(models: string, { fields = 'meaning: Vector @embed(from: ["text"]) @indexed(type: VECTOR)', on = "", more = "" } = {}): string[] {
  const { config, diagnostics } = loadConfig("config.yaml", `models:\n${models}`, {});
  const { catalog, diagnostics: ofSchema } = compileSchema({ file: "schema.graphql", text: `type Note @table ${on} { id: ID! @primaryKey text: String pin: String @secret hidden: Boolean! until: DateTime @indexed ${fields} }\n${more}` });
  expect(ofSchema).toEqual([]);
  const { book, diagnostics: ofExpressions } = compileCatalogExpressions(catalog);
  expect(ofExpressions).toEqual([]);
  return [...diagnostics, ...checkEmbeddings({ catalog, book, config })].map(({ code, severity, message }) => `${severity} ${code}: ${message}`);
}

const local = "provider: openai-compatible, url: http://127.0.0.1:1/v1, model: m";

test.each([
  [`  embedding: { ${local}, dimensions: 3, price: { input: 0.02 USD } }`, []],
  [`  other: { ${local}, dimensions: 3 }`, ["warning EMBED_SHAPE: Note.meaning is filled by the model embedding, which config.yaml does not have."]],
  [`  embedding: { ${local} }`, ["error EMBED_SHAPE: Note.meaning is filled by embedding, which is no embedding model."]],
  ["  embedding: { provider: anthropic, model: m, key: k, dimensions: 3 }", ["error CONFIG: models.embedding has dimensions, but anthropic has no embedding models."]],
  [`  embedding: { ${local}, dimensions: 3, fallback: second }\n  second: { ${local}, dimensions: 3 }`, ["error CONFIG: models.embedding is an embedding model with a fallback."]],
  [`  embedding: { ${local}, dimensions: 3 }\n  default: { ${local}, fallback: embedding }`, ["error CONFIG: models.default falls back to embedding, which is an embedding model."]],
  [`  embedding: { ${local}, dimensions: 3, stream: true }`, ["error CONFIG: models.embedding is an embedding model with stream."]],
  [`  embedding: { ${local}, dimensions: 3 }\n  default: { ${local}, price: { input: 1 USD } }`, ["error CONFIG: models.default.price says nothing of output."]],
])("%s", (models, found) => {
  expect(problems(models)).toEqual([...found]);
});

test.each(["dimensions: 0", "dimensions: 9000", "dimensions: 1.5", "dimensions: many"])("%s is refused", (dimensions) => {
  expect(problems(`  embedding: { ${local}, ${dimensions} }`).some((text) => text.startsWith("error CONFIG"))).toBe(true);
});

const good = `  embedding: { ${local}, dimensions: 3 }`;

test("an index of other dimensions", () => {
  expect(problems(good, { fields: 'meaning: Vector @embed(from: ["text"]) @indexed(type: VECTOR, dimensions: 4)' })).toEqual(["error EMBED_SHAPE: The index of Note.meaning has 4 dimensions, and vectors of embedding have 3."]);
  expect(problems(good, { fields: 'meaning: Vector @embed(from: ["text"]) @indexed(type: VECTOR, dimensions: 3)' })).toEqual([]);
});

test("what is secret stays so, also where it is computed, or where another record decides", () => {
  expect(problems(good, { fields: 'both: String @computed(rule: "record.text + record.pin", stored: true) @secret meaning: Vector @embed(from: ["text"])' })).toEqual([]);
  expect(problems(good, { fields: 'both: String @computed(rule: "record.text + record.pin", stored: true) meaning: Vector @embed(from: ["both"])' })).toEqual(["error EMBED_SHAPE: Note.meaning is made of both, which is computed from a secret."]);
  expect(problems(good, { on: '@secret(where: "record.hidden")' })).toEqual([]);
  expect(problems(good, { on: '@secret(where: "record.until > now()")' })).toEqual(["error EMBED_SHAPE: @secret(where) of Note looks at more than the record itself."]);
});

test("a decision asks a language model", () => {
  const more = 'type Out { yes: Boolean! }\ntype Decisions {\n"""Say yes."""\nask: Out! @decision(model: "embedding") @fallback(value: { yes: true })\n}';
  expect(problems(good, { more })).toEqual(["error CONFIG: ask asks embedding, which is an embedding model."]);
});
