// Vectors without a model, for tests: the more words two texts share, the nearer they are. The same text has the same vector on every machine.
import { createHash } from "node:crypto";
import type { EmbeddingModel } from "./model.ts";

export function scriptedEmbedding(alias: string, dimensions: number): EmbeddingModel {
  return { alias, id: "scripted", price: null, dimensions, ask: async (texts) => ({ vectors: texts.map((text) => vectorOf(text, dimensions)), tokens: texts.length }) };
}

function vectorOf(text: string, dimensions: number): number[] {
  const vector = Array.from({ length: dimensions }, () => 0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [""]) {
    const hash = createHash("sha256").update(word).digest();
    // In three places, so that few words meet where there are few dimensions.
    for (let part = 0; part < 3; part++) vector[hash.readUInt32BE(part * 4) % dimensions]! += part === 0 ? 1 : 0.5;
  }
  const length = Math.hypot(...vector);
  return vector.map((number) => Number((number / length).toPrecision(8)));
}
