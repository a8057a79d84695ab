// Makes the vectors of what is remembered, after the commit. Its texts never change, so there is nothing to look at again; what a provider refuses by
// itself is found by words alone.
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import { EmbeddingFailure, type EmbeddingAlias } from "../resources/embedding-port.ts";
import { hasOtherVectors, keepMemoryVector, memoriesWithoutVector, renewMemoryVectors, type MemoryText } from "../storage/memory-vectors.ts";
import type { Storage } from "../storage/open-storage.ts";
import { askInTime } from "./embedding-batch.ts";

export interface Remembering {
  readonly storage: Storage;
  readonly model: EmbeddingAlias;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  filled(count: number): void;
  asked(): void;
}

/** False: there is nothing to do. Throws EmbeddingFailure where the provider fails whatever it is asked. */
export async function embedMemories(remembering: Remembering): Promise<boolean> {
  const { storage, model: { identity, textsMax } } = remembering;
  if (hasOtherVectors(storage.reader, identity)) await storage.commit((connection) => renewMemoryVectors(connection, identity));
  const memories = memoriesWithoutVector(storage.reader, textsMax);
  if (memories.length === 0) return false;
  const refused: MemoryText[] = [];
  const count = await embed(remembering, memories, refused);
  // Whatever is asked fails: it is not the texts.
  if (count === 0 && refused.length > 1) throw new EmbeddingFailure("none of several texts got a vector", { isAboutTexts: false, retryAfterMs: null });
  await keep(remembering, refused, refused.map(() => []));
  return true;
}

/** How many have one now. */
async function embed(remembering: Remembering, memories: readonly MemoryText[], refused: MemoryText[]): Promise<number> {
  try {
    await keep(remembering, memories, await askInTime(remembering, memories.map(({ text }) => text)));
    remembering.filled(memories.length);
    return memories.length;
  } catch (error) {
    if (!(error instanceof EmbeddingFailure) || !error.isAboutTexts) throw error;
    if (memories.length === 1) {
      refused.push(...memories);
      return 0;
    }
    const half = Math.ceil(memories.length / 2);
    return await embed(remembering, memories.slice(0, half), refused) + await embed(remembering, memories.slice(half), refused);
  }
}

async function keep({ storage, model: { identity } }: Remembering, memories: readonly MemoryText[], vectors: readonly (readonly number[])[]): Promise<void> {
  if (memories.length === 0) return;
  await storage.commit((connection) => { for (const [index, { id }] of memories.entries()) keepMemoryVector(connection, id, { model: identity, vector: vectors[index]! }); });
}
