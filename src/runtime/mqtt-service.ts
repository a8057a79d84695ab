// MQTT beside HTTP: the broker of the process with its sessions in the data file, its ports, and its place at the HTTP listener.
import type { Clock } from "../base/clock.ts";
import type { LineLog } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { SocketPort } from "../interfaces/http/served-app.ts";
import { Broker } from "../interfaces/mqtt/broker.ts";
import { listenMqtt, mqttSockets, type MqttListeners, type MqttListenOptions } from "../interfaces/mqtt/mqtt-listener.ts";
import type { MqttApp } from "../interfaces/mqtt/topic-source.ts";
import { MqttSessions } from "../resources/mqtt-sessions.ts";
import type { Storage } from "../storage/open-storage.ts";

export interface MqttServiceParts {
  readonly storage: Storage;
  readonly current: () => MqttApp;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LineLog;
}

export interface MqttService {
  readonly sockets: SocketPort;
  /** Those that config.yaml asks for; null: none. */
  readonly ports: { readonly port: number | null; readonly tlsPort: number | null };
  /** Another app serves from now on. */
  replaced(): void;
  /** Throws PORT_IN_USE or CONFIG. */
  listen(options: MqttListenOptions): void;
  stats(): Readonly<Record<string, number>>;
  /** Ends all connections at once, and lets what is under way finish for `drainMs`. */
  stop(drainMs: number): Promise<void>;
}

export function createMqttService({ storage, current, clock, random, log }: MqttServiceParts): MqttService {
  const broker = new Broker({ current, clock, random, log, store: new MqttSessions({ storage, clock, limits: () => current().limits }) });
  broker.served();
  let listeners: MqttListeners | null = null;
  return {
    sockets: mqttSockets(broker),
    get ports() { return { port: listeners?.port ?? null, tlsPort: listeners?.tlsPort ?? null }; },
    replaced: () => broker.served(),
    listen(options) { listeners = listenMqtt(broker, options); },
    stats: () => broker.stats(),
    stop(drainMs) {
      listeners?.stop();
      return broker.stop(drainMs);
    },
  };
}
