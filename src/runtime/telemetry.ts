// Spans to a collector, as OTLP over HTTP, where config.yaml names one. The only place that knows OpenTelemetry; its packages are loaded with the
// first app that wants them. What waits is bounded: the collector is slow or gone, so spans are dropped, and nothing else waits for it.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Attributes, Context, Span as ApiSpan } from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Span, SpanAttributes, SpanStart, Tracer } from "../base/tracer.ts";
import packageJson from "../../package.json";

export interface TelemetrySettings {
  /** Of the collector. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The share of traces that are kept, 0 to 1. */
  readonly sample: number;
}

export interface Telemetry {
  readonly tracer: Tracer;
  /** Sends what waits, within some time. */
  stop(): Promise<void>;
}

export interface TelemetryParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the app. */
  readonly service: string;
  /** Spans that wait to be sent. */
  readonly waitingMax: number;
}

const SEND_EVERY_MS = 1_000;
const SEND_MS = 5_000;
const BATCH_SPANS = 512;
/** How often a failure is logged at most. */
const TOLD_EVERY_MS = 60_000;
const KINDS = { internal: 0, server: 1, client: 2 } as const;
const FAILED = 2;

export async function openTelemetry({ url, headers, sample }: TelemetrySettings, { clock, log, service, waitingMax }: TelemetryParts): Promise<Telemetry> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/api"), import("@opentelemetry/sdk-trace-base"), import("@opentelemetry/exporter-trace-otlp-http"), import("@opentelemetry/resources"),
  ]);
  const exporter = telling(new OTLPTraceExporter({ url: tracesUrl(url), headers: { ...headers }, timeoutMillis: SEND_MS, concurrencyLimit: 2 }), clock, log);
  const share = new sdk.TraceIdRatioBasedSampler(sample);
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": service, "telemetry.sdk.language": "nodejs", "process.runtime.name": "bun", "process.runtime.version": Bun.version }),
    // Whoever asks from outside may leave a trace out, and not force one in.
    sampler: new sdk.ParentBasedSampler({ root: share, remoteParentSampled: share }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, { maxQueueSize: waitingMax, maxExportBatchSize: Math.min(BATCH_SPANS, waitingMax), scheduledDelayMillis: SEND_EVERY_MS, exportTimeoutMillis: SEND_MS })],
  });
  const otel = provider.getTracer("ambit", packageJson.version);
  const current = new AsyncLocalStorage<Context>();
  const parentOf = ({ kind, traceparent = null }: SpanStart): Context => {
    if (kind !== "server") return current.getStore() ?? api.ROOT_CONTEXT;
    const remote = readTraceparent(traceparent);
    return remote === null ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, remote);
  };
  const tracer: Tracer = {
    span(name, start, work) {
      const parent = parentOf(start);
      const span = otel.startSpan(name, { kind: KINDS[start.kind], attributes: known(start.attributes ?? {}) }, parent);
      return current.run(api.trace.setSpan(parent, span), () => within(span, () => work(viewOf(span))));
    },
    traceparent() {
      const store = current.getStore();
      const context = store === undefined ? undefined : api.trace.getSpanContext(store);
      return context === undefined ? null : `00-${context.traceId}-${context.spanId}-${(context.traceFlags & 1) === 1 ? "01" : "00"}`;
    },
  };
  return { tracer, stop: () => inTime(provider.shutdown(), clock) };
}

/** Ends the span with the work. */
function within<T>(span: ApiSpan, work: () => T): T {
  let result: T;
  try {
    result = work();
  } catch (error) {
    end(span, error);
    throw error;
  }
  if (result instanceof Promise) result.then(() => span.end(), (error: unknown) => end(span, error));
  else span.end();
  return result;
}

/** By its name: what it says may hold what somebody has written. */
function end(span: ApiSpan, error: unknown): void {
  const { code, reason, name } = (error ?? {}) as { readonly code?: unknown; readonly reason?: unknown; readonly name?: unknown };
  span.setAttribute("error.type", [code, reason].find((one): one is string => typeof one === "string" && /^[A-Za-z_:]{1,60}$/.test(one)) ?? (typeof name === "string" ? name : "Error"));
  span.setStatus({ code: FAILED });
  span.end();
}

function viewOf(span: ApiSpan): Span {
  return {
    set: (attributes) => { span.setAttributes(known(attributes)); },
    rename: (name) => { span.updateName(name); },
    failed(type) {
      span.setAttribute("error.type", type);
      span.setStatus({ code: FAILED });
    },
  };
}

function known(attributes: SpanAttributes): Attributes {
  const found: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== null) found[name] = typeof value === "object" ? [...value] : value;
  return found;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Null: there is none, or it is none. */
function readTraceparent(text: string | null): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number; readonly isRemote: true } | null {
  const [, traceId = "", spanId = "", flags = "00"] = TRACEPARENT.exec(text ?? "") ?? [];
  return /^0*$/.test(traceId) || /^0*$/.test(spanId) ? null : { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/** `https://collector:4318`, or the address of its traces as a whole. */
function tracesUrl(url: string): string {
  const whole = new URL(url);
  if (!whole.pathname.endsWith("/v1/traces")) whole.pathname = `${whole.pathname.replace(/\/$/, "")}/v1/traces`;
  return whole.href;
}

/** Failures are told, now and then; the spans are lost. */
function telling(exporter: SpanExporter, clock: Clock, log: Log): SpanExporter {
  let toldMs = -Infinity;
  let lost = 0;
  return {
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) {
          lost += spans.length;
          if (clock.now() - toldMs >= TOLD_EVERY_MS) {
            log.warn("telemetry-failed", { spans: lost, reason: result.error?.name ?? "Error" });
            toldMs = clock.now();
            lost = 0;
          }
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush === undefined ? {} : { forceFlush: () => exporter.forceFlush!() }),
  };
}

async function inTime(work: Promise<void>, clock: Clock): Promise<void> {
  let cancel = (): void => {};
  const late = new Promise<void>((resolve) => { cancel = clock.schedule(SEND_MS, resolve); });
  await Promise.race([work.catch(() => {}), late]);
  cancel();
}
