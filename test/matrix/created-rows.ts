// Bodies of new records: a plain one for each table, and from it one for each field and value that decides whether it may be.
import { canaryOf } from "./canary-values.ts";
import type { Who } from "./identities.ts";
import type { Matrix } from "./matrix-server.ts";
import type { TableModel } from "./model.ts";

type Body = Record<string, unknown>;

let next = 8_000;

/** What the table needs, referring to records that stand first in the seed. */
function plain(matrix: Matrix, who: Who, table: TableModel): Body {
  const number = next++;
  const key = table.key.type === "Long" ? `7000000000000${number}` : table.key.type === "Int" ? 70_200_000 + number : `new${number}`;
  const first = (name: string, place = 0): unknown => matrix.world.rows(name)[place]!["id"];
  const text = canaryOf("String", number);
  switch (table.name) {
    case "Org": return { id: key, name: text, region: "EU" };
    case "Project": return { id: key, orgId: first("Org"), ownerId: who.subject ?? "nobody", code: `C${number}`, title: text };
    case "Task": return { id: key, projectId: first("Project"), title: text };
    case "Note": return { id: key, taskId: first("Task"), body: text };
    case "Person": return { id: key, name: text, email: `${number}@example.com` };
    case "Crew": return { id: key, personId: "zoe", projectId: first("Project"), role: "VIEWER" };
    case "Tag": return { id: key, word: `w${number}`, listed: true };
    case "Tagging": return { id: key, tagId: first("Tag", 2), projectId: first("Project", 3) };
    case "Sample": return { id: key, listed: true, ownerId: who.subject ?? "nobody" };
    case "Scrap": return { id: key, listed: true, more: 1 };
    default: return { id: key, word: text };
  }
}

export function creations(matrix: Matrix, who: Who, table: TableModel): Body[] {
  const bodies: Body[] = [plain(matrix, who, table), { ...plain(matrix, who, table), nosuch: 1 }];
  const add = (name: string, value: unknown): void => { bodies.push({ ...plain(matrix, who, table), [name]: value }); };
  for (const field of table.fields) {
    if (field === table.key) continue;
    if (field.refers !== undefined) for (const row of matrix.world.all.get(field.refers)!.filter((_, index) => index % (matrix.width > 2 ? 1 : 3) === 0)) add(field.name, row["id"]);
    else if (field.values !== undefined) for (const value of field.values) add(field.name, value);
    else if (field.type === "Boolean") for (const value of [true, false]) add(field.name, value);
    else if (field.name === "ownerId" || field.name === "authorId") for (const value of [who.subject, "someone", null]) add(field.name, value);
    else add(field.name, field.kind === "computed" || field.kind === "readOnly" ? 5 : canaryOf(field.type, next++));
    if (field.unique === true) for (const row of matrix.world.rows(table.name).slice(0, 2)) if (row[field.name] !== null) add(field.name, row[field.name]);
  }
  // Keys that are taken: by records that are visible, hidden, expired.
  for (const row of matrix.world.all.get(table.name)!.filter((_, index) => index % 3 === 0)) add(table.key.name, row[table.key.name]);
  return bodies;
}
