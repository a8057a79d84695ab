// Names of fields with a path into JSON: `meta->a->0->>b`. Syntax only: nothing is resolved here.
import type { FieldSyntax } from "./query-syntax.ts";
import type { TextScanner } from "./text-scanner.ts";

const INDEX = /-?\d{1,9}(?=->|::|[.,)]|$)/y;

export function readField(scanner: TextScanner): FieldSyntax {
  const name = scanner.name();
  return { name, ...readPath(scanner) };
}

export function readPath(scanner: TextScanner): Pick<FieldSyntax, "path" | "asText"> {
  const path: (string | number)[] = [];
  let asText = false;
  while (scanner.startsWith("->")) {
    if (asText) throw scanner.problem("Nothing may follow ->>, which yields text");
    asText = scanner.accept("->>");
    if (!asText) scanner.expect("->");
    const index = scanner.match(INDEX);
    path.push(index === null ? scanner.name() : Number(index[0]));
  }
  return { path, asText };
}

/** As it would be written, for messages and cursors. */
export function fieldText(field: FieldSyntax): string {
  return field.path.reduce<string>((text, step, index) => `${text}${field.asText && index === field.path.length - 1 ? "->>" : "->"}${step}`, field.name);
}
