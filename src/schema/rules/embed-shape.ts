// EMBED_SHAPE: @embed fills a vector that may be absent, from texts that may go to a model, and tells nobody more of them than they may read.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, textsOf, useOf, type DeclaredField } from "../declarations.ts";
import { replaceNode } from "../schema-edits.ts";

interface Problem { readonly message: string; readonly why: string; readonly fix: string }

export function embedShape(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => table.fields.flatMap((field) => {
    const use = useOf(field, "embed");
    if (use === undefined || use.values === null) return [];
    const from = textsOf(use, "from") ?? [];
    const at = argumentNode(use, "from") ?? use.node;
    return [...mustBeThere(field, context), ...[...emptyOrTwice(from), ...from.flatMap((name) => checkSource(field, name))].map((problem) => diagnose(context, { code: "EMBED_SHAPE", at, ...problem }))];
  }));
}

/** It comes after the commit: until then there is none. */
function mustBeThere(field: DeclaredField, context: CompileContext): Diagnostic[] {
  if (field.type?.required !== true) return [];
  return [diagnose(context, {
    code: "EMBED_SHAPE", at: field.node.type, message: `${describeField(field)} has @embed and is required.`, why: "A record is there before its vector is.", fix: "Make it nullable.",
    edits: [replaceNode(context.source, field.node.type, field.type.name)],
  })];
}

function emptyOrTwice(from: readonly string[]): Problem[] {
  if (from.length === 0) return [{ message: "@embed names no fields.", why: "The vector is that of their texts.", fix: "Name text fields of this type in from." }];
  const twice = from.find((name, index) => from.indexOf(name) !== index);
  return twice === undefined ? [] : [{ message: `@embed names ${twice} twice.`, why: "A text counts once.", fix: "Remove one of them." }];
}

function checkSource(field: DeclaredField, name: string): Problem[] {
  const source = fieldNamed(field.owner, name);
  // Of names that are none another rule tells.
  if (source === undefined || source.type === null) return [];
  if (!isText(source)) return [{ message: `@embed of ${field.name} reads ${name}, which is no stored text.`, why: "A model embeds texts.", fix: "Name fields of type String." }];
  if (useOf(source, "secret") !== undefined) return [{ message: `@embed of ${field.name} reads ${name}, which is @secret.`, why: "What is @secret never enters a request to a model.", fix: "Leave it out of from." }];
  if (isKept(source) && !isKept(field)) {
    return [{ message: `@embed of ${field.name} reads ${name}, which fewer may read.`, why: "Who compares texts with a vector learns what was embedded.", fix: `Give ${field.name} @internal, or @allow as ${name} has it.` }];
  }
  return [];
}

function isText({ kind, type, uses }: DeclaredField): boolean {
  const isStored = kind === "stored" || (kind === "computed" && uses.some(({ name, values }) => name === "computed" && values?.["stored"] === true));
  return isStored && type?.name === "String" && !type.list;
}

/** Not for all who may read the record. */
function isKept(field: DeclaredField): boolean {
  return useOf(field, "internal") !== undefined || useOf(field, "allow") !== undefined;
}
