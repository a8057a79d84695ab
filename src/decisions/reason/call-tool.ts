// The body of a tool as a model calls it: it reads, with the rights of whoever asked, and changes nothing. Whatever else it tries throws.
import type { Json, RecordValues } from "../../base/value.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { AppFunction } from "../../resources/app-code.ts";
import { incident } from "../../resources/app-fault.ts";
import type { Caller } from "../../resources/body.ts";
import { callableResult } from "../../resources/callable-result.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { ownCopy } from "../../resources/own-copy.ts";
import type { ReadWatch } from "../../resources/reading-work.ts";
import { beside, runReading } from "../../resources/run-body.ts";
import type { Work } from "../../resources/work.ts";
import type { CompiledCall } from "../policy/compiled-decision.ts";

/** For whom a tool is called. */
export interface ToolUse { readonly caller: Caller; /** Told what it reads. */ readonly watch: ReadWatch | null; /** It reads there. */ readonly noting: Work | null }

/** Throws what the body refuses; a fault of its own is an incident. */
export function toolCaller(core: DispatchCore, tools: ReadonlyMap<string, AppFunction>): (call: CompiledCall, args: RecordValues, use: ToolUse) => Promise<Json> {
  return async ({ tool }, args, { caller, watch, noting }) => {
    const code = tools.get(tool.name);
    if (code === undefined) throw fault("NOT_FOUND", `The tool ${tool.name} has no body.`);
    const leave = caller.from === undefined ? null : core.limiting.callTool(tool, caller.from);
    try {
      return await runReading(core, {
        caller, watch, noting, run: async (body) => code.call(undefined, body.context, ownCopy(args)),
        complete: (value) => callableResult(core, { callable: tool, value, caller, at: beside(core) }).body as Json,
      });
    } catch (error) {
      throw error instanceof AmbitError ? error : incident("INTERNAL", "A tool failed.", { requestId: caller.requestId, body: `Tools.${tool.name}`, thrown: error }, core);
    } finally {
      leave?.();
    }
  };
}
