// The published /directives.graphql, parsed: the definitions by which every directive use is checked. The one place that reads it.
import { buildASTSchema, parse, type GraphQLDirective, type GraphQLSchema } from "graphql";
import directivesText from "../../directives.graphql" with { type: "text" };

export interface DirectiveLanguage {
  readonly schema: GraphQLSchema;
  /** Ours only: GraphQL's own (@deprecated, @skip ...) have no meaning here. */
  readonly directives: ReadonlyMap<string, GraphQLDirective>;
  /** Every type name that the file declares; apps must not. */
  readonly typeNames: ReadonlySet<string>;
}

/** The text as published. */
export function directivesSource(): string {
  return directivesText;
}

let language: DirectiveLanguage | undefined;

/** Parsed at the first call, then kept: it never changes. */
export function directiveLanguage(): DirectiveLanguage {
  language ??= readLanguage();
  return language;
}

function readLanguage(): DirectiveLanguage {
  const document = parse(directivesText);
  const schema = buildASTSchema(document, { assumeValid: true });
  const directives = new Map<string, GraphQLDirective>();
  const typeNames = new Set<string>();
  for (const definition of document.definitions) {
    if (definition.kind === "DirectiveDefinition") {
      const directive = schema.getDirective(definition.name.value);
      if (directive) directives.set(directive.name, directive);
    } else if ("name" in definition && definition.name !== undefined) {
      typeNames.add(definition.name.value);
    }
  }
  return { schema, directives, typeNames };
}
