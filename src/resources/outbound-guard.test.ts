// Whom the guard lets the app call, with a resolver that says what the test wants.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { createOutboundGuard } from "./outbound-guard.ts";

const names: Readonly<Record<string, readonly string[]>> = {
  "good.example": ["93.184.216.34"], "rebound.example": ["169.254.169.254"], "mixed.example": ["93.184.216.34", "10.0.0.1"], "mapped.example": ["::ffff:10.0.0.1"],
  "six.example": ["2606:4700::1"], "empty.example": [], "internal.example": ["10.1.2.3"], localhost: ["::1", "127.0.0.1"], "sub.localhost": ["127.0.0.1"], "good.example.": ["10.0.0.1"],
};

async function verdict(url: string, allowPrivate: readonly string[] = [], loopbackOnly = false): Promise<string> {
  const guard = createOutboundGuard({ allowPrivate, loopbackOnly, lookup: async (host) => names[host] ?? [] });
  try {
    return (await guard.addressesOf(new URL(url))).join(" ");
  } catch (error) {
    if (error instanceof AmbitError && error.code === "OUTBOUND_REFUSED") return "refused";
    throw error;
  }
}

test("names and addresses of the public internet", async () => {
  expect(await verdict("https://good.example/x")).toBe("93.184.216.34");
  expect(await verdict("https://GOOD.example./x")).toBe("93.184.216.34");
  expect(await verdict("https://six.example/")).toBe("2606:4700::1");
  expect(await verdict("http://8.8.8.8:8080/")).toBe("8.8.8.8");
  expect(await verdict("http://[2606:4700::1]/")).toBe("2606:4700::1");
});

test("everything that leads into a private network, however it is written", async () => {
  const hostile = [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://0/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[0:0:0:0:0:ffff:7f00:1]/",
    "http://localhost/", "http://LOCALHOST./", "http://sub.localhost/", "http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://①②⑦.0.0.1/", "http://127。0。0。1/",
    "http://rebound.example/", "http://mixed.example/", "http://mapped.example/", "http://internal.example/", "http://empty.example/", "http://unknown.example/",
    "ftp://good.example/", "file:///etc/passwd", "data:text/plain,x", "gopher://good.example/", "http://user@good.example/", "http://user:pass@good.example/", "http://good.example@127.0.0.1/",
  ];
  expect(await Promise.all(hostile.map(async (url) => [url, await verdict(url)]))).toEqual(hostile.map((url) => [url, "refused"]));
});

test("what is named is allowed, and no more", async () => {
  expect(await verdict("http://localhost:3000/", ["localhost"])).toBe("::1 127.0.0.1");
  expect(await verdict("http://127.0.0.1/", ["localhost"])).toBe("refused");
  expect(await verdict("http://internal.example/", ["internal.example"])).toBe("10.1.2.3");
  expect(await verdict("http://internal.example/", ["INTERNAL.example."])).toBe("10.1.2.3");
  expect(await verdict("http://internal.example/", ["10.1.0.0/16"])).toBe("10.1.2.3");
  expect(await verdict("http://mapped.example/", ["10.0.0.0/8"])).toBe("10.0.0.1");
  expect(await verdict("http://internal.example/", ["10.2.0.0/16", "other.example"])).toBe("refused");
  expect(await verdict("http://sub.internal.example/", ["internal.example"])).toBe("refused");
  expect(await verdict("ftp://internal.example/", ["internal.example"])).toBe("refused");
});

test("tests call this machine alone, and look no name up", async () => {
  let lookups = 0;
  const guard = createOutboundGuard({ allowPrivate: ["localhost", "127.0.0.1"], loopbackOnly: true, lookup: async () => { lookups++; return ["127.0.0.1"]; } });
  for (const url of ["http://good.example/", "http://8.8.8.8/"]) expect(guard.addressesOf(new URL(url))).rejects.toThrow("tests may not call");
  expect(lookups).toBe(0);
  expect(await guard.addressesOf(new URL("http://127.0.0.1/"))).toEqual(["127.0.0.1"]);
  expect(await guard.addressesOf(new URL("http://localhost/"))).toEqual(["127.0.0.1"]);
  // What is only stored may be for others.
  guard.check(new URL("http://good.example/"));
});
