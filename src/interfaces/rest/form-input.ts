// Arguments of a callable that takes files: multipart/form-data with a part for each argument, or the file alone as the body, with the
// other arguments in the query. What a file is, its content says, not its sender.
import { createHash } from "node:crypto";
import { fault } from "../../base/error.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import { sniffType } from "../../resources/sniff-type.ts";
import { usableFileName } from "../../resources/file-name.ts";
import type { Callable } from "../../schema/catalog.ts";
import { isFileArgument } from "../../schema/file-type.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Exchange } from "../http/exchange.ts";
import { rawFromText } from "./text-input.ts";

/** `bytes` stand for all that was sent: two requests are the same if theirs are. */
export interface FormInput { readonly input: RawInput; readonly bytes: Uint8Array }

export type FormKind = "form" | "file";

/** Null: the body is JSON, or there is none. */
export function formKind(exchange: Exchange, callable: Callable): FormKind | null {
  const files = [...callable.arguments.values()].filter(isFileArgument);
  if (files.length === 0) return null;
  const type = (exchange.header("content-type") ?? "").trim().toLowerCase();
  if (type.startsWith("multipart/form-data")) return "form";
  return type.startsWith("application/json") || files.length > 1 || files[0]!.type.list ? null : "file";
}

export async function readForm(exchange: Exchange, callable: Callable, kind: FormKind): Promise<FormInput> {
  const bytes = await exchange.body();
  return kind === "form" ? partsOf(exchange, callable, bytes) : { input: await wholeBody(exchange, callable, bytes), bytes };
}

async function wholeBody(exchange: Exchange, callable: Callable, bytes: Uint8Array): Promise<RawInput> {
  const input = argumentsIn(urlPairs(exchange.query), callable, exchange.limits.jsonDepth);
  const file = [...callable.arguments.values()].find(isFileArgument)!;
  if (bytes.length > 0) input[file.name] = await fileOf(bytes, null);
  return input;
}

async function partsOf(exchange: Exchange, callable: Callable, bytes: Uint8Array): Promise<FormInput> {
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { "content-type": exchange.header("content-type")! } }).formData() as unknown as FormData;
  } catch (error) {
    throw fault("MALFORMED_BODY", "The body is not multipart/form-data as its Content-Type says.", { cause: error });
  }
  const texts: [string, string][] = [];
  const files: [string, File][] = [];
  const hash = createHash("sha256");
  for (const [name, value] of form.entries() as Iterable<[string, string | File]>) {
    const content = typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array(await value.arrayBuffer());
    hash.update(JSON.stringify([name, typeof value === "string" ? null : value.name, content.length])).update(content);
    if (typeof value === "string") texts.push([name, value]);
    else files.push([name, await fileOf(content, value.name)]);
  }
  const input = argumentsIn(texts, callable, exchange.limits.jsonDepth);
  for (const [name, file] of files) set(input, name, file, callable);
  return { input, bytes: hash.digest() };
}

type Arguments = { [name: string]: unknown };

/** What the declaration does not know goes on as it is: validation refuses it by name. */
function argumentsIn(pairs: Iterable<readonly [string, string]>, callable: Callable, depthMax: number): Arguments {
  const input = Object.create(null) as Arguments;
  const inputs = inputsOf(callable);
  for (const [name, text] of pairs) {
    const type = inputs.get(name)?.type;
    set(input, name, type === undefined ? text : rawFromText(text, type.list && !text.startsWith("[") ? { ...type, list: false } : type, depthMax), callable);
  }
  return input;
}

function set(input: Arguments, name: string, value: unknown, callable: Callable): void {
  const isList = inputsOf(callable).get(name)?.type.list === true;
  if (!Object.hasOwn(input, name)) input[name] = isList && !Array.isArray(value) ? [value] : value;
  else if (isList) (input[name] as unknown[]).push(value);
  else throw fault("MALFORMED_BODY", `${name.slice(0, 100)} stands twice.`, { where: name.slice(0, 100) });
}

async function fileOf(content: Uint8Array, name: string | null): Promise<File> {
  return new File([new Uint8Array(content)], usableFileName(name ?? undefined) ?? "", { type: await sniffType(content.subarray(0, 4_100)) });
}
