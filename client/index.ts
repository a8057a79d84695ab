// The public face of `ambit/client`: a typed client for browsers and servers, of web standards alone.
export { AmbitError, type Problem } from "./ambit-error.ts";
export type { AnyApp, AppFacts, AppTypes, Json, TableFacts } from "./app-types.ts";
export type { Approval, ApprovalsClient, Decided, PageOptions, ProposedEffect } from "./approvals-client.ts";
export type { Batch, Planned } from "./batch.ts";
export type { ChannelClient, ChannelHandlers, ChannelSubscription, Present } from "./channel-client.ts";
export { Client, connect, type ConnectOptions } from "./connect.ts";
export type { TokenSource } from "./credentials.ts";
export type { LiveHandlers, LiveQuery } from "./live-query.ts";
export type { LiveChange } from "./live-rows.ts";
export type { ConnectionStatus } from "./live-socket.ts";
export type { MutationStorage, OfflineOptions, Settled, StoredMutation } from "./mutation-queue.ts";
export { indexedMutations, localMutations } from "./mutation-storage.ts";
export type { Commitment, Negotiation, NegotiationsClient, Offer } from "./negotiations-client.ts";
export type { Condition, Direction, JsonCondition, ListCondition, Logic, OwnRow, Page, Query, Selected } from "./query-types.ts";
export type { MutationOptions, ReadOptions, TableClient, Versioned } from "./table-client.ts";
