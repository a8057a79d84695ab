// Spans of what the server does, for tools that collect traces: a port, which runtime/telemetry.ts implements where config.yaml asks for it.
// Nothing that somebody has written or stored goes into a span: names, counts, outcomes alone.

export type SpanValue = string | number | boolean | readonly string[];
export type SpanAttributes = Readonly<Record<string, SpanValue | null>>;

export interface Span {
  /** Null: left out. */
  set(attributes: SpanAttributes): void;
  rename(name: string): void;
  /** It went wrong; `type` is of a bounded set. */
  failed(type: string): void;
}

export interface SpanStart {
  readonly kind: "server" | "client" | "internal";
  readonly attributes?: SpanAttributes;
  /** W3C trace context that came from elsewhere; as sent. */
  readonly traceparent?: string | null;
}

export interface Tracer {
  /** Does `work` in a span, a child of the one that this is called in. It ends when the work does, or its promise. */
  span<T>(name: string, start: SpanStart, work: (span: Span) => T): T;
  /** W3C trace context of where this is called, for whom is called from here. Null: there is none. */
  traceparent(): string | null;
}

const noSpan: Span = { set() {}, rename() {}, failed() {} };

/** Measures nothing. */
export const noTracer: Tracer = { span: (_name, _start, work) => work(noSpan), traceparent: () => null };
