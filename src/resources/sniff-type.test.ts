import { expect, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { sniffType } from "./sniff-type.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("types are what the bytes say", async () => {
  for (const [head, type] of [
    [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44), "image/png"],
    [Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), "image/jpeg"], [bytes("%PDF-1.7"), "application/pdf"], [bytes("GIF89a"), "image/gif"],
    [bytes("<html><script>"), "text/plain"], [bytes("{\"a\": 1}\n"), "text/plain"], [bytes("Zürich\t→\r\n"), "text/plain"], [bytes(""), "text/plain"],
    [bytes("Zürich").subarray(0, 2), "text/plain"], [bytes("a\u0000b"), "application/octet-stream"], [Uint8Array.of(0xc3, 0x28), "application/octet-stream"],
    [bytes("\u001b[31m"), "application/octet-stream"],
  ] as const) expect([new TextDecoder().decode(head), await sniffType(head)]).toEqual([new TextDecoder().decode(head), type]);
});

test("what is packed is not unpacked without bound, and what is broken does not break it", async () => {
  const bomb = deflateRawSync(new Uint8Array(4_000_000));
  const name = bytes("[Content_Types].xml");
  const header = new DataView(new ArrayBuffer(30));
  [[0, 0x04034b50], [18, bomb.length], [22, 4_000_000]].forEach(([at, value]) => header.setUint32(at!, value!, true));
  [[4, 20], [8, 8], [26, name.length]].forEach(([at, value]) => header.setUint16(at!, value!, true));
  const zip = Buffer.concat([new Uint8Array(header.buffer), name, bomb]).subarray(0, 4_100);
  expect(await sniffType(zip)).toMatch(/^application\/|^text\//);
  for (let seed = 0; seed < 300; seed++) {
    const noise = new Uint8Array(64).map((_, index) => (seed * 31 + index * index * 7) & 255);
    for (const start of [[0x50, 0x4b, 3, 4], [0x1a, 0x45, 0xdf, 0xa3], [0x4f, 0x67, 0x67, 0x53], [0x30, 0x26, 0xb2, 0x75], [0x49, 0x49, 0x2a, 0], []]) {
      noise.set(start);
      expect(await sniffType(noise)).toContain("/");
    }
  }
});
