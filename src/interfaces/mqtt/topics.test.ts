// Names of topics and filters, and the bytes of packets: against mqtt-packet, which reads what is written here.
import { expect, test } from "bun:test";
import { generate, parser, type IPublishPacket } from "mqtt-packet";
import { Message } from "./message.ts";
import { PacketFault, PacketReader } from "./packet-reader.ts";
import { readFilter, readTopic, topicText } from "./topics.ts";

test("topics: two levels; what a level cannot hold is escaped, and comes back", () => {
  for (const key of ["42", "a b", "a/b", "+", "#", "100%", "%2F", "ä€😀", "a\nb"]) expect(readTopic(topicText("Item", key))).toEqual({ name: "Item", key });
  expect(topicText("Item", "a/b+c#d%e\0")).toBe("Item/a%2Fb%2Bc%23d%25e%00");
  for (const none of ["", "Item", "Item/", "/42", "Item/4/2", "Item/+", "#", "Item/%zz", "a\0/b", "a\ufffd/b", `Item/${"x".repeat(2_000)}`]) expect(readTopic(none)).toBe(null);
});

test("filters: one key, all keys, everything; what can match nothing; what is none", () => {
  const filters: Readonly<Record<string, object | null>> = {
    "Item/42": { name: "Item", key: "42" }, "Item/+": { name: "Item", key: null }, "Item/#": { name: "Item", key: null }, "#": { name: null, key: null }, "+/+": { name: null, key: null },
    "+/42": { name: null, key: "42" }, "Item/42/#": { name: "Item", key: "42" }, Item: null, "+": null, "a/b/c": null, "a/b/c/d": null, "/42": null,
  };
  for (const [text, meaning] of Object.entries(filters)) expect<unknown>([text, readFilter(text)]).toEqual([text, meaning === null ? null : { group: null, ...meaning }]);
  expect(readFilter("$share/g/Item/+")).toEqual({ group: "g", name: "Item", key: null });
  for (const wrong of ["", "a+/b", "a/b#", "#/a", "Item/#/a", "$share", "$share//a/b", "$share/+/a/b", "a\0/b"]) expect(() => readFilter(wrong)).toThrow();
});

function parsed(bytes: Uint8Array, version: number): IPublishPacket {
  const packets: IPublishPacket[] = [];
  const reader = parser({ protocolVersion: version });
  reader.on("packet", (packet) => packets.push(packet as IPublishPacket));
  reader.on("error", (error: unknown) => { throw error; });
  expect(reader.parse(Buffer.from(bytes))).toBe(0);
  expect(packets.length).toBe(1);
  return packets[0]!;
}

test("a message is the packet that it says, in each version, and shared where receivers get the same", () => {
  const userProperties = { one: "1", two: ["2", "zwei"] };
  for (const size of [0, 1, 100, 127, 128, 16_383, 20_000, 2_100_000]) {
    const message = new Message({ topic: "Item/ä", payload: Buffer.alloc(size, 65), expiresAtMs: 61_500, properties: { contentType: "text/plain", responseTopic: "a/b", correlationData: Buffer.from([0, 1]), userProperties, payloadFormatIndicator: true } });
    const packet = parsed(message.packet({ version: 5, qos: 2, retain: true, isRepeated: true, packet: 513, identifier: 200 }, 1_000), 5);
    expect(packet).toMatchObject({ topic: "Item/ä", qos: 2, retain: true, dup: true, messageId: 513 });
    expect(packet.payload.length).toBe(size);
    expect(packet.properties).toMatchObject({ messageExpiryInterval: 61, subscriptionIdentifier: 200, contentType: "text/plain", responseTopic: "a/b", payloadFormatIndicator: true });
    expect({ ...packet.properties!.userProperties }).toEqual(userProperties);
    const plain = parsed(message.packet({ version: 4, qos: 0, retain: false, isRepeated: false, packet: 0, identifier: null }, 0), 4);
    expect([plain.topic, plain.payload.length, plain.qos, plain.retain]).toEqual(["Item/ä", size, 0, false]);
  }
  const shared = new Message({ topic: "a/b", payload: Buffer.from("x") });
  const how = { version: 5, qos: 0, retain: false, isRepeated: false, packet: 0, identifier: null } as const;
  expect(shared.packet(how, 0)).toBe(shared.packet({ ...how }, 5));
  expect(shared.packet({ ...how, version: 4 }, 0)).not.toBe(shared.packet(how, 0));
});

test("packets come out of any pieces that their bytes come in, and none is longer than permitted", () => {
  const packets = [generate({ cmd: "pingreq" }), generate({ cmd: "publish", topic: "a/b", payload: "x".repeat(300), qos: 1, messageId: 1, dup: false, retain: false }), generate({ cmd: "subscribe", messageId: 2, subscriptions: [{ topic: "a/+", qos: 2 }] })];
  const bytes = Buffer.concat([...packets, ...packets]);
  for (const piece of [1, 2, 3, 7, 100, 1_000]) {
    const reader = new PacketReader(() => 1_000);
    const found: string[] = [];
    for (let from = 0; from < bytes.length; from += piece) {
      reader.add(bytes.subarray(from, from + piece));
      for (let packet = reader.next(); packet !== null; packet = reader.next()) found.push(packet.cmd);
    }
    expect([piece, found, reader.bytes]).toEqual([piece, ["pingreq", "publish", "subscribe", "pingreq", "publish", "subscribe"], 0]);
  }
  const narrow = new PacketReader(() => 100);
  narrow.add(packets[1]!);
  expect(() => narrow.next()).toThrow(PacketFault);
});
