// What a record and a list answer to one identity: the status, the rows and fields that the oracle shows, and nothing else.
import { compareWire, hasOrder } from "./comparable.ts";
import type { Who } from "./identities.ts";
import type { Answer, Matrix } from "./matrix-server.ts";
import type { FieldModel, Row, TableModel } from "./model.ts";

/** The role part: null where some record might be read. */
export function refusal(matrix: Matrix, who: Who, table: TableModel, verb = "R"): { readonly status: number; readonly code: string } | null {
  if (matrix.oracle.mayEver(who, table, verb)) return null;
  return who.subject === null && !who.administrator ? { status: 401, code: "UNAUTHENTICATED" } : { status: 403, code: "FORBIDDEN" };
}

/** True where the request was refused, and had to be. */
export function checkRefused(matrix: Matrix, answer: Answer, refused: ReturnType<typeof refusal>): boolean {
  if (refused === null) return false;
  matrix.status(answer, refused.status, refused.code);
  return true;
}

export function inKeyOrder(table: TableModel, rows: readonly Row[]): Row[] {
  const { name, type } = table.key;
  return [...rows].sort((left, right) => compareWire(type, left[name], right[name]));
}

/** The rows in the order of the field as the identity sees it, then of the key in the same direction. */
export function inOrderOf(matrix: Matrix, who: Who, at: { table: TableModel; field: FieldModel; descending: boolean; nullsFirst: boolean }, rows: readonly Row[]): Row[] {
  const { table, field, descending, nullsFirst } = at;
  const value = (row: Row): unknown => matrix.oracle.value(who, field, row);
  const byKey = inKeyOrder(table, rows);
  return (descending ? byKey.reverse() : byKey).sort((left, right) => {
    const [one, other] = [value(left), value(right)];
    if (one === null || other === null) return one === other ? 0 : (one === null) === nullsFirst ? -1 : 1;
    return compareWire(field.type, one, other) * (descending ? -1 : 1);
  });
}

export const keyOf = (table: TableModel, row: Row): string => encodeURIComponent(String(row[table.key.name]));

/** Without what differs from one request to the other. */
function problemOf(answer: Answer): unknown {
  const { requestId: _, ...rest } = answer.json as Record<string, unknown>;
  return rest;
}

export async function checkRecords(matrix: Matrix, who: Who, table: TableModel): Promise<void> {
  const refused = refusal(matrix, who, table);
  const missing = await matrix.ask(who, `/${table.path}/${table.key.type === "ID" ? "nowhere" : "987654"}`);
  if (!checkRefused(matrix, missing, refused)) matrix.status(missing, 404, "NOT_FOUND");
  let hidden = 0;
  for (const [index, row] of matrix.world.all.get(table.name)!.entries()) {
    const path = `/${table.path}/${keyOf(table, row)}`;
    const isThere = !matrix.world.ghosts.get(table.name)!.includes(row) && matrix.oracle.sees(who, table, row);
    const view = isThere ? matrix.oracle.view(who, table, row) : null;
    for (const query of ["", "?select=*"]) {
      const answer = await matrix.ask(who, path + query);
      if (checkRefused(matrix, answer, refused)) continue;
      if (view === null) hiddenRecord(matrix, answer, missing);
      else if (matrix.status(answer, 200)) {
        matrix.same(answer, answer.json, view);
        await checkConditions(matrix, who, { path: path + query, answer });
      }
    }
    if (refused === null && view === null && hidden++ < 2 * matrix.width) await probeHidden(matrix, who, path, missing);
    if (matrix.width <= 2 && index % 2 > 0) continue;
    const head = await matrix.ask(who, path, { method: "HEAD" });
    matrix.status(head, refused?.status ?? (view === null ? 404 : 200));
    matrix.same(head, head.text, "");
    const single = await matrix.ask(who, `/${table.path}?${table.key.name}=eq.${keyOf(table, row)}`, { headers: { accept: "application/vnd.pgrst.object+json" } });
    if (checkRefused(matrix, single, refused)) continue;
    if (view === null) matrix.status(single, 406, "NOT_ONE_RECORD");
    else if (matrix.status(single, 200)) matrix.same(single, single.json, view);
  }
}

function hiddenRecord(matrix: Matrix, answer: Answer, missing: Answer): void {
  if (matrix.status(answer, 404, "NOT_FOUND")) matrix.same(answer, problemOf(answer), problemOf(missing));
}

/** No condition on a version tells that there is one. */
async function probeHidden(matrix: Matrix, who: Who, path: string, missing: Answer): Promise<void> {
  for (const headers of [{ "if-none-match": "*" }, { "if-none-match": '"v1"' }, { "if-match": "*" }, { "if-match": '"v1"' }, { "if-match": '"v2"' }, { range: "0-0" }, { accept: "text/csv" }]) {
    const answer = await matrix.ask(who, path, { headers });
    hiddenRecord(matrix, answer, missing);
  }
}

async function checkConditions(matrix: Matrix, who: Who, { path, answer }: { path: string; answer: Answer }): Promise<void> {
  const tag = answer.headers.get("etag")!;
  const same = await matrix.ask(who, path, { headers: { "if-none-match": tag } });
  matrix.status(same, 304);
  matrix.same(same, same.text, "");
  matrix.status(await matrix.ask(who, path, { headers: { "if-match": '"v0"' } }), 412);
}

export async function checkLists(matrix: Matrix, who: Who, table: TableModel): Promise<void> {
  const { oracle } = matrix;
  const path = `/${table.path}`;
  const refused = refusal(matrix, who, table);
  const rows = inKeyOrder(table, oracle.visible(who, table));
  const views = rows.map((row) => oracle.view(who, table, row));
  for (const query of ["", "?select=*", "?select=*&limit=500", `?order=${table.key.name}.asc`]) {
    const answer = await matrix.ask(who, path + query);
    if (!checkRefused(matrix, answer, refused) && matrix.status(answer, 200)) matrix.same(answer, answer.json, views);
  }
  if (refused !== null) return;
  await checkCounts(matrix, who, path, rows.length);
  await checkFormats(matrix, who, table, views);
  await checkRanges(matrix, who, path, views);
  for (const field of [table.key, ...oracle.fields(who, table)].filter(({ type }) => hasOrder(type))) await checkPages(matrix, who, table, field);
}

async function checkCounts(matrix: Matrix, who: Who, path: string, total: number): Promise<void> {
  for (const method of ["GET", "HEAD"]) {
    for (const kind of ["exact", "planned", "estimated"]) {
      const answer = await matrix.ask(who, path, { method, headers: { prefer: `count=${kind}` } });
      matrix.status(answer, 200);
      matrix.same(answer, answer.headers.get("content-range"), `${total === 0 ? "*" : `0-${total - 1}`}/${total}`);
    }
  }
  const beyond = await matrix.ask(who, `${path}?offset=${total + 1}`, { headers: { prefer: "count=exact" } });
  matrix.status(beyond, 416, "RANGE_NOT_SATISFIABLE");
}

async function checkFormats(matrix: Matrix, who: Who, table: TableModel, views: readonly Row[]): Promise<void> {
  const lines = await matrix.ask(who, `/${table.path}`, { headers: { accept: "application/x-ndjson" } });
  if (matrix.status(lines, 200)) matrix.same(lines, lines.text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as unknown), views);
  const csv = await matrix.ask(who, `/${table.path}`, { headers: { accept: "text/csv" } });
  if (!matrix.status(csv, 200)) return;
  const undeclared = [...new Set(views.flatMap((view) => Object.keys(view)))].filter((name) => !table.fields.some((field) => field.name === name));
  matrix.same(csv, csv.text.split("\n")[0], [...matrix.oracle.fields(who, table).map(({ name }) => name), ...undeclared].join(","));
  matrix.same(csv, csv.text.split("\n").length - 2, views.length);
}

async function checkRanges(matrix: Matrix, who: Who, path: string, views: readonly Row[]): Promise<void> {
  for (const [first, last] of [[0, 0], [1, 2], [0, 100]] as const) {
    const answer = await matrix.ask(who, path, { headers: { range: `${first}-${last}`, prefer: "count=exact" } });
    if (first > views.length) {
      matrix.status(answer, 416);
      continue;
    }
    const shown = views.slice(first, last + 1);
    matrix.status(answer, shown.length < views.length ? 206 : 200);
    matrix.same(answer, answer.json, shown);
    matrix.same(answer, answer.headers.get("content-range"), `${shown.length === 0 ? "*" : `${first}-${first + shown.length - 1}`}/${views.length}`);
  }
}

/** Page by page through the cursor: each visible record once, in order, and no order key that is hidden. */
async function checkPages(matrix: Matrix, who: Who, table: TableModel, field: FieldModel): Promise<void> {
  const rows = matrix.oracle.visible(who, table);
  for (const descending of [false, true]) {
    const keys = inOrderOf(matrix, who, { table, field, descending, nullsFirst: descending }, rows).map((row) => row[table.key.name]);
    const found: unknown[] = [];
    let path = `/${table.path}?select=${table.key.name}&order=${field.name}${descending ? ".desc" : ""}&limit=3`;
    for (let page = 0; page <= rows.length; page++) {
      const answer = await matrix.ask(who, path);
      if (!matrix.status(answer, 200)) return;
      found.push(...(answer.json as Row[]).map((row) => row[table.key.name]));
      const next = answer.headers.get("ambit-next-cursor");
      if (next === null) {
        matrix.same(answer, found, keys);
        break;
      }
      path = `${path.replace(/&after=.*/, "")}&after=${encodeURIComponent(next)}`;
    }
  }
}
