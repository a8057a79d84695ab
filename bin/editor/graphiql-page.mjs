// The page of GET /graphql in development: GraphiQL, with a field for the token, and subscriptions over the protocol graphql-transport-ws.
// Bundled by bin/prepare.mjs with everything it needs; runs in a browser.
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { getOperationAST, parse } from "graphql";
import { createClient } from "graphql-ws";
import { createElement, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import "./graphiql-page.css";

const ADDRESS = "/graphql";
const STORED = "ambit:token";

function fetcherFor(token) {
  const authorization = token === "" ? undefined : `Bearer ${token}`;
  const client = createClient({ url: new URL(ADDRESS, location.href.replace(/^http/, "ws")).href, connectionParams: { authorization }, shouldRetry: () => true });
  return (request, { headers = {} } = {}) => {
    if (isSubscription(request)) return client.iterate(request);
    return answerOf(request, { ...(authorization === undefined ? {} : { authorization }), ...headers });
  };
}

/** What cannot be parsed is told by the app. */
function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false;
  }
}

async function answerOf(request, headers) {
  const response = await fetch(ADDRESS, { method: "POST", headers: { "content-type": "application/json", accept: "application/json", ...headers }, body: JSON.stringify(request) });
  return response.json();
}

const EXAMPLE = "# Ctrl+Enter asks. The schema is what the token's holder may see: without one, what everybody may.\n\n";

function Page() {
  const [token, setToken] = useState(sessionStorage.getItem(STORED) ?? "");
  const fetcher = useMemo(() => fetcherFor(token), [token]);
  const changed = (event) => {
    const next = event.target.value.trim();
    sessionStorage.setItem(STORED, next);
    setToken(next);
  };
  const field = createElement("input", {
    id: "token", type: "password", autoComplete: "off", spellCheck: false, placeholder: "none: as nobody", defaultValue: token, onBlur: changed,
    onKeyDown: (event) => { if (event.key === "Enter") changed(event); },
  });
  // Another holder of another token has another schema: all of it is asked for again.
  return createElement("div", { className: "page" },
    createElement("header", null, createElement("label", { htmlFor: "token" }, "Token"), field),
    createElement("main", null, createElement(GraphiQL, { key: token, fetcher, defaultQuery: EXAMPLE, shouldPersistHeaders: false, defaultEditorToolsVisibility: true })));
}

createRoot(document.getElementById("root")).render(createElement(Page));
