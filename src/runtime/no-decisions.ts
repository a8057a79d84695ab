// Stands for runtime/decisions.ts in a server without the folder decisions/: nothing is decided, and an app that wants it does not start.
import type { DecisionsModule } from "./decisions-module.ts";

export const decisions: DecisionsModule = {
  checkDecisions: ({ catalog }) => [...[...catalog.decisions.values()].map(({ callable }) => callable), ...catalog.facts.values()].map((callable) => ({
    code: "NOT_AVAILABLE", severity: "error", position: callable.position, message: `The ${callable.kind} ${callable.name} is not available in this server.`,
    why: "It was built without decisions.", fix: "Remove it, or use a server that has them.", edits: [],
  })),
  taintOf: () => [],
  tryFallbacks: () => [],
  decisionsOf: () => null,
  openAudit: () => ({ start() {}, stop: async () => {}, metrics: () => [] }),
  audit: null,
};
