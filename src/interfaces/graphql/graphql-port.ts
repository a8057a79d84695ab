// What carries GraphQL over a WebSocket needs of an app: operations by their payload. Types only, so that nothing is loaded for it.
import type { ServedApp } from "../http/served-app.ts";
import type { ChannelFrame, ChannelSink } from "../../resources/channel-frame.ts";
import type { LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import type { Exchange } from "../http/exchange.ts";

export interface GraphqlFollowing {
  /** The first frames come before this returns. Throws what subscribing throws. */
  follow(sink: ChannelSink, reset: ResetReason | null): LiveSubscription;
  /** JSON of an execution result. The same text for all who follow the same by the same document. */
  text(frame: ChannelFrame): string;
}

export type PortOperating =
  /** `text`: JSON of the result. `errors`: JSON of a list, where the document was not executed at all. */
  | { readonly kind: "answer"; readonly text: string; readonly errors: string | null }
  | { readonly kind: "live"; readonly live: GraphqlFollowing };

export interface GraphqlPort {
  /** `payload`: the members of a request. Throws what is wrong with it. */
  operate(exchange: Exchange, payload: unknown): PortOperating | Promise<PortOperating>;
}

export interface GraphqlServedApp extends ServedApp {
  readonly graphql: GraphqlPort;
}
