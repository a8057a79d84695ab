// Which addresses count as public: a table of hostile ones in all their clothes.
import { expect, test } from "bun:test";
import { isIn, isLoopback, isNetwork, isPublic, networks, plainAddress } from "./private-networks.ts";

const hidden = [
  "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "169.254.170.2",
  "168.63.129.16", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1",
  "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
  "::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:a00:1", "::ffff:a9fe:a9fe", "0:0:0:0:0:ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
  "100::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:db8::1", "2002:7f00:1::",
  "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "", "localhost", "1.2.3", "01.2.3.4", "1.2.3.4.5",
];
const open = ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
  "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8", "::ffff:808:808", "2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "3ffe::1"];

test("private, local, reserved and tunnelled addresses are not public", () => {
  expect(hidden.filter(isPublic)).toEqual([]);
});

test("the others are", () => {
  expect(open.filter((address) => !isPublic(address))).toEqual([]);
});

test("addresses and networks, and what lies in them", () => {
  expect(["10.0.0.0/8", "::1", "fc00::/7", "1.2.3.4/32", "::/0"].filter((text) => !isNetwork(text))).toEqual([]);
  expect(["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "host", "", "/8", "10.0.0/8"].filter(isNetwork)).toEqual([]);
  const list = networks(["10.1.0.0/16", "192.168.7.7", "fd00::/8"]);
  expect(["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203", "192.168.7.7", "fd12::1"].filter((address) => !isIn(list, address))).toEqual([]);
  expect(["10.2.0.1", "192.168.7.8", "fc00::1", "host"].filter((address) => isIn(list, address))).toEqual([]);
  expect(["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"].filter((address) => !isLoopback(address))).toEqual([]);
  expect(isLoopback("128.0.0.1")).toBe(false);
  expect([plainAddress("fe80::1%eth0"), plainAddress("::ffff:7f00:1"), plainAddress("::FFFF:127.0.0.1"), plainAddress("::2")]).toEqual(["fe80::1", "127.0.0.1", "127.0.0.1", "::2"]);
});
