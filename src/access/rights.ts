// May you: one caller's rights for one operation, from compiled rules that are kept per set of roles.
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Plan } from "../query/plan.ts";
import type { Scope } from "../query/scope.ts";
import type { AllowRule, Callable, Catalog } from "../schema/catalog.ts";
import type { Authority, Permission } from "../tables/authority.ts";
import { explainRefusal } from "./describe-rule.ts";
import type { Confinement } from "../tables/confinement.ts";
import { confinementOf } from "./confine.ts";
import { systemIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import { readScope } from "./key-scope.ts";
import { createRoleRights, type ChannelPermissions, type ChannelVerb, type RecordVerb, type RoleRights } from "./role-rights.ts";
import { rulePlan } from "./rule-plan.ts";
import { isPublicPlan } from "./public-plan.ts";
import { claimsOfRules, standingOf, type Standing } from "./standing.ts";

export interface Rights {
  /** Equal for callers with equal roles: a plan ruled for one serves the other, with their own `auth`. */
  readonly roleKey: string;
  /** What the caller may name. */
  readonly scope: Scope;
  /** The same for app code that acts for the caller: internal fields too. */
  readonly codeScope: Scope;
  /** Null only for `system`, which acts without rules. */
  readonly authority: Authority | null;
  readonly administrator: boolean;
  /** Whose records of tenant tables there are for the caller; null: everybody's. Holds for what code does for it without rules, too. */
  readonly confinement: Confinement | null;
  readonly standing: Standing;
  /** The variable `auth` of rules. */
  readonly auth: Authority["auth"];
  permission(table: string, verb: RecordVerb): Permission;
  /** Without @allow only the administrator. */
  mayCall(callable: Callable): Permission;
  /** The role part, decided before anything runs: throws UNAUTHENTICATED or FORBIDDEN where no rule could ever permit it. */
  require(table: string, verb: RecordVerb): void;
  requireCall(callable: Callable): void;
  /** On a message, as rules see it: `record`, and for PUBLISH `input`. */
  channel(name: string): ChannelPermissions;
  /** The same as `require`, of a channel. */
  requireChannel(name: string, verb: ChannelVerb): void;
  /** What `where` refused. */
  channelRefusal(name: string, verb: ChannelVerb): Error;
  /** What a refusal answers: 401 for whoever is not signed in, else 403. */
  refusal(what: string): Error;
  /** The same for a call that the `where` of its @allow refused. */
  callRefusal(callable: Callable): Error;
  /** The plan with READ rules and masks, for the wire or (`code`) for app code. */
  rulePlan(plan: Plan, reader?: "wire" | "code"): Plan;
  /** True when `public` may read all that the (unruled) plan reads. */
  publicRead(plan: Plan): boolean;
  /** True when `public` may read these fields on every record. */
  publicFields(table: string, fields: readonly string[]): boolean;
}

export interface Access {
  rights(identity: Identity): Rights;
  /** Those of code that acts without rules while it serves this caller: of everything, but within the caller's tenant. */
  system(identity: Identity): Rights;
}

export interface AccessOptions {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  /** Development: refusals may say which rule denied. The administrator is always told. */
  readonly explainDenials?: boolean;
}

const ROLE_SETS_MAX = 1_000;

export function createAccess(options: AccessOptions): Access {
  const byRoles = new Map<string, RoleRights>();
  const byIdentity = new WeakMap<Identity, Rights>();
  const systemOf = new WeakMap<Identity, Rights>();
  const all = createRoleRights(null, "all", options);
  const allOfTenant = createRoleRights(null, "all of a tenant", { ...options, confined: true });
  let claims: ReadonlySet<string> | "all" | null = null;

  const rolesOf = (identity: Identity): RoleRights => {
    if (identity.kind === "administrator" || identity.kind === "system") return identity.tenant === null ? all : allOfTenant;
    const roles = identity.kind === "anonymous" ? ["public"] : [...new Set(["public", "authenticated", ...identity.roles])].sort();
    const key = JSON.stringify(identity.only === undefined ? roles : [roles, [...identity.only].sort()]);
    let found = byRoles.get(key);
    if (found !== undefined) byRoles.delete(key);
    else {
      found = createRoleRights(new Set(roles), key, { ...options, ...(identity.only === undefined ? {} : { only: readScope(identity.only) }) });
      if (byRoles.size >= ROLE_SETS_MAX) byRoles.delete(byRoles.keys().next().value!);
    }
    // The end of the map is what was used last.
    byRoles.set(key, found);
    return found;
  };
  const publicRoles = createRoleRights(new Set(["public"]), JSON.stringify(["public"]), options);

  const create = (identity: Identity, roles: RoleRights, confinement: Confinement | null): Rights => {
    claims ??= claimsOfRules(options.catalog, options.book);
    return createRights(identity, { roles, publicRoles, standing: standingOf(identity, claims), confinement }, options.explainDenials === true);
  };

  return {
    rights(identity) {
      let rights = byIdentity.get(identity);
      if (rights === undefined) byIdentity.set(identity, rights = create(identity, rolesOf(identity), confinementOf(identity)));
      return rights;
    },
    system(identity) {
      let rights = systemOf.get(identity);
      if (rights === undefined) {
        const confinement = confinementOf(identity);
        const system: Identity = { ...systemIdentity, tenant: identity.tenant };
        systemOf.set(identity, rights = create(system, confinement === null ? all : allOfTenant, confinement));
      }
      return rights;
    },
  };
}

interface RightsParts { readonly roles: RoleRights; readonly publicRoles: RoleRights; readonly standing: Standing; readonly confinement: Confinement | null }

function createRights(identity: Identity, { roles, publicRoles, standing, confinement }: RightsParts, explainDenials: boolean): Rights {
  const administrator = identity.kind === "administrator";
  const unruled = administrator || identity.kind === "system";
  const auth = authOf(identity);
  const permission = (table: string, verb: RecordVerb): Permission => {
    const authority = roles.table(table);
    return verb === "READ" ? authority.read : verb === "CREATE" ? authority.create : verb === "UPDATE" ? authority.update : authority.remove;
  };
  const explains = explainDenials || administrator;
  const hintOf = (what: string, rules: () => readonly AllowRule[]): { hint?: string } => (explains ? { hint: explainRefusal(what, rules(), identity) } : {});
  const refusal = (what: string, extras: { hint?: string } = {}): Error => (identity.kind === "anonymous"
    ? fault("UNAUTHENTICATED", `Nobody is signed in, and ${what} is not public.`, { headers: { "www-authenticate": "Bearer" }, ...extras })
    : fault("FORBIDDEN", `You may not ${what}.`, extras));
  const tableHint = (table: string, verb: RecordVerb): { hint?: string } =>
    hintOf(`${verb} of ${table}`, () => (roles.catalog.tables.get(table)?.allow ?? []).filter((rule) => rule.do.includes(verb)));
  const callRefusal = (callable: Callable): Error => refusal(`${callable.kind === "fact" ? "post the fact" : "call"} ${callable.name}`, hintOf(callable.name, () => callable.allow));
  const channelRefusal = (name: string, verb: ChannelVerb): Error => refusal(
    verb === "SUBSCRIBE" ? `subscribe to ${name}` : `publish on ${name}`,
    hintOf(`${verb} of ${name}`, () => (roles.catalog.channels.get(name)?.allow ?? []).filter((rule) => rule.do.includes(verb))),
  );
  return {
    channelRefusal,
    channel: (name) => roles.channel(name),
    requireChannel(name, verb) {
      const { subscribe, publish } = roles.channel(name);
      if ((verb === "SUBSCRIBE" ? subscribe : publish) === false) throw channelRefusal(name, verb);
    },
    roleKey: roles.key, scope: roles.scope, codeScope: roles.codeScope, administrator, confinement, standing, auth, permission, refusal: (what) => refusal(what), callRefusal,
    authority: identity.kind === "system" ? null : {
      table: (name) => roles.table(name), auth, subject: identity.subject, confinement,
      explainDenials: explains, authenticated: identity.kind !== "anonymous", hint: (table, verb) => tableHint(table, verb).hint ?? null,
    },
    mayCall: (callable) => roles.mayCall(callable),
    require(table, verb) { if (permission(table, verb) === false) throw refusal(`${verb.toLowerCase()} ${table}`, tableHint(table, verb)); },
    requireCall(callable) { if (roles.mayCall(callable) === false) throw callRefusal(callable); },
    rulePlan: (plan, reader = "wire") => (unruled && confinement === null ? plan : rulePlan(plan, { rights: roles, code: reader === "code" })),
    publicRead: (plan) => isPublicPlan(plan, publicRoles),
    publicFields(table, fields) {
      const authority = publicRoles.table(table);
      return authority.read === true && fields.every((field) => authority.field(field).read === true);
    },
  };
}

/** For whoever is not signed in every `auth.*` is absent. */
function authOf(identity: Identity): Authority["auth"] {
  if (identity.kind === "anonymous") return { subject: null, roles: null, tenant: null, claims: null };
  return { subject: identity.subject, roles: identity.roles, tenant: identity.tenant, claims: identity.claims as { readonly [name: string]: Value } };
}
