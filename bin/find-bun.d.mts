// Types of find-bun.mjs.
/** Absolute path of the pinned Bun binary; throws an Error that says what to do when there is none. */
export function findBun(): string;
