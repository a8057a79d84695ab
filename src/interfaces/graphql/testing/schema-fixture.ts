// For unit tests: a caller's schema from SDL text, without an app around it.
import { subjectIdentity } from "../../../access/identities.ts";
import type { Identity } from "../../../access/identity.ts";
import { createAccess } from "../../../access/rights.ts";
import { systemClock } from "../../../base/clock.ts";
import { silentLog } from "../../../base/log.ts";
import { defaultLimits } from "../../../base/limits.ts";
import { compileCatalogExpressions } from "../../../expression/compile-catalog.ts";
import { PlanCache } from "../../../resources/plan-cache.ts";
import type { Operation, Result } from "../../../resources/operation.ts";
import { compileSchema } from "../../../schema/compile-schema.ts";
import { buildGraphqlSchema, type CallerSchema } from "../build-schema.ts";
import { documentCache, textCache } from "../kept-by-length.ts";
import { createNames } from "../graphql-names.ts";
import type { Caller, GraphqlParts } from "../graphql-parts.ts";

export interface SchemaFixture { readonly caller: Caller; readonly schemas: CallerSchema; readonly parts: GraphqlParts; /** What was dispatched. */ readonly operations: Operation["body"][] }

export function subjectWith(...roles: string[]): Identity {
  return subjectIdentity({ subject: "someone", roles, tenant: null });
}

/** `answer`: of each Operation. `values`: of config.yaml. */
export function schemaFixture(text: string, identity: Identity, answer: (body: Operation["body"]) => Result = () => { throw new Error("nothing is dispatched here"); }, values: Readonly<Record<string, unknown>> = {}): SchemaFixture {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text, values });
  const { book } = compileCatalogExpressions(catalog);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
  const access = createAccess({ catalog, book });
  const operations: Operation["body"][] = [];
  const parts: GraphqlParts = {
    catalog, limits: defaultLimits, access, clock: systemClock(), log: silentLog(), names: createNames(catalog), schemas: new PlanCache(10), documents: documentCache(10_000), plans: new PlanCache(1_000), introspections: textCache(1_000_000),
    dispatcher: { dispatch: ({ body }) => answer(body) },
  };
  const rights = access.rights(identity);
  const schemas = buildGraphqlSchema(parts, rights);
  const caller: Caller = {
    parts, rights, schema: schemas.schema, sender: { identity, address: "" }, spend() {},
    operation: (body) => ({ body, identity, requestId: "fixture", idempotency: null, request: null, signal: null }),
    dispatch(body) {
      operations.push(body);
      return answer(body);
    },
  };
  return { caller, schemas, parts, operations };
}
