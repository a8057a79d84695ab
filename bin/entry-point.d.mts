// Types of entry-point.mjs.
/** Absolute path of the package. */
export const root: string;
/** Absolute path of the entry among the sources. */
export const sourceEntry: string;
/** Absolute path of the folder that the bundle is made in. */
export const bundleFolder: string;
/** Absolute path of what Bun should run: the bundle, or the sources where they are newer. */
export function entryPoint(): string;
