// The composition root: builds every part of one app from its files, connects them, and takes them down again.
import { basename, isAbsolute, join } from "node:path";
import { decisions } from "#decisions";
import { createAuthenticator } from "../access/authenticate.ts";
import type { Identity } from "../access/identity.ts";
import type { SignedIn } from "../access/signed-in.ts";
import type { StoredKeys } from "../access/stored-keys.ts";
import { volatileClaims } from "../access/volatile-claims.ts";
import { createAccess } from "../access/rights.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import type { LineLog } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Tracer } from "../base/tracer.ts";
import { openApiFor } from "../codegen/openapi.ts";
import { withAccounts } from "../interfaces/http/account-routes.ts";
import type { HttpHandler } from "../interfaces/http/exchange.ts";
import type { GraphqlServedApp } from "../interfaces/graphql/graphql-port.ts";
import { createGraphqlSockets, type GraphqlSockets } from "../interfaces/graphql/graphql-sockets.ts";
import { withGraphql } from "../interfaces/graphql/with-graphql.ts";
import type { SocketApp, SocketServedApp } from "../interfaces/http/served-app.ts";
import { serveHttp, type HttpServer } from "../interfaces/http/server.ts";
import type { StreamTally } from "../interfaces/rest/event-stream.ts";
import { createSockets, type Sockets } from "../interfaces/websocket/socket-server.ts";
import { createMqttApp } from "../interfaces/mqtt/mqtt-app.ts";
import type { MqttApp } from "../interfaces/mqtt/topic-source.ts";
import { createRest } from "../interfaces/rest/rest-handler.ts";
import { createJobs, type Jobs, type ServedApp as JobsApp } from "../jobs/create-jobs.ts";
import { createEmbedder, type Embedder } from "../jobs/embed-records.ts";
import type { OutboxSender } from "../jobs/outbox-sender.ts";
import { createSources, type Sources } from "../cache/sources.ts";
import type { DecisionPort } from "../resources/decision-port.ts";
import type { EmbeddingPort } from "../resources/embedding-port.ts";
import { createDispatcher, type Dispatcher } from "../resources/dispatch.ts";
import { readTls, watchTls } from "./watch-certificate.ts";
import { recordingRefusals } from "../interfaces/http/recorded-refusals.ts";
import { GuessGuard } from "../resources/guess-guard.ts";
import { SecurityRecord } from "../resources/security-record.ts";
import { UsageMeter } from "../resources/usage-meter.ts";
import { openStorage, type Storage } from "../storage/open-storage.ts";
import { createTables, type Tables } from "../tables/engine.ts";
import { backtestsArea } from "./administer-backtests.ts";
import { decisionsArea } from "./administer-decisions.ts";
import { jobsArea } from "./administer-jobs.ts";
import { keysArea, noteAdministration, securityArea, withOwnKeys } from "./administer-keys.ts";
import { sourcesArea } from "./administer-sources.ts";
import { withAdministration, type Describe, type Migrate } from "./administration.ts";
import { forgettingArea } from "./administer-forgetting.ts";
import { outboxArea } from "./administer-outbox.ts";
import { openControl, type Control } from "./control.ts";
import type { AuditService, ModelStandIn } from "./decisions-module.ts";
import { embeddingsOf } from "./embedding-models.ts";
import type { EnvironmentVariables } from "./environment-references.ts";
import { answerImport, importTarget } from "./import-rows.ts";
import { isError, loadApp, type LoadedApp } from "./load-app.ts";
import { describeApp } from "./describe-app.ts";
import { createLogRetention } from "./log-retention.ts";
import { cautiousApproval, migrateRunning, resumeMigration, type MigrationReport, type MigrationRequest } from "./migrate-data.ts";
import { renewing, renewingPublish } from "./outdated-app.ts";
import { noteRights } from "./note-rights.ts";
import { followAccounts, openKeys } from "./open-keys.ts";
import { fetchOf, modelFetchOf, openOutbox, sendingOf } from "./start-outbox.ts";
import { createMqttService, type MqttView } from "./mqtt-service.ts";
import { packageFile } from "./package-files.ts";
import { rememberErrors } from "./recent-errors.ts";
import { renewIdentity } from "./renew-identity.ts";
import { accountsOf, cookiesOf, openAccounts, signedInOf, type AccountService } from "./open-accounts.ts";
import { openFiles, type AppFiles } from "./open-files.ts";
import { startRunRecovery } from "./run-recovery.ts";
import { seedDatabase } from "./seed.ts";
import { appTables } from "../schema/account-tables.ts";
import { openTelemetry, type Telemetry } from "./telemetry.ts";
import { tracedFetch, type Fetch } from "./traced-calls.ts";

export interface StartOptions {
  readonly directory: string;
  readonly dataDirectory: string;
  /** Null: that of config.yaml. 0: any free one. */
  readonly port: number | null;
  readonly environment: EnvironmentVariables;
  /** Null or empty: no administrator over the wire. */
  readonly adminToken: string | null;
  readonly development: boolean;
  /** A seed file, relative to the app; null: none. */
  readonly seed: string | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LineLog;
  /** Makes calls to other than loopback addresses fail: of `ctx.fetch`, the outbox, models. For tests. */
  readonly forbidOutbound: boolean;
  /** Models are asked all the same, while answers are recorded. */
  readonly modelsOutbound?: boolean;
  /** Who is asked in place of models. For tests. */
  readonly modelStandIn?: ModelStandIn;
  /** Loaded before, by tests that start it many times; else it is loaded. */
  readonly loaded?: LoadedApp;
  /** The writer stopped; the process must exit. */
  onFatal(error: unknown): void;
}

export interface RunningApp {
  readonly url: string;
  readonly port: number;
  /** What serves now; another one after a reload. */
  readonly loaded: LoadedApp;
  readonly storage: Storage;
  readonly tables: Tables;
  readonly jobs: Jobs;
  readonly embedder: Embedder;
  readonly accounts: AccountService;
  /** Loads the files again and replaces what is served, if they have no error. Data and connections stay. */
  reload(options: { typeCheck: boolean }): Promise<readonly Diagnostic[]>;
  /** Plans what the files want of the data, or does it and serves them then. Throws UNAVAILABLE where the files have errors, and what applyMigration throws. */
  migrate(request: MigrationRequest): Promise<MigrationReport>;
  readonly handler: HttpHandler;
  readonly socket: SocketApp;
  readonly mqtt: MqttView;
  /** Queries that are followed. */
  readonly live: Dispatcher["live"];
  readonly channels: Dispatcher["channels"];
  readonly decisions: DecisionPort | null;
  /** Lets what is under way finish, then gives everything free. */
  stop(): Promise<void>;
}

/** Thrown by `startApp`: the app has errors, all of which are listed. */
export class AppProblems extends Error {
  override readonly name = "AppProblems";
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(`the app has ${diagnostics.filter(isError).length} errors: ${diagnostics.filter(isError).slice(0, 3).map(({ message }) => message).join(" ")}`);
    this.diagnostics = diagnostics;
  }
}

interface ServeParts extends StartOptions {
  readonly files: AppFiles;
  readonly describe: Describe;
  readonly migrate: Migrate;
  readonly outbox: OutboxSender;
  readonly jobs: Jobs;
  readonly embedder: Embedder;
  readonly streams: StreamTally;
  readonly sources: Sources;
  readonly usage: UsageMeter;
  readonly security: SecurityRecord;
  readonly guesses: GuessGuard;
  readonly keys: StoredKeys;
  readonly audit: AuditService;
  readonly accounts: AccountService;
  /** Where it listens; empty: not yet. */
  url(): string;
  /** Null: nobody wants to know. */
  readonly tracer: Tracer | null;
  /** Told what serves from now on. */
  announce(served: Announced): void;
  /** What is served by then. */
  readonly current: () => HttpHandler;
  /** The same over WebSockets. */
  readonly currentSocket: () => SocketApp;
}

type Announced = Pick<Served, "loaded" | "dispatcher" | "jobs" | "signedIn" | "tables" | "embeddings">;
interface Served { readonly signedIn: SignedIn; readonly embeddings: EmbeddingPort; readonly loaded: LoadedApp; readonly tables: Tables; readonly dispatcher: Dispatcher; readonly app: AnySocketApp; readonly mqtt: MqttApp; readonly jobs: JobsApp }
/** Served by whichever kind of WebSocket. */
interface AnySocketApp extends SocketServedApp, GraphqlServedApp {}

/** Throws AppProblems, or an AmbitError such as DATA_IN_USE or MIGRATION_NEEDED. */
export async function startApp(options: StartOptions): Promise<RunningApp> {
  const loaded = options.loaded ?? await loadApp(options.directory, { environment: options.environment, typeCheck: false });
  if (loaded.diagnostics.some(isError)) throw new AppProblems(loaded.diagnostics);
  const storage = openStorage({ directory: options.dataDirectory, limits: loaded.config.limits, clock: options.clock, onFatal: (error) => options.onFatal(error) });
  let telemetry: Telemetry | null = null;
  try {
    storage.prepareCatalog(loaded.catalog, loaded.book, await resumeMigration(storage, loaded));
    if (storage.isCompactionDue && !await storage.compact(loaded.catalog)) options.log.warn("compaction-failed");
    const errors = rememberErrors(options.log, () => dateTimeOf(options.clock.now()));
    let running: RunningApp | null = null;
    const describe: Describe = async (section) => describeApp(running?.loaded ?? loaded, { url: running?.url ?? "", counts: countRecords(running?.loaded ?? loaded, storage), recentErrors: errors.list() }, section);
    const migrate: Migrate = async (request) => running === null ? Promise.reject(fault("UNAVAILABLE", "The app is starting.")) : running.migrate(request);
    let latest: Announced | null = null;
    const keys = openKeys({ storage, clock: options.clock, current: () => ({ catalog: latest!.loaded.catalog, signedIn: latest!.signedIn }) });
    const outbox = openOutbox({ ...options, storage, log: errors.log, current: () => ({ config: latest!.loaded.config, dispatcher: latest!.dispatcher, renew: latest!.jobs.renew }) });
    const jobs = createJobs({ ...options, storage, log: errors.log, current: () => latest!.jobs });
    const embedder = createEmbedder({ ...options, storage, log: errors.log, current: () => ({ ...latest!.jobs, tables: latest!.tables, embeddings: latest!.embeddings }) });
    const files = openFiles({ ...options, storage, log: errors.log, current: () => latest?.loaded ?? loaded });
    const sources = createSources({ storage, clock: options.clock });
    const usage = new UsageMeter({ clock: options.clock, limits: () => (latest?.loaded ?? loaded).config.limits, seed: options.random.bytes(4).reduce((seed, byte) => seed * 256 + byte, 0) });
    const security = new SecurityRecord({ storage, clock: options.clock, log: errors.log, limits: () => (latest?.loaded ?? loaded).config.limits });
    const guesses = new GuessGuard({ meter: usage, security, clock: options.clock, limits: () => (latest?.loaded ?? loaded).config.limits });
    const audit = decisions.openAudit({ ...options, storage, log: errors.log, current: () => ({ config: latest!.loaded.config, directory: options.directory }), sent: () => outbox.added() });
    telemetry = loaded.config.telemetry === null ? null : await openTelemetry(loaded.config.telemetry, { clock: options.clock, log: errors.log, service: basename(options.directory), waitingMax: loaded.config.limits.telemetrySpans });
    const accounts = await openAccounts({ ...options, storage }, () => (latest?.loaded ?? loaded).config);
    const parts: ServeParts = { ...options, accounts, url: () => running?.url ?? "", files, outbox, jobs, embedder, sources, usage, security, guesses, keys, audit, tracer: telemetry?.tracer ?? null, streams: { open: 0, waitingBytes: 0 }, announce(one) {
      latest = one;
      keys.end();
    }, log: errors.log, describe, migrate, current: () => running?.handler ?? served.app.handler, currentSocket: () => running?.socket ?? served.app.socket };
    const served: Served = serve(loaded, storage, parts);
    if (options.seed !== null) await seedDatabase(isAbsolute(options.seed) ? options.seed : join(options.directory, options.seed), { catalog: loaded.catalog, tables: served.tables, reader: storage.reader });
    const opened = telemetry;
    running = await listen(served, storage, { ...parts, async close() { await security.stop(); await storage.close(); await opened?.stop(); } });
    outbox.start();
    void jobs.start();
    void embedder.start();
    audit.start();
    security.start();
    await files.start();
    return running;
  } catch (error) {
    await telemetry?.stop();
    await storage.close();
    throw error;
  }
}

/** The parts that a reload makes anew. */
function serve(loaded: LoadedApp, storage: Storage, options: ServeParts): Served {
  const { catalog, book, config } = loaded;
  const { clock, random, log, development, streams } = options;
  const { limits } = config;
  const tables = createTables({ storage, catalog, book, clock, random, limits });
  const access = createAccess({ catalog, book, explainDenials: development });
  const { tracer } = options;
  const [fetch, modelFetch] = [fetchOf(config, options.forbidOutbound), modelFetchOf(config, options.forbidOutbound && options.modelsOutbound !== true)].map((one) => (tracer === null ? one : tracedFetch(one, tracer))) as [Fetch, Fetch];
  options.embedder.watch({ catalog, book, tables });
  const embeddings = embeddingsOf(config, { clock, random, fetch: modelFetch, isScripted: options.modelStandIn !== undefined, log, used: (tokens) => options.embedder.used(tokens), failed: () => options.embedder.failed(), remembered: () => options.embedder.remembered() });
  followAccounts(options.keys, { catalog, tables, storage, log });
  noteRights(options.security, { catalog, tables });
  const signedIn = signedInOf(loaded, { tables, storage, clock, service: options.accounts });
  const renew = (identity: Identity): Identity => renewIdentity(identity, config.auth.keys, (subject) => signedIn.ofAccount(subject), options.keys);
  const accounts = accountsOf(loaded, { service: options.accounts, random, clock, log, url: () => options.url() });
  const dispatcher = createDispatcher({ ...(accounts === undefined ? {} : { accounts }), tokens: { tokens: options.accounts.tokens, revoked: (subject) => signedIn.revoked(subject) }, files: { ...options.files, types: config.files.types }, catalog, book, access, tables, storage, app: loaded.code, jobs: options.jobs.queue, embeddings, sources: options.sources, clock, random, limits, log, values: config.values, secrets: config.secrets, zone: config.zone, fetch, usage: options.usage, security: options.security, guesses: options.guesses, storedKeys: options.keys, sending: sendingOf(config, options.outbox), development, ...(tracer === null ? {} : { tracer }), createDecisions: decisions.decisionsOf(loaded, { clock, random, fetch: modelFetch, standIn: options.modelStandIn ?? null, tracer, audit: options.audit, renew }) });
  const authenticator = options.guesses.guarding(createAuthenticator({ adminToken: options.adminToken, keys: config.auth.keys, jwt: config.auth.jwt, signedIn }, { clock, directory: options.directory, volatileClaims: volatileClaims(book), stores: [options.keys] }));
  const { live, channels, runs, rows } = dispatcher;
  const overSockets = createRest({ catalog, limits, access, dispatcher, clock, development, live, channels, runs, rows, over: "WS" });
  const graphql = withGraphql(createRest({ catalog, limits, access, dispatcher, clock, development, live, channels, runs, rows, streams }), { catalog, limits, access, dispatcher, clock, log, live, channels, rows, streams, ...(development ? { editor: editorFile } : {}) });
  const app: AnySocketApp = {
    limits, development, authenticator, usage: options.usage, ...cookiesOf(loaded, options.accounts),
    socket: { handler: renewing(recordingRefusals(overSockets, options.security), () => options.currentSocket().handler), follow: (exchange, following) => overSockets.follow(exchange, following), publish: renewingPublish((request) => overSockets.publish(request), () => options.currentSocket().publish) },
    graphql: graphql.port,
    handler: renewing(recordingRefusals(withAdministration(withOwnKeys(accounts === undefined ? graphql.handler : withAccounts(graphql.handler, { dispatch: (operation) => dispatcher.dispatch(operation), methods: async (path) => (await accounts()).methods(path) }), (operation) => dispatcher.dispatch(operation)), {
      noted: (exchange) => noteAdministration(options.security, exchange),
      describe: options.describe, migrate: options.migrate, importStep: (body) => answerImport(importTarget({ tables, catalog, limits, files: options.files.store }), body),
      areas: new Map([["outbox", outboxArea((operation) => dispatcher.dispatch(operation))], ["jobs", jobsArea((operation) => dispatcher.dispatch(operation))], ["sources", sourcesArea((operation) => dispatcher.dispatch(operation))], ["decisions", decisionsArea((operation) => dispatcher.dispatch(operation))], ["backtests", backtestsArea((operation) => dispatcher.dispatch(operation))], ["forget", forgettingArea((operation) => dispatcher.dispatch(operation))], ["keys", keysArea((operation) => dispatcher.dispatch(operation))], ["security", securityArea((operation) => dispatcher.dispatch(operation))]]),
    }), options.security), options.current),
    openApi: openApiFor({ catalog, access, limits, development }),
  };
  const jobs: JobsApp = { catalog, book, limits, dispatch: (operation) => dispatcher.dispatch(operation), renew };
  options.announce({ loaded, dispatcher, jobs, signedIn, tables, embeddings });
  return { signedIn, embeddings, loaded, tables, app, dispatcher, jobs, mqtt: createMqttApp({ catalog, limits, access, dispatcher, clock, authenticator, security: options.security }) };
}

async function listen(first: Served, storage: Storage, options: ServeParts & { /** The storage, and what else is left after everything. */ close(): Promise<void> }): Promise<RunningApp> {
  const { log, clock, random } = options;
  const { config } = first.loaded;
  let served = first;
  let stopping: Promise<void> | null = null;
  served.tables.start();
  const retention = createLogRetention({ storage, clock, log, retentionMs: () => served.loaded.config.logRetentionMs, limits: () => served.loaded.config.limits, catalog: () => served.loaded.catalog });
  const sockets = createSockets({ current: () => served.app, clock, random, log });
  const graphqlSockets = createGraphqlSockets({ current: () => served.app, clock, random, log });
  const mqtt = createMqttService({ storage, current: () => served.mqtt, clock, random, log });
  const common = {
    log, clock, random, tracer: options.tracer, trustProxy: config.http.trustProxy, cors: { origins: config.http.corsOrigins },
    stats: () => flat("sources_", options.sources.stats(), flat("files_", options.files.stats(), flat("embeddings_", options.embedder.stats(), flat("jobs_", options.jobs.stats(), flat("outbox_", options.outbox.stats(), flat("mqtt_", mqtt.view.stats(), statistics(storage, served, { sockets, graphqlSockets, streams: options.streams }))))))),
    labelled: () => options.audit.metrics(),
    readiness: () => ({ ready: stopping === null, reasons: served.dispatcher.decisions?.isWithoutModel === true ? ["no_model"] : [] }), errorPage,
  };
  let server: HttpServer | null = null;
  let control: Control | null = null;
  try {
    const [tls, { host }] = [await readTls(config, options.directory), config.http];
    server = serveHttp({ ...common, sockets: [sockets, graphqlSockets, mqtt.sockets], host, port: options.port ?? config.http.port, tls, current: () => served.app });
    mqtt.listen({ ...config.mqtt, host, tls });
    control = openControl({ ...common, dataDirectory: options.dataDirectory, url: server.url, current: () => served.app });
  } catch (error) {
    served.tables.stop();
    retention.stop();
    await Promise.all([server?.stop(0), mqtt.stop(0)]);
    throw error;
  }
  const { port, url } = server;
  const certificates = watchTls(config, options, [server, mqtt]);
  const recovery = startRunRecovery({ clock, log, current: () => served.dispatcher.decisions });
  const stop = async (): Promise<void> => {
    const { drainMs } = config.limits;
    await stopServing(served, [sockets, graphqlSockets, mqtt], drainMs);
    await Promise.all([server.stop(drainMs), control.stop(), options.outbox.stop(drainMs), options.jobs.stop(drainMs), options.embedder.stop(), recovery.stop(drainMs)]);
    for (const part of [certificates, retention, options.files, options.sources, served.tables]) part.stop();
    await options.audit.stop();
    await options.close();
  };
  const replace = (loaded: LoadedApp): void => {
    const before = served;
    served = serve(loaded, storage, options);
    mqtt.replaced();
    handOver(before, () => served);
    options.sources.replaced();
    for (const part of [options.jobs, options.embedder]) void part.replaced();
  };
  return {
    url, port, storage, jobs: options.jobs, embedder: options.embedder, accounts: options.accounts,
    get loaded() { return served.loaded; },
    get tables() { return served.tables; },
    async reload({ typeCheck }) {
      const loaded = await loadApp(options.directory, { environment: options.environment, typeCheck });
      if (!loaded.diagnostics.some(isError) && stopping === null) prepareAndReplace(loaded, storage, replace);
      return loaded.diagnostics;
    },
    migrate: (request) => migrateRunning(request, {
      storage, clock, log, dataDirectory: options.dataDirectory, replace, isStopping: () => stopping !== null,
      load: () => loadApp(options.directory, { environment: options.environment, typeCheck: false }),
    }),
    get handler() { return served.app.handler; },
    get socket() { return served.app.socket; },
    get mqtt() { return mqtt.view; },
    get live() { return served.dispatcher.live; },
    get channels() { return served.dispatcher.channels; },
    get decisions() { return served.dispatcher.decisions; },
    stop: () => (stopping ??= stop()),
  };
}

function prepareAndReplace(loaded: LoadedApp, storage: Storage, replace: (loaded: LoadedApp) => void): void {
  storage.prepareCatalog(loaded.catalog, loaded.book, cautiousApproval(loaded));
  replace(loaded);
}

/** Streams never finish by themselves; their clients come again, to whoever serves then. */
async function stopServing({ dispatcher }: Served, streams: readonly { stop(drainMs: number): Promise<void> }[], drainMs: number): Promise<void> {
  const sent = Promise.all(streams.map((stream) => stream.stop(drainMs)));
  dispatcher.live.close();
  dispatcher.channels.close(null);
  dispatcher.runs.close();
  dispatcher.rows.close(null);
  await sent;
}

/** From what served before to what serves now. */
function handOver(before: Served, current: () => Served): void {
  const { tables, dispatcher } = current();
  before.tables.handOver(tables);
  // What was under way there is told by what serves by then.
  before.tables.onCommitted((entry) => {
    current().signedIn.changed(entry.changes);
    current().dispatcher.live.committed(entry);
  });
  tables.start();
  before.dispatcher.live.close();
  before.dispatcher.channels.close(dispatcher.channels);
  before.dispatcher.decisions?.handOver(() => current().dispatcher.decisions);
  before.dispatcher.runs.close();
  before.dispatcher.rows.close(() => current().dispatcher.rows.followed);
  before.signedIn.end();
}

function countRecords(loaded: LoadedApp, storage: Storage): Record<string, number> {
  return Object.fromEntries(appTables(loaded.catalog).map((table) => {
    const row = storage.reader.get(`SELECT count(*) AS records FROM "${table.sqlName.replaceAll("\"", "\"\"")}"`) as { records: number };
    return [table.name, row.records];
  }));
}

function statistics(storage: Storage, { tables, dispatcher }: Served, { sockets, graphqlSockets, streams }: { readonly sockets: Sockets; readonly graphqlSockets: GraphqlSockets; readonly streams: StreamTally }): Record<string, number> {
  const ofParts = flat("storage_", storage.stats(), flat("tables_", tables.stats(), flat("answers_", dispatcher.stats(), {})));
  flat("channels_", dispatcher.channels.stats(), ofParts);
  flat("streams_", streams, ofParts);
  return flat("live_", dispatcher.live.stats(), flat("sockets_", sockets.stats(), flat("graphql_sockets_", graphqlSockets.stats(), ofParts)));
}

function flat(prefix: string, from: object, into: Record<string, number>): Record<string, number> {
  for (const [name, value] of Object.entries(from)) {
    const key = prefix + name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof value === "number") into[key] = value;
  }
  return into;
}

async function errorPage(code: string): Promise<string | null> {
  assert(/^[A-Z_]+$/.test(code), "an error code names a page");
  const file = Bun.file(packageFile("docs", "errors", `${code}.md`));
  return await file.exists() ? file.text() : null;
}

async function editorFile(name: string): Promise<Uint8Array | null> {
  const file = Bun.file(packageFile("dist", "graphiql", name));
  return await file.exists() ? file.bytes() : null;
}

export type { Identity };
