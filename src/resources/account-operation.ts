// Requests of sign-in: what better-auth asks and changes goes through the same bodies, transactions, overrides and checks as everything else.
import type { AccountAnswer, AccountRequest, AccountStore, StoredRow } from "../access/accounts/account-store.ts";
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { Body, Caller } from "./body.ts";
import { commitAs } from "./commit-as.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { ofAllTenants } from "./of-all-tenants.ts";
import type { Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { createOf } from "./record-override.ts";
import { runDirect } from "./run-body.ts";
import { sendRequest } from "./send-request.ts";
import { TableAccess } from "./table-access.ts";
import { accountScope } from "../access/accounts/account-scope.ts";
import { anonymousIdentity } from "../access/identities.ts";
import { accountKey } from "../access/signed-in.ts";
import { removeKeysOf } from "../storage/key-rows.ts";
import { foldedKeys } from "../storage/token-rows.ts";

/** Throws what is refused. */
export async function answerAccount(core: DispatchCore, request: AccountRequest, caller: Caller): Promise<Result> {
  const { accounts } = core;
  if (accounts === undefined) throw fault("NOT_FOUND", "Nothing is at this path.");
  // Who signs in is nobody yet, and may be of any tenant; what the session was found by does not decide what is stored.
  const nobody = ofAllTenants(core, { ...caller, identity: anonymousIdentity, rights: core.access.rights(anonymousIdentity), system: core.access.system(anonymousIdentity) });
  const account = await runDirect<AccountAnswer, AccountAnswer>(core, {
    caller: nobody, commits: false, complete: (answer) => answer,
    run: async (body) => guarding(core, request, caller, async () => (await accounts()).answer(request, storeOf(body, caller))),
  });
  return { ...nothing, status: account.status, account };
}

/** Who guesses is held up, and every attempt is recorded. */
function guarding({ guesses, catalog }: DispatchCore, request: AccountRequest, { requestId }: Caller, tried: () => Promise<AccountAnswer>): Promise<AccountAnswer> {
  return guesses === undefined ? tried() : guesses.signIn(request, { by: catalog.account?.by ?? "email", requestId }, tried);
}

function storeOf(body: Body, asking: Caller): AccountStore {
  const access = (name: string): TableAccess => new TableAccess(body, body.table(name), "system");
  const kept = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const scope = accountScope.getStore();
      if (scope !== undefined) scope.refusal = error;
      throw error;
    }
  };
  const { account } = body.core.catalog;
  return {
    get: (table, id) => kept(() => access(table).get(id)),
    find: (table, by) => kept(() => access(table).find(by)),
    named: (text) => kept(async () => {
      const [people, field] = [access(account!.table), account!.by];
      const exact = await people.find({ [field]: text });
      const keys = foldedKeys(body.core.storage.reader, body.table(account!.table), { field, text });
      const folded = await Promise.all(keys.map((key) => people.get(accountKey(key, body.table(account!.table)))));
      return [...exact, ...folded.filter((record) => record !== null && record[field] !== text) as StoredRow[]];
    }),
    create: (table, input) => kept(async () => await access(table).create(input) as StoredRow),
    update: (table, id, patch) => kept(async () => await access(table).update(id, patch) as StoredRow),
    remove: (table, id) => kept(() => access(table).remove(id)),
    createPerson: (input) => kept(() => createPerson(body, input)),
    async transaction(run) {
      return body.transact(async () => {
        const scope = accountScope.getStore();
        if (scope !== undefined) scope.refusal = null;
        try {
          return await run();
        } catch (error) {
          // What stopped it decides whether it runs again, whatever was made of it on the way.
          throw scope?.refusal ?? error;
        }
      });
    },
    removeKeys: (subject) => kept(() => body.transact(({ core, work }) => work.effect({ store({ connection }) { removeKeysOf(connection, subject); }, tell() { core.storedKeys?.changed(subject); } }))),
    mail: (mail) => kept(async () => { await sendRequest(body, { mail }); }),
    async requireInviter(input) {
      const table = account!.table;
      asking.rights.require(table, "CREATE");
      const options = { dialect: "wire", authority: asking.rights.authority, sent: new Set(Object.keys(input)) } as const;
      body.core.tables.rehearse((session) => session.write(createOf(table, input), options), commitAs(asking));
    },
    inviter: asking.identity.kind === "anonymous" ? null : { subject: asking.identity.subject, tenant: asking.identity.tenant },
    nowMs: body.core.clock.now(),
    requestId: asking.requestId,
  };
}

/** What the type's own create answers may be less than the record. */
async function createPerson(body: Body, input: { readonly [field: string]: unknown }): Promise<StoredRow> {
  const { table, by } = body.core.catalog.account!;
  const people = new TableAccess(body, body.table(table), "system");
  const answer = await people.create(input) as { readonly [field: string]: Value } | null;
  const key = answer?.[body.table(table).primaryKey];
  const record = key === undefined || key === null ? null : await people.get(key);
  if (record !== null) return record;
  const [found] = await people.find({ [by]: input[by] });
  if (found === undefined) throw fault("FORBIDDEN", `${table}.create has made no such person.`);
  return found;
}

