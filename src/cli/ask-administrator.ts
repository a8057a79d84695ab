// One question to the app that runs here, as its administrator: the answer, or the refusal thrown.
import { AmbitError, fault } from "../base/error.ts";
import { askControl } from "../runtime/control.ts";
import type { Call } from "./command.ts";
import { dataDirectory } from "./places.ts";

export interface Question { readonly method: "GET" | "POST" | "DELETE"; readonly path: string; readonly body?: object }

/** `directory`: of the app. Throws UNAVAILABLE where none runs. */
export async function askAdministrator(call: Call, directory: string, { method, path, body }: Question): Promise<unknown> {
  const data = dataDirectory(call, directory);
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const response = await askControl(data, path, { method, acting: { kind: "administrator" }, headers, body: body === undefined ? null : JSON.stringify(body) });
  if (response === null) throw fault("UNAVAILABLE", `No app runs on ${data}.`, { fix: "Start it, or name its folder or --data." });
  const answer = await response.json() as { readonly status: number; readonly code: string; readonly message: string; readonly fix: string | null };
  if (response.ok) return answer;
  throw new AmbitError(answer.status, answer.code, answer.message, answer.fix === null ? {} : { fix: answer.fix });
}
