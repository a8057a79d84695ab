// Data operations of a body that only reads, as tools of models are: it sees what is committed, and whatever would change something throws.
import { fault } from "../base/error.ts";
import { DirectWork } from "./direct-work.ts";

export class ReadingWork extends DirectWork {
  readonly readsOnly = true;

  override preview(): never {
    throw readsOnly("A write");
  }

  override async write(): Promise<never> {
    throw readsOnly("A write");
  }

  override async effect(): Promise<never> {
    throw readsOnly("What happens with a commit");
  }
}

/** `what`: as the sentence begins. */
export function readsOnly(what: string): Error {
  return fault("TOOL_READS_ONLY", `${what} was asked for by a tool.`);
}
