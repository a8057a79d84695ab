// Every bound of the runtime, by name. Each has a test that reaches it. config.yaml overrides them under `limits`.

/** Sizes in bytes, times in milliseconds, the rest counts. */
export interface Limits {
  readonly bodyBytes: number;
  /** Of all requests under way together. */
  readonly bodiesBytes: number;
  readonly urlBytes: number;
  readonly headerBytes: number;
  readonly jsonDepth: number;
  /** Rows of one answer when the request names no limit, and the most that it may name. */
  readonly pageRows: number;
  /** Rows of one embedded list. */
  readonly embedRows: number;
  readonly embedDepth: number;
  /** Conditions, groups of them and order terms of one query. */
  readonly filterTerms: number;
  /** Entries of `select=`, embedded ones included. */
  readonly selectItems: number;
  readonly listValues: number;
  readonly bulkRows: number;
  /** Operations of one batch. */
  readonly batchOperations: number;
  /** A batch without code runs in one commit, while everything else waits, for so long. */
  readonly batchMs: number;
  readonly cascadeRows: number;
  /** A plan that may visit more rows carries the deadline `queryMs`. */
  readonly scanRows: number;
  readonly queryMs: number;
  /** Rows of all embedded lists of one answer together. */
  readonly answerRows: number;
  readonly answerBytes: number;
  /** Of all large answers together that clients have not taken yet. */
  readonly answersBytes: number;
  readonly transactionMs: number;
  readonly transactionWrites: number;
  readonly transactionAttempts: number;
  readonly soloMs: number;
  /** Kept footprints of one transaction; beyond, whole tables count as read. */
  readonly transactionFootprints: number;
  /** Entries, and their changes, that are kept for transactions under way; one that began before them runs again. */
  readonly certificationEntries: number;
  readonly certificationChanges: number;
  readonly idempotencyMs: number;
  /** Versions of a record that one request for its history looks at, seen by the caller or not. */
  readonly historyVersions: number;
  readonly idempotencyKeyLength: number;
  readonly idempotencyBodyBytes: number;
  readonly expiryLagMs: number;
  /** Jobs that run at once. */
  readonly jobConcurrency: number;
  /** Runs that wait for their turn or their time; what would make one more is refused. */
  readonly jobsWaiting: number;
  /** Characters of a job's input, and of its result, as JSON. */
  readonly jobBytes: number;
  /** Of one attempt of a job. */
  readonly jobMs: number;
  /** The longest wait between two attempts. */
  readonly jobBackOffMs: number;
  /** Between two times that a job's progress is written. */
  readonly jobProgressMs: number;
  /** Attempts of one run that end with their process, before it counts as the cause. */
  readonly jobInterruptions: number;
  /** How long runs are kept that have succeeded or were cancelled. */
  readonly jobKeptMs: number;
  /** How long those are kept that have failed. */
  readonly jobDeadMs: number;
  readonly walBytes: number;
  readonly commitQueueLength: number;
  /** Requests in one transaction; between two batches everything else gets its turn. */
  readonly commitBatchLength: number;
  readonly recordCacheBytes: number;
  /** Of answers to lists that are asked for again; 0: none are kept. */
  readonly answerCacheBytes: number;
  readonly planCacheEntries: number;
  readonly requestMs: number;
  readonly idleS: number;
  readonly drainMs: number;
  readonly textLength: number;
  readonly ruleSteps: number;
  /** Issues of one input that are listed; what comes after is not looked at. */
  readonly validationIssues: number;
  /** A change of the schema that concerns more records of a table fills a second one beside live writes. */
  readonly migrateInPlaceRows: number;
  /** Of one uploaded file. */
  readonly fileBytes: number;
  /** How long one upload may take. */
  readonly uploadMs: number;
  /** Uploads under way at the same time. */
  readonly uploads: number;
  /** Files of one sender that no record refers to yet. */
  readonly pendingFiles: number;
  /** So long a file is kept that no record refers to, or none any more. */
  readonly fileGraceMs: number;
  /** How long a signed link may be good. */
  readonly fileLinkMs: number;
  /** Of filling it: after so long, or so many records, everything else gets its turn. */
  readonly migrateBatchMs: number;
  readonly migrateBatchRows: number;
  /** Of one GraphQL document, before anything else is looked at. */
  readonly graphqlTokens: number;
  readonly graphqlDepth: number;
  /** As executed: those of fragments at each use. */
  readonly graphqlFields: number;
  readonly graphqlAliases: number;
  readonly graphqlDirectives: number;
  /** Root fields, each of which is an Operation. */
  readonly graphqlOperations: number;
  /** Requests in one body. */
  readonly graphqlBatch: number;
  /** Characters of a subscription with its variables, kept as long as it is followed. */
  readonly graphqlFollowedLength: number;
  /** Queries that are followed, by everybody together. */
  readonly subscriptions: number;
  /** Rows of a query that is followed. */
  readonly subscriptionRows: number;
  /** Kept of all answers that are read again and compared. */
  readonly subscriptionsBytes: number;
  /** Log entries that are looked through to go on from an earlier position. */
  readonly resumeEntries: number;
  /** Rows that a model gets of one @mayRead. */
  readonly decisionReadRows: number;
  /** Requests to models and tool calls of one run, where its @budget says nothing. */
  readonly decisionSteps: number;
  readonly decisionCalls: number;
  /** Runs beside a SHADOW that wait for their turn. */
  readonly decisionShadows: number;
  /** Runs of models that go on at once, beyond which none is begun for who does not wait. */
  readonly decisionRuns: number;
  /** Runs that a backtest looks at. */
  readonly backtestRuns: number;
  /** Runs that a report of a backtest shows one by one. */
  readonly backtestDifferences: number;
  /** Streams that follow runs: of everybody together, of one subject. */
  readonly runFollowers: number;
  readonly runFollowersOfSubject: number;
  /** The same of approvals, negotiations and commitments. */
  readonly rowFollowers: number;
  readonly rowFollowersOfSubject: number;
  /** How many decisions may begin one another by what they change. */
  readonly triggerDepth: number;
  /** Proposals that wait for people at once. */
  readonly approvalsWaiting: number;
  /** Tokens that a model may write in one answer, and characters that are read of it. */
  readonly decisionOutputTokens: number;
  readonly decisionAnswerBytes: number;
  /** What is remembered of one record, in rows of facts and episodes. */
  readonly memoryRows: number;
  /** Of one value that is remembered. */
  readonly memoryBytes: number;
  /** Facts of one run, or one request that posts them. */
  readonly memoryWrites: number;
  /** Episodes that a run reads of one record, and what else its words bring to mind. */
  readonly memoryRecalled: number;
  /** How often one request is sent to a model. */
  readonly modelAttempts: number;
  /** Texts of one request to an embedding model. */
  readonly embeddingTexts: number;
  /** Characters of one text that are embedded; the rest is left out. */
  readonly embeddingLength: number;
  /** How long vectors of records are waited for. */
  readonly embeddingMs: number;
  /** How long the vector of a text is waited for that somebody looks for. */
  readonly embeddingQueryMs: number;
  /** Of such texts, whose vectors are kept in memory. */
  readonly embeddingCache: number;
  /** Of one text that the provider does not take. */
  readonly embeddingAttempts: number;
  /** The first pause after a failure; each further one is longer, up to `embeddingDelayMaxMs`. */
  readonly embeddingDelayMs: number;
  readonly embeddingDelayMaxMs: number;
  /** Records of the audit log, and time since the first of them, after which a checkpoint is signed. */
  readonly auditCheckpointRecords: number;
  readonly auditCheckpointMs: number;
  /** Spans that wait for the collector of telemetry. */
  readonly telemetrySpans: number;
  /** Failures in a row after which a model is left alone, and for how long. */
  readonly modelFailures: number;
  readonly modelPauseMs: number;
  /** How often a quiet stream gives a sign of life. */
  readonly heartbeatMs: number;
  /** Waiting for one client that reads slowly; beyond, changes are left out and a snapshot follows. */
  readonly connectionQueueBytes: number;
  /** Topics of channels that are followed, by everybody together. */
  readonly channelSubscriptions: number;
  /** Of one message of a channel, as JSON. */
  readonly messageBytes: number;
  /** Of what a connection shows of itself on a topic, as JSON. */
  readonly presenceBytes: number;
  /** Connections that one topic shows. */
  readonly presenceEntries: number;
  readonly sockets: number;
  /** Of one WebSocket: queries followed, calls under way. */
  readonly socketSubscriptions: number;
  readonly socketCalls: number;
  /** Until a WebSocket's first frame, or a client of MQTT says who it is. */
  readonly authMs: number;
  /** How far the time of a webhook's signature may be from now. */
  readonly webhookToleranceMs: number;
  /** How long ids of webhooks are remembered, to tell repetitions. */
  readonly webhookMemoryMs: number;
  /** Of one request of ctx.send. */
  readonly outboxBodyBytes: number;
  /** Requests of ctx.send that are not sent yet. */
  readonly outboxWaiting: number;
  /** Requests under way at once: in all, and to one host. */
  readonly outboxConcurrency: number;
  readonly outboxPerHost: number;
  /** Of one attempt. */
  readonly outboxMs: number;
  readonly outboxAttempts: number;
  /** Before the first repetition; each next one waits twice as long, up to `outboxDelayMaxMs`. */
  readonly outboxDelayMs: number;
  readonly outboxDelayMaxMs: number;
  /** Failures in a row, after which a host is left alone for `outboxBreakerMs`. */
  readonly outboxBreakerFailures: number;
  readonly outboxBreakerMs: number;
  /** Kept of an answer. */
  readonly outboxAnswerBytes: number;
  /** How long what was sent, or given up, is kept. */
  readonly outboxKeptMs: number;
  /** Of one call of a source, with its wait for others; and of what it may answer. */
  readonly sourceMs: number;
  readonly sourceBytes: number;
  /** Of one source: calls at once, and what waits for them. */
  readonly sourceConcurrency: number;
  readonly sourceWaiting: number;
  /** Kept of one source. */
  readonly sourceRows: number;
  /** Records of sources that are known not to be there, or to have failed; and how long. */
  readonly sourceMissing: number;
  readonly sourceMissingMs: number;
  /** After a failure the source is not asked for that record for so long. */
  readonly sourceRetryMs: number;
  readonly mqttConnections: number;
  /** Of clients of MQTT that want to find theirs again, and how long one is kept without its client. */
  readonly mqttSessions: number;
  /** Of one subject, and of all who are not signed in. */
  readonly mqttSessionsOfSubject: number;
  /** That share a subscription; the same of one subject. */
  readonly mqttGroups: number;
  readonly mqttGroupsOfSubject: number;
  readonly mqttSessionMs: number;
  /** Filters of one client. */
  readonly mqttSubscriptions: number;
  /** Of one packet that a client sends. */
  readonly mqttPacketBytes: number;
  /** Messages that were sent and not yet acknowledged: each way, for each client. */
  readonly mqttInflight: number;
  /** Stored for one client that is away or slow. */
  readonly mqttQueueMessages: number;
  readonly mqttQueueBytes: number;
  readonly mqttTopicAliases: number;
  /** Records that one subscription of MQTT begins with. */
  readonly retainedMatches: number;
  /** Tickets that are out: of everybody, of one caller; and how long each counts. */
  readonly tickets: number;
  readonly callerTickets: number;
  readonly ticketMs: number;
  /** Of passwords that are chosen, in characters. */
  readonly passwordLengthMin: number;
  readonly passwordLengthMax: number;
  /** What Argon2id takes for one password. */
  readonly passwordMemoryKib: number;
  readonly passwordPasses: number;
  /** Passwords that are hashed at once, and that wait for it. */
  readonly passwordHashes: number;
  readonly passwordHashesWaiting: number;
  /** A session that nobody refreshes ends then; one older than `sessionRefreshMs` is refreshed when it is asked about. */
  readonly sessionMs: number;
  readonly sessionRefreshMs: number;
  /** Of one account: the oldest end. */
  readonly accountSessions: number;
  /** How long a link in a mail counts, to confirm an address or to reset a password. */
  readonly mailLinkMs: number;
  readonly invitationMs: number;
  /** The longest life of what ctx.token signs. */
  readonly tokenMs: number;
  /** Of one subject, or of one address where nobody is signed in; 0: as many as they like. */
  readonly requestsPerMinute: number;
  /** Of one address, whoever asks from there; 0: as many as they like. */
  readonly addressRequestsPerMinute: number;
  /** Callers that rates are kept of; beyond, newcomers share. */
  readonly rateCounters: number;
  /** Of the security record: events that are kept, how long, and different ones that wait to be written within a second. */
  readonly securityEvents: number;
  readonly securityMs: number;
  readonly securityWaiting: number;
  /** API keys: of everybody, of one subject. */
  readonly keys: number;
  readonly subjectKeys: number;
  /** Keys and tokens that are not known, of one address. */
  readonly wrongCredentialsPerMinute: number;
  /** Wrong sign-ins of one account: from one address in 15 minutes, in all in an hour; and of one address in 15 minutes. */
  readonly signInAttempts: number;
  readonly accountSignInAttempts: number;
  readonly addressSignInAttempts: number;
  /** Requests over HTTP that are under way at once. */
  readonly requests: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 1_000_000,
  bodiesBytes: 268_435_456,
  urlBytes: 16_384,
  headerBytes: 16_384,
  jsonDepth: 64,
  pageRows: 10_000,
  embedRows: 10_000,
  embedDepth: 5,
  filterTerms: 200,
  selectItems: 200,
  listValues: 1_000,
  bulkRows: 10_000,
  batchOperations: 100,
  batchMs: 1_000,
  cascadeRows: 10_000,
  scanRows: 100_000,
  queryMs: 5_000,
  answerRows: 1_000_000,
  answerBytes: 67_108_864,
  answersBytes: 268_435_456,
  transactionMs: 5_000,
  transactionWrites: 10_000,
  transactionAttempts: 10,
  soloMs: 100,
  transactionFootprints: 10_000,
  certificationEntries: 10_000,
  certificationChanges: 50_000,
  idempotencyMs: 86_400_000,
  historyVersions: 1_000,
  idempotencyKeyLength: 255,
  idempotencyBodyBytes: 1_000_000,
  expiryLagMs: 1_000,
  jobConcurrency: 100,
  jobsWaiting: 1_000_000,
  jobBytes: 1_000_000,
  jobMs: 300_000,
  jobBackOffMs: 3_600_000,
  jobProgressMs: 1_000,
  jobInterruptions: 20,
  jobKeptMs: 604_800_000,
  jobDeadMs: 2_592_000_000,
  walBytes: 67_108_864,
  commitQueueLength: 10_000,
  commitBatchLength: 1_000,
  recordCacheBytes: 67_108_864,
  answerCacheBytes: 67_108_864,
  planCacheEntries: 1_000,
  requestMs: 30_000,
  idleS: 60,
  drainMs: 10_000,
  textLength: 1_000_000,
  ruleSteps: 10_000,
  validationIssues: 100,
  migrateInPlaceRows: 200_000,
  fileBytes: 104_857_600,
  uploadMs: 600_000,
  uploads: 64,
  pendingFiles: 1_000,
  fileGraceMs: 86_400_000,
  fileLinkMs: 604_800_000,
  migrateBatchMs: 15,
  migrateBatchRows: 2_000,
  graphqlTokens: 2_000,
  graphqlDepth: 20,
  graphqlFields: 1_000,
  graphqlAliases: 100,
  graphqlDirectives: 50,
  graphqlOperations: 20,
  graphqlBatch: 10,
  graphqlFollowedLength: 65_536,
  subscriptions: 200_000,
  subscriptionRows: 10_000,
  subscriptionsBytes: 268_435_456,
  resumeEntries: 5_000,
  decisionReadRows: 50,
  decisionSteps: 12,
  decisionCalls: 40,
  decisionShadows: 100,
  decisionRuns: 1_000,
  backtestRuns: 10_000,
  backtestDifferences: 200,
  runFollowers: 5_000,
  runFollowersOfSubject: 500,
  rowFollowers: 5_000,
  rowFollowersOfSubject: 500,
  triggerDepth: 3,
  approvalsWaiting: 100_000,
  decisionOutputTokens: 4_096,
  decisionAnswerBytes: 1_000_000,
  memoryRows: 1_000,
  memoryBytes: 4_096,
  memoryWrites: 20,
  memoryRecalled: 10,
  modelAttempts: 3,
  embeddingTexts: 64,
  embeddingLength: 8_000,
  embeddingMs: 30_000,
  embeddingQueryMs: 5_000,
  embeddingCache: 200,
  embeddingAttempts: 8,
  embeddingDelayMs: 1_000,
  embeddingDelayMaxMs: 300_000,
  auditCheckpointRecords: 1_000,
  auditCheckpointMs: 60_000,
  telemetrySpans: 2_048,
  modelFailures: 5,
  modelPauseMs: 10_000,
  heartbeatMs: 25_000,
  connectionQueueBytes: 1_048_576,
  channelSubscriptions: 200_000,
  messageBytes: 65_536,
  presenceBytes: 1_024,
  presenceEntries: 5_000,
  sockets: 20_000,
  socketSubscriptions: 100,
  socketCalls: 32,
  authMs: 10_000,
  webhookToleranceMs: 300_000,
  webhookMemoryMs: 2_592_000_000,
  outboxBodyBytes: 1_000_000,
  outboxWaiting: 100_000,
  outboxConcurrency: 128,
  outboxPerHost: 8,
  outboxMs: 30_000,
  outboxAttempts: 24,
  outboxDelayMs: 1_000,
  outboxDelayMaxMs: 21_600_000,
  outboxBreakerFailures: 5,
  outboxBreakerMs: 30_000,
  outboxAnswerBytes: 65_536,
  outboxKeptMs: 604_800_000,
  sourceMs: 10_000,
  sourceBytes: 1_000_000,
  sourceConcurrency: 32,
  sourceWaiting: 1_000,
  sourceRows: 100_000,
  sourceMissing: 10_000,
  sourceMissingMs: 60_000,
  sourceRetryMs: 1_000,
  mqttConnections: 20_000,
  mqttSessions: 20_000,
  mqttSessionsOfSubject: 5_000,
  mqttGroups: 1_000,
  mqttGroupsOfSubject: 100,
  mqttSessionMs: 604_800_000,
  mqttSubscriptions: 100,
  mqttPacketBytes: 1_048_576,
  mqttInflight: 100,
  mqttQueueMessages: 10_000,
  mqttQueueBytes: 16_777_216,
  mqttTopicAliases: 100,
  retainedMatches: 10_000,
  tickets: 10_000,
  callerTickets: 100,
  ticketMs: 30_000,
  passwordLengthMin: 8,
  passwordLengthMax: 256,
  passwordMemoryKib: 19_456,
  passwordPasses: 2,
  passwordHashes: 2,
  passwordHashesWaiting: 100,
  sessionMs: 604_800_000,
  sessionRefreshMs: 86_400_000,
  accountSessions: 100,
  mailLinkMs: 3_600_000,
  invitationMs: 604_800_000,
  tokenMs: 2_592_000_000,
  requestsPerMinute: 0,
  addressRequestsPerMinute: 0,
  rateCounters: 100_000,
  securityEvents: 1_000_000,
  securityMs: 7_776_000_000,
  securityWaiting: 1_000,
  keys: 1_000_000,
  subjectKeys: 100,
  wrongCredentialsPerMinute: 60,
  signInAttempts: 10,
  accountSignInAttempts: 100,
  addressSignInAttempts: 300,
  requests: 10_000,
};
