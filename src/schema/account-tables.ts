// The tables that sign-in keeps beside those of the app: sessions, passwords, links to providers. They are tables like any other, so that they
// stand in the same log and the same transactions; but no interface, no code of the app, no description and no export knows them.
import type { Catalog, Table } from "./catalog.ts";

/** Of all their names. No name of an app begins so. */
export const HIDDEN_PREFIX = "_ambit_";

export function isHidden(table: string): boolean {
  return table.startsWith(HIDDEN_PREFIX);
}

/** Those of the app itself. */
export function appTables({ tables }: Pick<Catalog, "tables">): Table[] {
  return [...tables.values()].filter(({ name }) => !isHidden(name));
}

export function appTable({ tables }: Pick<Catalog, "tables">, name: string): Table | undefined {
  return isHidden(name) ? undefined : tables.get(name);
}

/** SDL, to stand behind that of the app. `id`: the account's primary key, `key`: its type. What belongs to a person goes with them. */
export function accountTablesText({ table, id, key }: { readonly table: string; readonly id: string; readonly key: string }): string {
  const person = `userId: ${key}! @indexed person: ${table}! @relationship(from: "userId", onDelete: CASCADE)`;
  const theirs = `@table @personal(of: "person.${id}")`;
  const times = "createdAt: DateTime updatedAt: DateTime";
  return `
type _ambit_profile ${theirs} { id: ID! @primaryKey userId: ${key}! @indexed(unique: true) person: ${table}! @relationship(from: "userId", onDelete: CASCADE) verified: String name: String image: String twoFactorEnabled: Boolean ${times} }
type _ambit_session ${theirs} { id: ID! @primaryKey token: String! @indexed(unique: true) ${person} expiresAt: DateTime! @expiresAt ipAddress: String userAgent: String roles: [String!] tenant: String activeOrganizationId: ID ${times} }
type _ambit_account ${theirs} @indexed(fields: ["providerId", "accountId"], unique: true) { id: ID! @primaryKey providerId: String! accountId: String! ${person} password: String scope: String roles: [String!] tenant: String ${times} }
type _ambit_verification @table { id: ID! @primaryKey identifier: String! @indexed value: String! expiresAt: DateTime! @expiresAt ${times} }
type _ambit_twoFactor ${theirs} { id: ID! @primaryKey ${person} secret: String! backupCodes: String! verified: Boolean failedVerificationCount: Int lockedUntil: DateTime }
type _ambit_passkey ${theirs} { id: ID! @primaryKey ${person} name: String publicKey: String! credentialID: String! @indexed(unique: true) counter: Int! deviceType: String! backedUp: Boolean! transports: String aaguid: String createdAt: DateTime }
type _ambit_organization @table { id: ID! @primaryKey name: String! slug: String! @indexed(unique: true) logo: String metadata: String createdAt: DateTime! }
type _ambit_member ${theirs} @indexed(fields: ["organizationId", "userId"], unique: true) { id: ID! @primaryKey organizationId: ID! @indexed organization: _ambit_organization! @relationship(from: "organizationId", onDelete: CASCADE) ${person} role: String! createdAt: DateTime! }
type _ambit_invitation @table { id: ID! @primaryKey organizationId: ID! @indexed organization: _ambit_organization! @relationship(from: "organizationId", onDelete: CASCADE) email: String! @indexed role: String status: String! expiresAt: DateTime! inviterId: ${key}! @indexed inviter: ${table}! @relationship(from: "inviterId", onDelete: CASCADE) createdAt: DateTime! }
type _ambit_invite @table { id: ID! @primaryKey email: String! @indexed fields: JSON! tenant: String invitedBy: String mailed: Boolean! expiresAt: DateTime! @expiresAt createdAt: DateTime! }
`;
}
