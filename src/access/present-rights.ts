// Rules under `asof=`: today's rules, on the records as they were then, and on what is related as it is now. A membership that ended gives
// nothing back because one asks about the time when it lasted.
import type { Expression } from "../expression/expression.ts";
import type { Permission, TableAuthority } from "../tables/authority.ts";
import type { RoleRights } from "./role-rights.ts";

const known = new WeakMap<RoleRights, RoleRights>();
const marked = new WeakMap<Expression, Expression>();

/** The same rights, whose rules read other records as they are now. */
export function presentRights(rights: RoleRights): RoleRights {
  let found = known.get(rights);
  if (found === undefined) known.set(rights, found = create(rights));
  return found;
}

function create(rights: RoleRights): RoleRights {
  const authorities = new Map<string, TableAuthority>();
  // Named one by one, so that none that reads a rule is forgotten.
  const { key, catalog, scope, codeScope } = rights;
  return {
    key, catalog, scope, codeScope,
    mayCall: (callable) => rights.mayCall(callable),
    channel: (name) => rights.channel(name),
    table(name) {
      let authority = authorities.get(name);
      if (authority === undefined) authorities.set(name, authority = presentTable(rights.table(name)));
      return authority;
    },
    rule: (name) => present(rights.rule(name)),
    fieldRead: (table, field, code) => present(rights.fieldRead(table, field, code)),
    relation: (table, field, code) => present(rights.relation(table, field, code)),
  };
}

function presentTable(authority: TableAuthority): TableAuthority {
  return {
    ...authority,
    read: present(authority.read),
    field(name) {
      const field = authority.field(name);
      return { ...field, read: present(field.read) };
    },
  };
}

/** One object for each rule, so that what is asked twice is found to be the same. */
function present(permission: Permission): Permission {
  if (typeof permission === "boolean") return permission;
  let wrapped = marked.get(permission);
  if (wrapped === undefined) marked.set(permission, wrapped = { op: "and", operands: [permission], present: true });
  return wrapped;
}
