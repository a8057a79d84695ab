// A field of Query or Mutation: its type for validation and introspection, and what answers it, with all that is selected below. Ready JSON text
// stays text up to the answer on the wire.
import type { GraphQLFieldConfigArgumentMap, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo } from "graphql";
import { getNamedType } from "graphql/type/definition";
import { assert } from "../../base/assert.ts";
import { whenReady } from "../../base/when-ready.ts";
import { JsonText, type Result } from "../../resources/operation.ts";
import type { ShapeContext } from "./answer-shape.ts";
import type { Members } from "./filter-conditions.ts";
import type { Caller } from "./graphql-parts.ts";
import { selectedFields, type Selected } from "./selected-fields.ts";

/** A finished value: JsonText, or what JSON.stringify takes. */
export type RootResolver = (given: Members, root: Root) => unknown;

export interface RootField {
  /** Nullable: one that fails leaves the others. */
  readonly type: GraphQLOutputType;
  readonly description?: string | null;
  readonly args?: GraphQLFieldConfigArgumentMap;
  readonly resolve: RootResolver;
}

export type RootFields = Record<string, RootField>;

/** Where it stands in the document. */
export type RootInfo = Pick<GraphQLResolveInfo, "fieldNodes" | "fragments" | "variableValues" | "fieldName" | "parentType" | "path">;

/** One use of a root field in a document. */
export class Root {
  readonly caller: Caller;
  readonly info: RootInfo;
  /** Of what the field answers, without lists and non-null. */
  readonly type: GraphQLObjectType;

  constructor(caller: Caller, info: RootInfo) {
    this.caller = caller;
    this.info = info;
    const field = (caller.schema.getType(info.parentType.name) as GraphQLObjectType).getFields()[info.fieldName];
    assert(field !== undefined, `${info.fieldName} is in the schema that the document was validated against`);
    this.type = getNamedType(field.type) as GraphQLObjectType;
  }

  /** The response key: tells it from the other fields of the document. */
  get place(): string {
    return String(this.info.path.key);
  }

  selected(): readonly Selected[] {
    return selectedFields(this.info.fieldNodes, this.type, this.info);
  }

  /** What is selected of one of the fields. */
  below({ nodes, type }: Selected): readonly Selected[] {
    return selectedFields(nodes, type, this.info);
  }

  get shapes(): ShapeContext {
    const { parts: { names, catalog }, rights } = this.caller;
    return { part: this.info, names, catalog, rights };
  }

  dispatch<Next>(body: Parameters<Caller["dispatch"]>[0], next: (result: Result) => Next): Next | Promise<Next> {
    return whenReady(this.caller.dispatch(body, this.place), (result) => {
      if (result.body instanceof JsonText) this.caller.spend(result.body.text.length);
      return next(result);
    });
  }
}

/** The body as values; null where there is none. */
export function valueOf({ body }: Pick<Result, "body">): unknown {
  if (!(body instanceof JsonText)) return body ?? null;
  return JSON.parse(body.text) as unknown;
}

/** JSON of values of which some are text already: members of objects up to two levels down. */
export function objectText(members: readonly (readonly [key: string, value: unknown])[]): JsonText {
  return new JsonText(`{${members.map(([key, value]) => `${JSON.stringify(key)}:${value instanceof JsonText ? value.text : JSON.stringify(value ?? null)}`).join(",")}}`);
}
