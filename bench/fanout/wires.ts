// What clients of bench/fanout say and hear, byte by byte: WebSocket frames and MQTT 3.1.1 packets, and how many messages are in one.

/** One whole frame or packet from `from` on; null: not all of it is there. */
export interface Piece { readonly start: number; readonly end: number }

export interface Wire {
  /** Each is sent when the answer to the one before is there. */
  readonly opening: readonly { readonly send: Buffer; readonly answers: number }[];
  publish(topic: string, text: string): Buffer;
  /** Null: there is only the beginning of one. */
  piece(bytes: Buffer, from: number): Piece | null;
  /** Texts of the messages in it, none where it is about something else. */
  messages(payload: Buffer): readonly string[];
}

export interface WebSocketWireOptions {
  readonly path: string;
  readonly token: string | null;
  /** Sent first, and how many frames answer it. */
  readonly subscribe: { readonly text: string; readonly answers: number } | null;
  readonly publishText: (topic: string, text: string) => string;
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The answer to the upgrade counts as a piece. */
export function webSocketWire({ path, token, subscribe, publishText }: WebSocketWireOptions): Wire {
  const authorization = token === null ? "" : `Authorization: Bearer ${token}\r\n`;
  const upgrade = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${authorization}\r\n`);
  return {
    opening: [{ send: upgrade, answers: 1 }, ...(subscribe === null ? [] : [{ send: clientFrame(subscribe.text), answers: subscribe.answers }])],
    publish: (topic, text) => clientFrame(publishText(topic, text)),
    piece: webSocketPiece,
    messages(payload) {
      if (payload[0] !== OPEN_BRACE) return [];
      const frame = JSON.parse(payload.toString()) as { readonly op: string; readonly messages?: readonly unknown[]; readonly problem?: unknown };
      if (frame.op === "error") throw new Error(payload.toString());
      return frame.op === "message" ? frame.messages!.map((message) => (message as { text: string }).text) : [];
    },
  };
}

const OPEN_BRACE = 0x7b;

/** A text of the client: masked with zeros. */
export function clientFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]) : Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, body]);
}

function webSocketPiece(bytes: Buffer, from: number): Piece | null {
  if (bytes.length < from + 2) return null;
  if (bytes[from] === 0x48) {
    const end = bytes.indexOf("\r\n\r\n", from);
    if (end >= 0 && !bytes.subarray(from, from + 12).equals(Buffer.from("HTTP/1.1 101"))) throw new Error(bytes.subarray(from, from + 300).toString());
    return end < 0 ? null : { start: from, end: end + 4 };
  }
  const short = bytes[from + 1]! & 0x7f;
  const start = from + (short < 126 ? 2 : short === 126 ? 4 : 10);
  if (bytes.length < start) return null;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(from + 2) : Number(bytes.readBigUInt64BE(from + 2));
  return bytes.length < start + length ? null : { start, end: start + length };
}

export interface MqttWireOptions { readonly topic: string; readonly token: string | null; readonly publishText: (text: string) => string }

let clients = 0;

export function mqttWire({ topic, token, publishText }: MqttWireOptions): Wire {
  return {
    get opening() {
      return [
        { send: packet(0x10, [field("MQTT"), Buffer.from([4, token === null ? 0x02 : 0xc2, 0, 0]), field(`bench-${++clients}`), ...(token === null ? [] : [field("bench"), field(token)])]), answers: 1 },
        { send: packet(0x82, [Buffer.from([0, 1]), field(topic), Buffer.from([0])]), answers: 1 },
      ];
    },
    publish: (to, text) => packet(0x30, [field(to), Buffer.from(publishText(text))]),
    piece: mqttPiece,
    messages(payload) {
      if (payload[0] !== OPEN_BRACE && payload.indexOf(OPEN_BRACE) < 0) return [];
      const body = payload.subarray(payload.indexOf(OPEN_BRACE));
      return [(JSON.parse(body.toString()) as { text: string }).text];
    },
  };
}

function field(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from([body.length >> 8, body.length & 255]), body]);
}

function packet(type: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

function mqttPiece(bytes: Buffer, from: number): Piece | null {
  let [length, shift, at] = [0, 0, from + 1];
  for (;; at++, shift += 7) {
    if (at >= bytes.length) return null;
    length |= (bytes[at]! & 127) << shift;
    if (bytes[at]! < 128) break;
  }
  const [start, end] = [at + 1, at + 1 + length];
  if (bytes.length < end) return null;
  const type = bytes[from]! >> 4;
  if (type === 2 && bytes[start + 1] !== 0) throw new Error(`CONNACK ${bytes[start + 1]}`);
  if (type === 9 && bytes[end - 1]! > 2) throw new Error("SUBACK: refused");
  return { start, end };
}
