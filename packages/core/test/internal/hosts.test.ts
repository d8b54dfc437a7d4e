import { assert, describe, it } from "@effect/vitest"
import { canonicalHost, canonicalIp, isLoopback, isUnspecified, unmapped } from "../../src/internal/hosts.ts"

describe("canonicalIp", () => {
  for (const [host, canonical] of [
    ["1.2.3.4", "1.2.3.4"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["::FFFF:0102:0304", "::ffff:1.2.3.4"],
    ["[::ffff:1.2.3.4]", "::ffff:1.2.3.4"],
    ["::1", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::0a", "2001:db8::a"],
    ["2001:db8:0:0:0:0:0:a", "2001:db8::a"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["fe80:0::1%eth0", "fe80::1%eth0"],
    ["::", "::"],
    ["1::", "1::"],
  ] as const) {
    it(`returns ${canonical} for ${host}`, () => assert.strictEqual(canonicalIp(host), canonical))
  }

  for (const host of [
    "",
    "a",
    "example.org",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1:2:3",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::1.2.3",
    "fe80::1%",
    "fe80::1%eth0%1",
    "fe80::1%a\nb",
  ]) {
    it(`returns nothing for "${host}", which is not an IP literal`, () => assert.isUndefined(canonicalIp(host)))
  }
})

it("isLoopback accepts only 127.0.0.0/8 and ::1", () => {
  for (const host of ["127.0.0.1", "127.8.9.1", "::1"]) assert.isTrue(isLoopback(canonicalIp(host) ?? ""))
  assert.isFalse(isLoopback("127.example.org"), "a DNS name is not an IP literal")
  for (const host of ["128.0.0.1", "::2", "10.0.0.1"]) assert.isFalse(isLoopback(canonicalIp(host) ?? ""))
})

describe("canonicalHost", () => {
  it("returns names in lower case, with their final dot, and IPv6 addresses without brackets", () => {
    for (const [host, canonical] of [
      ["Example.ORG", "example.org"],
      ["Example.ORG.", "example.org."],
      ["[0::1]", "::1"],
      ["0::1", "::1"],
      ["10.0.0.1", "10.0.0.1"],
    ] as const) {
      assert.strictEqual(canonicalHost(host), canonical)
    }
  })

  it("returns nothing for a text that is not a host", () => {
    for (const host of ["", ".", "a..b", "a b", "-a", "1.2.3", "[10.0.0.1]", "a".repeat(64)]) {
      assert.isUndefined(canonicalHost(host), host)
    }
  })
})

it("unmapped returns the IPv4 address that is mapped into IPv6, and any other address unchanged", () => {
  assert.strictEqual(unmapped("::ffff:10.0.0.1"), "10.0.0.1")
  for (const host of ["10.0.0.1", "::1", "::ffff:0:1"]) assert.strictEqual(unmapped(host), host)
})

it("isUnspecified accepts only the unspecified addresses", () => {
  for (const host of ["0.0.0.0", "::", "::ffff:0.0.0.0", "::%eth0"]) assert.isTrue(isUnspecified(host), host)
  for (const host of ["0.0.0.1", "::1", "a"]) assert.isFalse(isUnspecified(host), host)
})
