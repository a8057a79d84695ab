// Publishing on a channel: the message is read, filled and judged now; it is told if and only if what it belongs to is committed.
import { fault } from "../base/error.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { Value } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import { readMessage } from "../tables/read-message.ts";
import type { Dialect, RawInput } from "../tables/write.ts";
import type { Caller, Mode } from "./body.ts";
import type { ChannelMessage } from "./channel-frame.ts";
import { tooLarge } from "./channel-hub.ts";
import { commitAs } from "./commit-as.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Operation, OperationBody, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { environmentOf } from "./topic-verdict.ts";

export type PublishBody = Extract<OperationBody, { kind: "publish" }>;

export const PUBLISHED: Result = { ...nothing, status: 204 };

export interface PublishRequest {
  readonly channel: string;
  /** Of the topic; null: the message says it. */
  readonly key: Value;
  readonly input: RawInput;
  readonly dialect: Dialect;
  readonly mode: Mode;
  /** As of when it is filled and judged; without it, now. */
  readonly nowMs?: number;
  readonly origin?: object | null;
}

/** Throws what the rules and the values refuse. */
export function messageOf(core: DispatchCore, caller: Caller, request: PublishRequest): ChannelMessage {
  const shape = core.channels.shape(request.channel);
  if (shape === undefined) throw fault("NOT_FOUND", `There is no channel ${request.channel}.`);
  const { channel, model, text } = shape;
  const { rights } = caller;
  const isRuled = request.mode === "caller";
  if (isRuled) rights.requireChannel(channel.name, "PUBLISH");
  const now = dateTimeOf(request.nowMs ?? core.clock.now());
  const { catalog, book, limits } = core;
  const { values, sent } = readMessage(
    { catalog, book, limits, source: core.tables.source, now, actor: caller.identity.subject, confinement: rights.confinement },
    { model, input: withKey(request.input, channel.key, request.key), dialect: request.dialect, authority: isRuled ? rights.authority : null },
  );
  const { publish } = rights.channel(channel.name);
  if (isRuled && typeof publish !== "boolean") {
    const { rows, variables, ...rest } = environmentOf(rights.auth, values, now);
    if (!isTrue(publish, { ...rest, rows, variables: { ...variables, input: sent } }, book)) throw rights.channelRefusal(channel.name, "PUBLISH");
  }
  const message: ChannelMessage = { channel: channel.name, key: values[channel.key] ?? null, text: text.write(values)!, values, origin: request.origin ?? null };
  if (isLonger(message.text, limits.messageBytes)) throw tooLarge("The message", limits.messageBytes);
  return message;
}

/** At once where nothing has to be stored. */
export function publishBody(core: DispatchCore, operation: Operation, body: PublishBody, caller: Caller): Result | Promise<Result> {
  const effect = core.channels.effectOf(messageOf(core, caller, { ...body, dialect: "wire", mode: "caller" }));
  const along = operation.effect;
  if (effect.store === undefined && along === undefined && operation.idempotency === null) {
    effect.tell?.();
    return PUBLISHED;
  }
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional: true,
    async run(keep) {
      if (effect.store !== undefined || along !== undefined || keep !== null) {
        await core.tables.commit((session) => {
          effect.store?.(session);
          along?.store?.(session);
          keep?.(session.connection, PUBLISHED);
        }, commitAs(caller));
      }
      effect.tell?.();
      along?.tell?.();
      return PUBLISHED;
    },
  });
}

/** In UTF-8, which is counted only where it matters: a character of ours is up to three bytes. */
function isLonger(text: string, bytes: number): boolean {
  return 3 * text.length > bytes && Buffer.byteLength(text) > bytes;
}

/** The topic says the key; the message may repeat it. */
function withKey(input: RawInput, field: string, key: Value): RawInput {
  if (key === null) return input;
  const given = Object.hasOwn(input, field) ? input[field] : undefined;
  if (given !== undefined && given !== null && String(given) !== String(key)) throw fault("VALIDATION_FAILED", `${field} is not that of the topic.`, { where: field, fix: `Leave out ${field}.` });
  return Object.assign(Object.create(null), input, { [field]: key }) as RawInput;
}
