// How much a document asks for, known before it is validated: depth, fields as they are executed, aliases, directives. Fragments are
// measured once each, so that a document which doubles at each step costs no more than its text.
import type { DefinitionNode, DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionNode, SelectionSetNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { fault, type AmbitError } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";

export type DocumentLimits = Pick<Limits, "graphqlDepth" | "graphqlFields" | "graphqlAliases" | "graphqlDirectives" | "graphqlOperations">;

interface Size { readonly depth: number; readonly fields: number; /** At the top of the set, fragments included. */ readonly top: number }

const EMPTY: Size = { depth: 0, fields: 0, top: 0 };
/** The same field named again and again in one selection: validation compares each with each. */
const REPEATS_MAX = 10;
/** Uses of fragments: validation compares each with each, too. */
const FRAGMENTS_MAX = 100;
/** Introspection costs as many fields as the schema has, or one type of it. */
const introspectionFields: ReadonlyMap<string, number> = new Map([["__schema", 400], ["__type", 50]]);

/** Throws DOCUMENT_TOO_LARGE. */
export function checkDocumentSize(document: DocumentNode, limits: DocumentLimits): void {
  const measure = new Measure(document);
  for (const operation of document.definitions.filter(isOperation)) {
    const { depth, fields, top } = measure.of(operation.selectionSet);
    if (depth > limits.graphqlDepth) throw tooLarge(`selections nested more than ${limits.graphqlDepth} deep`, "Ask for fewer levels.");
    if (fields > limits.graphqlFields) throw tooLarge(`more than ${limits.graphqlFields} fields, those of fragments counted at each use`, "Ask for less, or in several requests.");
    if (top > limits.graphqlOperations) throw tooLarge(`more than ${limits.graphqlOperations} root fields`, "Ask in several requests, or for a list.");
  }
  if (measure.aliases > limits.graphqlAliases) throw tooLarge(`more than ${limits.graphqlAliases} aliases`, "Ask for lists in place of many single records.");
  if (measure.repeats > REPEATS_MAX) throw tooLarge(`one field more than ${REPEATS_MAX} times in one selection`, "Name it once, with all that is wanted of it.");
  if (measure.fragments > FRAGMENTS_MAX) throw tooLarge(`more than ${FRAGMENTS_MAX} uses of fragments`, "Name the fields themselves.");
  if (measure.directives > limits.graphqlDirectives) throw tooLarge(`more than ${limits.graphqlDirectives} directives`, "Leave out what is not wanted.");
}

export function tooLarge(what: string, fix: string): AmbitError {
  return fault("DOCUMENT_TOO_LARGE", `The document has ${what}.`, { fix });
}

function isOperation(definition: DefinitionNode): definition is OperationDefinitionNode {
  return definition.kind === Kind.OPERATION_DEFINITION;
}

class Measure {
  aliases = 0;
  directives = 0;
  repeats = 0;
  fragments = 0;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  /** Null while it is being measured: a fragment inside itself is refused by validation. */
  readonly #known = new Map<string, Size | null>();

  constructor(document: DocumentNode) {
    for (const definition of document.definitions) {
      this.directives += "directives" in definition ? definition.directives?.length ?? 0 : 0;
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition);
    }
    // Those that nobody uses are validated too.
    for (const name of this.#fragments.keys()) this.#fragment(name);
  }

  of({ selections }: SelectionSetNode): Size {
    let size = EMPTY;
    const named = new Map<string, number>();
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const times = (named.get(key) ?? 0) + 1;
        named.set(key, times);
        this.repeats = Math.max(this.repeats, times);
      } else this.fragments++;
      this.directives += selection.directives?.length ?? 0;
      const one = this.#selection(selection);
      size = { depth: Math.max(size.depth, one.depth), fields: size.fields + one.fields, top: size.top + one.top };
    }
    return size;
  }

  #selection(selection: SelectionNode): Size {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return this.#fragment(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) return this.of(selection.selectionSet);
    if (selection.alias !== undefined) this.aliases++;
    const own = introspectionFields.get(selection.name.value) ?? 1;
    if (selection.selectionSet === undefined) return { depth: 1, fields: own, top: 1 };
    const { depth, fields } = this.of(selection.selectionSet);
    return { depth: depth + 1, fields: fields + own, top: 1 };
  }

  #fragment(name: string): Size {
    const known = this.#known.get(name);
    if (known !== undefined) return known ?? EMPTY;
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) return EMPTY;
    this.#known.set(name, null);
    const size = this.of(fragment.selectionSet);
    this.#known.set(name, size);
    return size;
  }
}
