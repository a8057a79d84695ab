// MQTT beside HTTP: the broker of the process with its sessions in the data file, its ports, and its place at the HTTP listener.
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { LineLog } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { SocketPort } from "../interfaces/http/served-app.ts";
import { Broker } from "../interfaces/mqtt/broker.ts";
import { listenMqtt, mqttSockets, type MqttListeners, type MqttListenOptions } from "../interfaces/mqtt/mqtt-listener.ts";
import type { MqttApp } from "../interfaces/mqtt/topic-source.ts";
import { MqttGroups } from "../resources/mqtt-groups.ts";
import { MqttSessions } from "../resources/mqtt-sessions.ts";
import type { Storage } from "../storage/open-storage.ts";

export interface MqttServiceParts {
  readonly storage: Storage;
  readonly current: () => MqttApp;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LineLog;
}

/** Ports are null where config.yaml asks for none. */
export interface MqttView {
  readonly port: number | null;
  readonly tlsPort: number | null;
  stats(): Readonly<Record<string, number>>;
}

export interface MqttService {
  readonly sockets: SocketPort;
  readonly view: MqttView;
  /** Another app serves from now on. */
  replaced(): void;
  /** Throws PORT_IN_USE or CONFIG. */
  listen(options: MqttListenOptions): void;
  renew(tls: NonNullable<MqttListenOptions["tls"]>): void;
  /** Ends all connections at once, and lets what is under way finish for `drainMs`. */
  stop(drainMs: number): Promise<void>;
}

export function createMqttService({ storage, current, clock, random, log }: MqttServiceParts): MqttService {
  const limits = (): Limits => current().limits;
  const broker = new Broker({ current, clock, random, log, store: new MqttSessions({ storage, clock, limits }), groups: new MqttGroups({ storage, limits }) });
  broker.served();
  let listeners: MqttListeners | null = null;
  return {
    sockets: mqttSockets(broker),
    view: {
      get port() { return listeners?.port ?? null; },
      get tlsPort() { return listeners?.tlsPort ?? null; },
      stats: () => broker.stats(),
    },
    replaced: () => broker.served(),
    listen(options) { listeners = listenMqtt(broker, options); },
    renew: (tls) => listeners?.renew(tls),
    async stop(drainMs) {
      listeners?.stop(false);
      await broker.stop(drainMs);
      listeners?.stop(true);
    },
  };
}
