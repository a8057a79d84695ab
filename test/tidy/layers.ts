// The folder table of ARCHITECTURE.md as data, lowest first. A folder of src/ imports only itself and folders before it.

export const layers: readonly string[] = [
  "base", "schema", "expression", "query", "storage", "changes", "tables", "access", "resources", "cache", "jobs", "models", "decisions",
  "interfaces", "cluster", "deploy", "codegen", "runtime", "cli",
];

/** Where `bun:*` and `Bun.*` may stand. */
export const bunFolders: readonly string[] = ["storage", "interfaces", "runtime", "cli"];

/** Where the environment, timers, the time and chance may stand; besides these two files. */
export const effectFolders: readonly string[] = ["runtime", "cli"];
export const effectFiles: readonly string[] = ["src/base/clock.ts", "src/base/random.ts"];

/** What a browser loads: `client/` is a package of its own, and names the platform in this file alone. */
export const clientEffectFile = "client/environment.ts";

/** Compilers: no input, no output. */
export const pureFolders: readonly string[] = ["schema", "expression", "query"];

/** Files over 600 lines, each with the reason. */
export const longFiles: Readonly<Record<string, string>> = {};

/** Functions over 70 lines, each with the reason. A ratchet: only shorten. */
export const longFunctions: Readonly<Record<string, string>> = {};
