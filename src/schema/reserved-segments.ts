// First path segments that the runtime keeps for itself, in this version or a later one.

export const reservedSegments: ReadonlySet<string> = new Set([
  ".well-known", "admin", "approvals", "auth", "batch", "commitments", "decide", "docs", "files", "graphql", "health", "mcp", "memory", "metrics", "mqtt",
  "negotiations", "offers", "openapi.json", "ready", "rpc", "runs", "studio", "ws",
]);
