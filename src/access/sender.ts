// Where a request comes from: what is counted of it, and by whom. An interface's own request is one.
import type { Identity } from "./identity.ts";

export interface Sender {
  readonly identity: Identity;
  /** Empty: not known. */
  readonly address: string;
  /** True where the listener has counted it against the limits of config.yaml. */
  readonly isCounted?: boolean;
  /** Of its body as it came, where the interface measured it. */
  readonly bodyBytes?: number;
}
