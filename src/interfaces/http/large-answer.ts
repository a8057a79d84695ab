// Large answers go out piece by piece as the client takes them, so that it is known how much is on its way: many clients that ask for
// much and read slowly must not fill the memory.
import type { BodyBudget } from "./body-budget.ts";

/** Smaller ones are given away whole. */
export const LARGE_ANSWER_BYTES = 131_072;
const PIECE_BYTES = 131_072;

/** Holds its bytes in the budget until the client has them or is gone. Throws what the budget does, before anything is sent. */
export function largeAnswer(body: string | Uint8Array, budget: BodyBudget, bytesMax: number): ReadableStream<Uint8Array> {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  budget.take(bytes.length, bytesMax);
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at += PIECE_BYTES));
      if (at < bytes.length) return;
      controller.close();
      budget.give(bytes.length);
    },
    cancel() { budget.give(bytes.length); },
  }, { highWaterMark: 0 });
}
