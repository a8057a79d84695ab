// Waits of tests: for what is to come true, never for a time in which it should have. The bound is there to name what never came, and no machine is so slow.

/** Longer than any machine takes, shorter than a test may. */
export const WAIT_MS = 60_000;

export type Holds = () => boolean | Promise<boolean>;

/** What is done before each further look, such as moving a clock on. */
export interface Meanwhile { readonly meanwhile?: () => unknown }

/** Whether it came to hold. For where the next expectation shows better what there is instead. */
export async function comesTrue(holds: Holds, { meanwhile }: Meanwhile = {}): Promise<boolean> {
  for (const end = performance.now() + WAIT_MS; !await holds();) {
    if (performance.now() > end) return false;
    meanwhile?.();
    await Bun.sleep(5);
  }
  return true;
}

/** Fails, with what was waited for, where it never comes to hold. */
export async function until(holds: Holds, what: string | (() => string) = "it came true", options: Meanwhile = {}): Promise<void> {
  if (!await comesTrue(holds, options)) throw new Error(`not within ${WAIT_MS} ms: ${typeof what === "string" ? what : what()}`);
}
