// `ctx.publish` and `ctx.system.publish`: messages of app code, told if and only if what the code writes is committed.
import { fault } from "../base/error.ts";
import type { Body, Mode } from "./body.ts";
import { rawInput } from "./code-input.ts";
import { messageOf } from "./publish-operation.ts";
import { topicOfCode } from "./topic.ts";

/** Takes `"Board"` and a message with its key, or `"Board/42"` and a message. */
export function publisher(body: Body, mode: Mode): (topic: unknown, message: unknown) => Promise<void> {
  const name = mode === "caller" ? "ctx.publish" : "ctx.system.publish";
  return (topic, message) => body.calls.start(name, async () => {
    const { core, caller, nowMs } = body;
    if (typeof topic !== "string") throw fault("VALIDATION_FAILED", `${name} takes the name of a channel, or a topic, as text.`);
    const { channel, key } = topicOfCode(topic, core.catalog);
    const made = messageOf(core, caller, { channel: channel.name, key, input: rawInput(message, name), dialect: "code", mode, nowMs });
    await body.work.effect(core.channels.effectOf(made));
  });
}
