// better-auth's user: the record of the app's own type with @account, and beside it what only sign-in knows (a hidden profile). An address counts as
// verified only as long as it is the one that was.
import { fault } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { CleanedWhere } from "@better-auth/core/db/adapter";
import type { AccountDeclaration, Table } from "../../schema/catalog.ts";
import { accountKey } from "../signed-in.ts";
import { scopeOf } from "./account-scope.ts";
import { takeInvite } from "./invites.ts";
import type { StoredRow } from "./account-store.ts";

const PROFILE = "_ambit_profile";
const WAYS_IN = ["_ambit_account", "_ambit_passkey", "_ambit_twoFactor"];
/** References to the account. */
const KEYS = new Set(["userId", "inviterId"]);
const OF_PROFILE = ["name", "image", "twoFactorEnabled"] as const;

type Row = Record<string, unknown>;

export class People {
  readonly table: Table;
  readonly #account: AccountDeclaration;

  constructor(table: Table, account: AccountDeclaration) {
    this.table = table;
    this.#account = account;
  }

  get by(): string {
    return this.#account.by;
  }

  /** A value as the hidden tables have it. */
  key(field: string, value: Value): Value {
    return KEYS.has(field) && typeof value === "string" ? accountKey(value, this.table) : value;
  }

  async find(conditions: readonly CleanedWhere[]): Promise<Row[]> {
    const { store } = scopeOf();
    const asked = (field: string): CleanedWhere | undefined => conditions.find((condition) => condition.field === field && condition.connector === "AND");
    const [id, email] = [asked("id"), asked("email")];
    const keys = id === undefined ? [] : (Array.isArray(id.value) ? id.value : [id.value]).map((one) => accountKey(String(one), this.table)).filter((key) => key !== null);
    const records = id !== undefined
      ? (await Promise.all(keys.map((key) => store.get(this.table.name, key)))).filter((record) => record !== null)
      : email?.operator === "eq" && typeof email.value === "string" ? await this.#named(email.value) : [];
    return Promise.all(records.map((record) => this.#shown(record)));
  }

  async create(data: Row): Promise<Row> {
    const { store, fields, provider } = scopeOf();
    const email = String(data["email"]);
    const invited = await takeInvite(email, data["emailVerified"] === true);
    if (this.#account.signUp !== "OPEN" && invited === null) throw fault("FORBIDDEN", this.#account.signUp === "INVITED" ? "One signs up here by invitation." : "Nobody signs up here.");
    const isVerified = data["emailVerified"] === true || invited?.isVerified === true;
    const input = { ...this.#given(data), ...fields, ...this.#tenant(invited?.tenant ?? provider?.tenant ?? null), ...invited?.fields, [this.by]: email };
    const record = await store.createPerson(input);
    const profile = await store.create(PROFILE, { ...this.#profileOf(data), userId: record[this.table.primaryKey], verified: isVerified ? email : null, createdAt: data["createdAt"], updatedAt: data["updatedAt"] });
    return this.#joined(record, profile);
  }

  async update(row: Row, patch: Row): Promise<Row> {
    const { store } = scopeOf();
    const key = accountKey(String(row["id"]), this.table)!;
    const given = { ...this.#given(patch), ...(patch["email"] === undefined ? {} : { [this.by]: patch["email"] }) };
    if (Object.keys(given).length > 0) await store.update(this.table.name, key, given);
    const verified = patch["emailVerified"] === undefined ? {} : { verified: patch["emailVerified"] === true ? String(patch["email"] ?? row["email"]) : null };
    const changes = { ...this.#profileOf(patch), ...verified, updatedAt: patch["updatedAt"] ?? null };
    const [profile] = await store.find(PROFILE, { userId: key });
    if (profile === undefined) await store.create(PROFILE, { ...changes, userId: key });
    else await store.update(PROFILE, profile["id"] as string, changes);
    return this.#shown((await store.get(this.table.name, key))!);
  }

  async remove(id: string): Promise<void> {
    await scopeOf().store.remove(this.table.name, accountKey(id, this.table)!);
  }

  /** Every way in but a password: links to providers, passkeys, second factors, keys. For an address whose owner was somebody else so far. */
  async removeWaysIn(id: string): Promise<void> {
    const { store } = scopeOf();
    const userId = accountKey(id, this.table)!;
    await store.transaction(async () => {
      for (const table of WAYS_IN) for (const row of await store.find(table, { userId })) if (row["providerId"] !== "credential") await store.remove(table, row["id"]!);
      for (const { id: profile } of await store.find(PROFILE, { userId })) await store.update(PROFILE, profile!, { twoFactorEnabled: false });
    });
    await store.removeKeys(id);
  }

  /** One person or nobody: where several tenants know the address, it says nothing about which is meant, unless a provider names the tenant. */
  async #named(email: string): Promise<StoredRow[]> {
    const { store, provider } = scopeOf();
    const within = Object.entries(this.#tenant(provider?.tenant ?? null));
    const found = (await store.named(email)).filter((record) => within.every(([field, value]) => record[field] === value));
    return found.length > 1 ? [] : found;
  }

  async #shown(record: StoredRow): Promise<Row> {
    const [profile] = await scopeOf().store.find(PROFILE, { userId: record[this.table.primaryKey]! });
    return this.#joined(record, profile ?? {});
  }

  #joined(record: StoredRow, profile: StoredRow): Row {
    const own = (name: "name" | "image"): Value => (this.#has(name) ? record[name] ?? null : profile[name] ?? null);
    const email = String(record[this.by]).toLowerCase();
    const since = profile["createdAt"] ?? new Date(0).toISOString();
    return {
      id: String(record[this.table.primaryKey]), email, emailVerified: profile["verified"] === email, name: own("name") ?? "", image: own("image"),
      twoFactorEnabled: profile["twoFactorEnabled"] ?? false, createdAt: since, updatedAt: profile["updatedAt"] ?? since,
    };
  }

  /** Name and picture go into the app's own fields where there are such. */
  #given(data: Row): Row {
    return Object.fromEntries((["name", "image"] as const).filter((name) => data[name] !== undefined && this.#has(name) && !(name === "name" && data[name] === "")).map((name) => [name, data[name]]));
  }

  #profileOf(data: Row): Row {
    return Object.fromEntries(OF_PROFILE.filter((name) => data[name] !== undefined && (name === "twoFactorEnabled" || !this.#has(name))).map((name) => [name, data[name]]));
  }

  #tenant(tenant: string | null): { readonly [field: string]: Value } {
    return this.table.tenant === null || tenant === null ? {} : { [this.table.tenant]: tenant };
  }

  /** One with rules of its own is not for whoever signs up, or for a provider, to fill. */
  #has(name: string): boolean {
    const field = this.table.fields.get(name);
    return field !== undefined && field.kind === "stored" && field.type.name === "String" && !field.type.list && !field.readOnly && !field.internal && field.allow.length === 0;
  }
}
