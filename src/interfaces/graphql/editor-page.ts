// GraphiQL at GET /graphql for browsers, in development alone: a page and its two files, all from here, so that nothing is loaded from elsewhere.
import { fault } from "../../base/error.ts";
import { readAccept } from "../http/accept.ts";
import type { Answer, Exchange } from "../http/exchange.ts";

/** The bytes of a file that bin/prepare.mjs made; null: it is not there. */
export type EditorFiles = (name: string) => Promise<Uint8Array | null>;

/** What the page may do: run its own script, look as it does, speak with this app. Styles of the editor stand in elements. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const FILES: ReadonlyMap<string, string> = new Map([["graphiql-page.js", "text/javascript; charset=utf-8"], ["graphiql-page.css", "text/css; charset=utf-8"]]);

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>GraphiQL</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/graphql/graphiql-page.css"></head>
<body><div id="root"></div><script type="module" src="/graphql/graphiql-page.js"></script></body>
</html>
`;
const MISSING = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>GraphiQL</title><link rel="icon" href="data:,"></head>
<body><h1>The editor is not there</h1><p>It is made when Ambit is installed. In a checkout of Ambit: <code>npm install</code>, then <code>npm run prepare</code>.</p></body>
</html>
`;

/** Null: it is another request. */
export function answerEditor(exchange: Exchange, files: EditorFiles): Promise<Answer> | null {
  const [, file, ...more] = exchange.segments;
  if (exchange.method !== "GET" && exchange.method !== "HEAD") return null;
  if (file === undefined) return wantsPage(exchange) ? page(files) : null;
  const type = FILES.get(file);
  return type === undefined || more.length > 0 ? null : asset(file, type, files);
}

/** A browser that was led here. A document in the address is answered, not shown. */
function wantsPage(exchange: Exchange): boolean {
  const accept = exchange.header("accept");
  return exchange.query === "" && accept !== null && accept.includes("text/html") && readAccept(accept)[0]?.type === "text/html";
}

async function page(files: EditorFiles): Promise<Answer> {
  const isThere = (await Promise.all([...FILES.keys()].map((name) => files(name)))).every((bytes) => bytes !== null);
  return { status: 200, headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "content-security-policy": POLICY, "referrer-policy": "no-referrer" }, body: isThere ? PAGE : MISSING };
}

async function asset(name: string, type: string, files: EditorFiles): Promise<Answer> {
  const body = await files(name);
  if (body === null) throw fault("NOT_FOUND", "Nothing is at this path.");
  return { status: 200, headers: { "content-type": type, "cache-control": "no-cache" }, body };
}
