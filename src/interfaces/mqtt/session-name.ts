// Names of sessions: a subject's clients are its own, and another subject's client of the same name is another client.
import type { Identity } from "../../access/identity.ts";

/** Begins the names of all its sessions. All who are not signed in are one. */
export function ownerOf({ kind, tenant, subject }: Identity): string {
  return JSON.stringify([kind, tenant, subject]).slice(0, -1);
}

export function sessionName(identity: Identity, client: string): string {
  return `${ownerOf(identity)},${JSON.stringify(client)}]`;
}
