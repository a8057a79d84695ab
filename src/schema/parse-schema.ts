// SDL text to a syntax tree. A definition that cannot be parsed is left out with its own diagnostic, so that the rest is checked too.
import type { DefinitionNode, DocumentNode } from "graphql";
import { GraphQLError } from "graphql/error/GraphQLError";
import { Kind } from "graphql/language/kinds";
import { parse } from "graphql/language/parser";
import type { Diagnostic } from "../base/diagnostic.ts";
import { boundsProblem, type BoundsProblem } from "./source-bounds.ts";
import { positionAt, type SourceText } from "./source-text.ts";

export interface ParsedSchema {
  readonly document: DocumentNode;
  readonly diagnostics: readonly Diagnostic[];
  /** Names of definitions that were left out: a use of them is not an unknown name. */
  readonly broken: ReadonlySet<string>;
}

const DEFINITION_START = /^(?:extend\s|type\s|enum\s|input\s|interface\s|union\s|scalar\s|directive\s|schema\b)/;
const DEFINED_NAME = /^\s*(?:type|enum|input|interface|union|scalar)\s+([A-Za-z_]\w*)/m;

const nothing: ParsedSchema = { document: { kind: Kind.DOCUMENT, definitions: [] }, diagnostics: [], broken: new Set() };

export function parseSchema(source: SourceText): ParsedSchema {
  const bounds = boundsProblem(source);
  if (bounds !== null) return { ...nothing, diagnostics: [syntaxProblem(source, bounds)] };
  if (isEmpty(source.text)) return nothing;
  const whole = tryParse(source.text);
  if (whole instanceof GraphQLError) return parseByDefinition(source, whole);
  return { document: whole, diagnostics: [], broken: new Set() };
}

// The parser stops at its first error, and after a missing brace that error stands in the wrong definition.
function parseByDefinition(source: SourceText, first: GraphQLError): ParsedSchema {
  const definitions: DefinitionNode[] = [];
  const diagnostics: Diagnostic[] = [];
  const broken = new Set<string>();
  for (const { start, end } of definitionRanges(source)) {
    const chunk = source.text.slice(start, end);
    if (isEmpty(chunk)) continue;
    // Blanks in front keep every offset that of the whole file.
    const parsed = tryParse(source.text.slice(0, start).replace(/[^\n\r]/g, " ") + chunk);
    if (!(parsed instanceof GraphQLError)) { definitions.push(...parsed.definitions); continue; }
    diagnostics.push(syntaxDiagnostic(source, parsed, end));
    const name = DEFINED_NAME.exec(chunk)?.[1];
    if (name !== undefined) broken.add(name);
  }
  if (diagnostics.length === 0) diagnostics.push(syntaxDiagnostic(source, first, source.text.length));
  return { document: { kind: Kind.DOCUMENT, definitions }, diagnostics, broken };
}

function tryParse(text: string): DocumentNode | GraphQLError {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

function isEmpty(text: string): boolean {
  return /^(?:\s|,|\uFEFF|#[^\n\r]*)*$/.test(text);
}

/** Ranges that each begin with a definition at the start of a line, its description included. */
function definitionRanges(source: SourceText): { start: number; end: number }[] {
  const starts: number[] = [0];
  let insideBlockString = false;
  let descriptionStart: number | null = null;
  source.lineStarts.forEach((lineStart, index) => {
    const line = source.text.slice(lineStart, source.lineStarts[index + 1] ?? source.text.length);
    if (!insideBlockString && line.startsWith('"')) descriptionStart ??= lineStart;
    else if (!insideBlockString && DEFINITION_START.test(line)) {
      starts.push(descriptionStart ?? lineStart);
      descriptionStart = null;
    } else if (!insideBlockString && line.trim() !== "" && !line.startsWith("#") && !/"""\s*$/.test(line)) descriptionStart = null;
    if ((line.split('"""').length - 1) % 2 === 1) insideBlockString = !insideBlockString;
  });
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? source.text.length })).filter(({ start, end }) => end > start);
}

function syntaxDiagnostic(source: SourceText, error: GraphQLError, end: number): Diagnostic {
  return syntaxProblem(source, {
    offset: Math.min(error.positions?.[0] ?? 0, end),
    message: `${error.message.replace(/^Syntax Error: /, "").replace(/<EOF>/, "the end of the definition").replace(/\.$/, "")}.`,
    fix: fixOf(error.message),
  });
}

function syntaxProblem(source: SourceText, { offset, message, fix }: BoundsProblem): Diagnostic {
  return { code: "SYNTAX", severity: "error", position: positionAt(source, offset), message, why: "Without its syntax the definition has no meaning.", fix, edits: [] };
}

function fixOf(message: string): string {
  if (/Unterminated string/.test(message)) return "Close the quotation mark on the same line, or use three for several lines.";
  if (/found <EOF>/.test(message)) return "Close what was opened: a brace, bracket or parenthesis.";
  if (/found "}"/.test(message)) return "Write at least one entry between the braces, or remove them.";
  return "Write it as GraphQL's schema definition language says.";
}
