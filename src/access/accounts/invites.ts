// Invitations: somebody who may create a person decides on the fields, roles among them; whoever holds the token becomes that person, once.
import { fault } from "../../base/error.ts";
import type { Json, Value } from "../../base/value.ts";
import { tokenHash } from "../signed-in.ts";
import { scopeOf } from "./account-scope.ts";
import type { People } from "./people.ts";

const INVITE = "_ambit_invite";

export interface TakenInvite {
  readonly fields: { readonly [field: string]: Value };
  readonly tenant: string | null;
  /** It came by mail, so the address is theirs. */
  readonly isVerified: boolean;
}

export interface InviteOptions {
  readonly token: string;
  readonly expiresMs: number;
  /** Null: the token is given to who asks. */
  readonly mail: { readonly subject: string; text(token: string): string } | null;
}

/** Throws what the rules refuse. */
export async function invite(people: People, given: { readonly [field: string]: Json }, { token, expiresMs, mail }: InviteOptions): Promise<void> {
  const { store } = scopeOf();
  const { email, ...fields } = given;
  if (typeof email !== "string" || !/^[^\s@]+@[^\s@]+$/.test(email)) throw fault("VALIDATION_FAILED", "An invitation is for an e-mail address.", { where: "email" });
  if (store.inviter === null) throw fault("UNAUTHENTICATED", "Sign in to invite somebody.");
  const address = email.toLowerCase();
  await store.requireInviter({ ...fields, [people.by]: address });
  await store.transaction(async () => {
    for (const row of await store.find(INVITE, { email: address })) if (row["tenant"] === (store.inviter?.tenant ?? null)) await store.remove(INVITE, row["id"]!);
    await store.create(INVITE, { id: tokenHash(token), email: address, fields, tenant: store.inviter!.tenant, invitedBy: store.inviter!.subject, mailed: mail !== null, expiresAt: new Date(expiresMs), createdAt: new Date(store.nowMs) });
    if (mail !== null) await store.mail({ to: address, subject: mail.subject, text: mail.text(token) });
  });
}

/** In the transaction that makes the person. Null: there is none. A provider's verified address stands for the token. Throws FORBIDDEN for a token that is not known. */
export async function takeInvite(email: string, isVerified: boolean): Promise<TakenInvite | null> {
  const { store, invitation } = scopeOf();
  if (invitation === null && !isVerified) return null;
  const found = invitation === null ? (await store.find(INVITE, { email })).find((row) => Date.parse(row["expiresAt"] as string) > store.nowMs) ?? null : await store.get(INVITE, tokenHash(invitation));
  if (found === null) {
    if (invitation === null) return null;
    throw fault("FORBIDDEN", "The invitation is not known, was used, or is too old.");
  }
  if (found["email"] !== email) throw fault("FORBIDDEN", "The invitation is for another address.");
  await store.remove(INVITE, found["id"]!);
  return { fields: found["fields"] as { [field: string]: Value }, tenant: found["tenant"] as string | null, isVerified: invitation !== null && found["mailed"] === true };
}
