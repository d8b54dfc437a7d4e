import { assert, describe, it } from "@effect/vitest"
import { canonicalIp, isLoopback } from "../../src/internal/hosts.ts"

describe("canonicalIp", () => {
  for (const [host, canonical] of [
    ["1.2.3.4", "1.2.3.4"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::FFFF:0102:0304", "1.2.3.4"],
    ["[::ffff:1.2.3.4]", "1.2.3.4"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1"],
    ["2001:DB8::0a", "2001:db8:0:0:0:0:0:a"],
    ["2001:db8:0:0:0:0:0:a", "2001:db8:0:0:0:0:0:a"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0:0:0:c000:201"],
    ["fe80::1%eth0", "fe80:0:0:0:0:0:0:1%eth0"],
    ["::", "0:0:0:0:0:0:0:0"],
  ] as const) {
    it(`returns ${canonical} for ${host}`, () => assert.strictEqual(canonicalIp(host), canonical))
  }

  for (const host of [
    "",
    "a",
    "example.org",
    "1.2.3",
    "1.2.3.256",
    "1:2:3",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::1.2.3",
    "fe80::1%",
    "fe80::1%eth0%1",
    "fe80::1%a\nb",
  ]) {
    it(`returns nothing for "${host}", which is no IP literal`, () => assert.isUndefined(canonicalIp(host)))
  }
})

it("isLoopback accepts all of 127.0.0.0/8 and ::1, and nothing else", () => {
  for (const host of ["127.0.0.1", "127.8.9.1", "::1"]) assert.isTrue(isLoopback(canonicalIp(host) ?? ""))
  assert.isFalse(isLoopback("127.example.org"), "a DNS name is no address")
  for (const host of ["128.0.0.1", "::2", "10.0.0.1"]) assert.isFalse(isLoopback(canonicalIp(host) ?? ""))
})
