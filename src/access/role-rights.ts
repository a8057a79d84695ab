// What one set of roles may do, worked out once per table: verbs, fields, names in scope. Knows no single caller.
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Scope } from "../query/scope.ts";
import type { Callable, Catalog, Channel, Field, Relation, Table, Verb } from "../schema/catalog.ts";
import { messageTable } from "../schema/message-table.ts";
import type { Permission, TableAuthority } from "../tables/authority.ts";
import { permissionOf, type RoleSet, type RuleContext } from "./allow-rules.ts";
import { confined } from "./confine.ts";
import type { KeyScope } from "./key-scope.ts";
import { allOf } from "./permission.ts";
import { relocate } from "./rewrite-expression.ts";

export type RecordVerb = "READ" | "CREATE" | "UPDATE" | "DELETE";
export type ChannelVerb = "SUBSCRIBE" | "PUBLISH";
export interface ChannelPermissions { readonly subscribe: Permission; readonly publish: Permission }
type FieldPermissions = ReturnType<TableAuthority["field"]>;

export interface RoleRights {
  /** Equal for equal sets of roles; part of the key of whatever depends on roles alone. */
  readonly key: string;
  readonly catalog: Catalog;
  table(name: string): TableAuthority;
  /** READ of a table by its rules alone, for rows that are of the caller's tenant for sure. */
  rule(name: string): Permission;
  /** Of one field; internal ones are for app code (`code`) alone. */
  fieldRead(table: string, field: string, code: boolean): Permission;
  /** Under which condition the relation may be followed, over the row that has it; `false`: it does not exist for them. */
  relation(table: Table, field: Field, code: boolean): Permission;
  mayCall(callable: Callable): Permission;
  /** On a message of the channel, which rules see as `record`. */
  channel(name: string): ChannelPermissions;
  /** What callers may name. */
  readonly scope: Scope;
  /** The same for app code, which also sees internal fields. */
  readonly codeScope: Scope;
}

const OPEN_FIELD: FieldPermissions = { read: true, create: true, update: true };
const HIDDEN_FIELD: FieldPermissions = { read: false, create: false, update: false };

export interface RoleRightsParts {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  /** Of whoever passes all rules: those of one tenant only. Others always are. */
  readonly confined?: boolean;
  /** Of a key that is not good for all that its roles may. */
  readonly only?: KeyScope;
}

/** `roles` null: whoever passes all rules. */
export function createRoleRights(roles: RoleSet | null, key: string, parts: RoleRightsParts): RoleRights {
  const { catalog } = parts;
  const isConfined = roles !== null || parts.confined === true;
  const context: RuleContext | null = roles === null ? null : { ...parts, roles };
  const authorities = new Map<string, TableAuthority>();
  const rules = new Map<string, Permission>();
  const table = (name: string): TableAuthority => {
    let authority = authorities.get(name);
    if (authority === undefined) {
      const found = catalog.tables.get(name);
      const ruled = found === undefined ? deniedTable : context === null ? openTable(found) : narrowed(ruledTable(found, context, (field) => relation(found, field, false)), found, parts.only);
      rules.set(name, ruled.read);
      authority = found === undefined || !isConfined ? ruled : { ...ruled, read: confined(ruled.read, found, catalog) };
      authorities.set(name, authority);
    }
    return authority;
  };
  const fieldRead = (owner: string, field: string, code: boolean): Permission =>
    (catalog.tables.get(owner)?.fields.get(field)?.internal === true ? code : table(owner).field(field).read);
  const ownReads = new Map<Field, Permission>();
  /** Of the relation's own @allow. */
  const ownRead = (owner: Table, field: Field, code: boolean): Permission => {
    if (field.internal || context === null) return !field.internal || code;
    let permission = ownReads.get(field);
    if (permission === undefined) ownReads.set(field, permission = fieldPermissions(field, owner, context).read);
    return permission;
  };
  const relation = (owner: Table, field: Field, code: boolean): Permission =>
    relationPermission(owner, field, { table, own: ownRead(owner, field, code), read: (of, name) => fieldRead(of, name, code) });
  const calls = new Map<Callable, Permission>();
  const channels = new Map<string, ChannelPermissions>();
  return {
    key, catalog, table, fieldRead, relation,
    rule: (name) => (table(name), rules.get(name) ?? false),
    mayCall: (callable) => {
      if (context === null) return true;
      if (parts.only !== undefined && !(callable.table === null ? parts.only.covers(callable.name, "CALL") : parts.only.coversAction(callable.table, callable.name))) return false;
      let permission = calls.get(callable);
      // Kept, because an expression is compiled once for each object.
      if (permission === undefined) calls.set(callable, permission = permissionOf(callable.allow, catalog.tables.get(callable.table ?? "") ?? null, context));
      return permission;
    },
    channel(name) {
      let permissions = channels.get(name);
      if (permissions === undefined) channels.set(name, permissions = narrowedChannel(channelPermissions(catalog.channels.get(name), context), name, parts.only));
      return permissions;
    },
    scope: createScope({ catalog, table, fieldRead, relation }, false),
    codeScope: createScope({ catalog, table, fieldRead, relation }, true),
  };
}

const deniedTable: TableAuthority = { read: false, create: false, update: false, remove: false, field: () => HIDDEN_FIELD };

function openTable(table: Table): TableAuthority {
  return { read: true, create: true, update: true, remove: true, field: (name) => (table.fields.get(name)?.internal === true ? HIDDEN_FIELD : OPEN_FIELD) };
}

function narrowed(authority: TableAuthority, { name }: Table, only: KeyScope | undefined): TableAuthority {
  if (only === undefined) return authority;
  const as = (verb: RecordVerb, permission: Permission): Permission => only.covers(name, verb) && permission;
  return { read: as("READ", authority.read), create: as("CREATE", authority.create), update: as("UPDATE", authority.update), remove: as("DELETE", authority.remove), field: (field) => authority.field(field) };
}

function narrowedChannel({ subscribe, publish }: ChannelPermissions, name: string, only: KeyScope | undefined): ChannelPermissions {
  if (only === undefined) return { subscribe, publish };
  return { subscribe: only.covers(name, "SUBSCRIBE") && subscribe, publish: only.covers(name, "PUBLISH") && publish };
}

/** `relation`: under which condition it may be followed. */
function ruledTable(table: Table, context: RuleContext, relation: (field: Field) => Permission): TableAuthority {
  const verb = (wanted: Verb): Permission => permissionOf(table.allow.filter((rule) => rule.do.includes(wanted)), table, context);
  const values = [...table.fields.values()].filter((field) => field.relation === null);
  const fields = new Map(values.map((field) => [field.name, fieldPermissions(field, table, context)]));
  return {
    read: verb("READ"), create: verb("CREATE"), update: verb("UPDATE"), remove: verb("DELETE"),
    field: (name) => {
      const own = fields.get(name);
      if (own !== undefined) return own;
      const field = table.fields.get(name);
      // A field that is not declared belongs to an open table and follows its rules.
      return field === undefined ? OPEN_FIELD : { read: relation(field), create: false, update: false };
    },
  };
}

/** `context` null: whoever passes all rules. */
function channelPermissions(channel: Channel | undefined, context: RuleContext | null): ChannelPermissions {
  if (channel === undefined) return { subscribe: false, publish: false };
  const verb = (wanted: ChannelVerb): Permission => context === null || permissionOf(channel.allow.filter((rule) => rule.do.includes(wanted)), messageTable(channel), context);
  return { subscribe: verb("SUBSCRIBE"), publish: verb("PUBLISH") };
}

function fieldPermissions(field: Field, table: Table, context: RuleContext): FieldPermissions {
  if (field.internal) return HIDDEN_FIELD;
  if (field.allow.length === 0) return OPEN_FIELD;
  const verb = (wanted: Verb): Permission => permissionOf(field.allow.filter((rule) => rule.do.includes(wanted)), table, context);
  return { read: verb("READ"), create: verb("CREATE"), update: verb("UPDATE") };
}

interface RelationContext { readonly own: Permission; table(name: string): TableAuthority; read(table: string, field: string): Permission }

/** Following a relation tells the values of its keys, so it needs what reading those needs. */
function relationPermission(owner: Table, field: Field, context: RelationContext): Permission {
  const { relation } = field;
  if (relation === null || context.table(relation.table).read === false) return false;
  const { own } = context;
  switch (relation.kind) {
    case "one": return allOf([own, context.read(owner.name, relation.from)]);
    // A conditional key of the other table is asked of each row there (`relatedFilter`).
    case "many": return context.read(relation.table, relation.to) === false ? false : own;
    // Conditions are asked of each row of the join table (`linkFilter`).
    case "through": return isReadableJoin(relation, context) ? own : false;
  }
}

function isReadableJoin({ through }: Relation, { table, read }: RelationContext): boolean {
  return through !== null && table(through.table).read !== false && read(through.table, through.from) !== false && read(through.table, through.to) !== false;
}

/** Which rows of a relation's join table may be followed: those that may be read, with both keys. True where there is none. `isOwn`: they are of the caller's tenant for sure. */
export function linkFilter(rights: RoleRights, { through }: Relation, code: boolean, isOwn = false): Permission {
  if (through === null) return true;
  return allOf([isOwn ? rights.rule(through.table) : rights.table(through.table).read, rights.fieldRead(through.table, through.from, code), rights.fieldRead(through.table, through.to, code)]);
}

/** What rows of the other table must satisfy to appear through the relation: its READ rule, and that of the key that points back. */
export function relatedFilter(rights: RoleRights, relation: Relation, code: boolean, isOwn = false): Permission {
  const rows = isOwn ? rights.rule(relation.table) : rights.table(relation.table).read;
  return relation.kind === "many" ? allOf([rows, rights.fieldRead(relation.table, relation.to, code)]) : rows;
}

export interface Way { readonly row: string; readonly table: Table; readonly path: readonly string[] }

/** Under which condition the record that to-one relations lead to may be seen, over `row` of `table`. */
export function pathPermission(rights: RoleRights, { row, table, path }: Way, code: boolean): Permission {
  const conditions: Permission[] = [];
  let current = table;
  const walked: string[] = [];
  for (const step of path) {
    const field = current.fields.get(step);
    const next = field?.relation === undefined || field.relation === null ? undefined : rights.catalog.tables.get(field.relation.table);
    if (field === undefined || next === undefined) return false;
    conditions.push(moved(rights.relation(current, field, code), { row, table: table.name, path: [...walked] }));
    walked.push(step);
    conditions.push(moved(rights.table(next.name).read, { row, table: table.name, path: [...walked] }));
    current = next;
  }
  return allOf(conditions);
}

export function moved(permission: Permission, place: { row: string; table: string; path: readonly string[] }): Permission {
  return typeof permission === "boolean" ? permission : relocate(permission as Expression, place);
}

function createScope({ catalog, table, fieldRead, relation }: Pick<RoleRights, "catalog" | "table" | "fieldRead" | "relation">, code: boolean): Scope {
  const known = new Map<string, ReadonlyMap<string, Field>>();
  const isVisible = (owner: Table, field: Field): boolean =>
    (field.kind === "relation" ? relation(owner, field, code) : fieldRead(owner.name, field.name, code)) !== false;
  return {
    catalog,
    readable: (owner) => table(owner.name).read !== false,
    fields(owner) {
      let fields = known.get(owner.name);
      if (fields === undefined) {
        const readable = table(owner.name).read !== false;
        fields = new Map([...owner.fields].filter(([, field]) => readable && isVisible(owner, field)));
        known.set(owner.name, fields);
      }
      return fields;
    },
  };
}
