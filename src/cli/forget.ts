// `ambit forget`: erases a person, or what is known of a record, in the app that runs here; the receipt says what each store has erased.
import { resolve } from "node:path";
import { AmbitError, fault } from "../base/error.ts";
import type { Receipt } from "../resources/forget.ts";
import { askControl } from "../runtime/control.ts";
import type { Command } from "./command.ts";
import { dataDirectory } from "./places.ts";

export const forgetCommand: Command = {
  name: "forget",
  usage: "SUBJECT [DIR]",
  summary: "Erases a person everywhere in the app that runs here, with a receipt.",
  words: { min: 1, max: 2 },
  flags: { data: { value: "DIR", help: "The data directory, if the app was started with another one." } },
  async run(call) {
    const [subject, directory = "."] = call.words as [string, string?];
    const data = dataDirectory(call, resolve(directory));
    const response = await askControl(data, "/admin/forget", { method: "POST", acting: { kind: "administrator" }, headers: { "content-type": "application/json" }, body: JSON.stringify({ subject }) });
    if (response === null) throw fault("UNAVAILABLE", `No app runs on ${data}.`, { fix: "Start it, or name its folder or --data." });
    const answer = await response.json() as Receipt & { readonly compacted: boolean; readonly status: number; readonly code: string; readonly message: string; readonly fix: string | null };
    if (!response.ok) throw new AmbitError(answer.status, answer.code, answer.message, answer.fix === null ? {} : { fix: answer.fix });
    call.output.object(answer);
    for (const { store, erased, left } of answer.stores) call.output.say(`${store.padEnd(10)} ${String(erased).padStart(8)} erased${left === 0 ? "" : `, ${left} still at work: forget once more when they have ended`}`);
    call.output.say(answer.compacted ? "The file was rewritten: nothing of it is left there. Backups still have it." : "The file could not be rewritten now, which the next start does.");
    return 0;
  },
};
