import * as Address from "@coterie/core/Address"
import { assert, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { maxHints, maxObservedHosts, ObservedHosts } from "../../src/peering/ObservedHosts.ts"

const addresses = (...texts: ReadonlyArray<string>) => texts.map((text) => Result.getOrThrow(Address.parse(text)))

const advertised = addresses("10.0.0.5:7000", "[2001:db8::5]:7000")

it("lists the observed hosts once each, newest first", () => {
  const hosts = new ObservedHosts()
  for (const host of ["10.0.0.5", "b", "203.0.113.7", "b"]) hosts.note(host, advertised)
  assert.deepStrictEqual(hosts.list(), ["b", "203.0.113.7", "10.0.0.5"])
})

it("drops the oldest host when there are too many", () => {
  const hosts = new ObservedHosts()
  for (let i = 0; i <= maxObservedHosts; i++) hosts.note(`10.0.1.${i}`, advertised)
  assert.strictEqual(hosts.list().length, maxObservedHosts)
  assert.notInclude(hosts.list(), "10.0.1.0")
})

it("treats an IPv4 address that is mapped into IPv6 as the IPv4 address", () => {
  const hosts = new ObservedHosts()
  assert.isUndefined(hosts.note("::ffff:10.0.0.5", advertised))
  assert.isUndefined(hosts.note("10.0.0.5", advertised))
  assert.deepStrictEqual(hosts.list(), ["10.0.0.5"])
})

it("compares IPv6 addresses in canonical form", () => {
  assert.isUndefined(new ObservedHosts().note("2001:DB8:0::5", advertised))
})

it("ignores text that is not a host", () => {
  const hosts = new ObservedHosts()
  for (const text of ["", "a b", "0.0.0.0", "::", "a\nb", "x".repeat(254), "[::1", "1:2"])
    assert.isUndefined(hosts.note(text, advertised))
  assert.deepStrictEqual(hosts.list(), [])
})

it("ignores a zone that could add a line to the log", () => {
  const hosts = new ObservedHosts()
  for (const zone of ["", "\n", "eth0\nERROR forged", "\u001b[31m", "a b", "a%b"])
    assert.isUndefined(hosts.note(`fe80::1%${zone}`, advertised))
  assert.deepStrictEqual(hosts.list(), [])
})

it("ignores the zone of an IPv6 address, which has a meaning on its own host only", () => {
  const hosts = new ObservedHosts()
  assert.isUndefined(hosts.note("fe80::1%eth1", addresses("[fe80::1%eth0]:7000")))
  assert.isUndefined(hosts.note("fe80::1%2", addresses("[fe80::1]:7000")))
  assert.deepStrictEqual(hosts.list(), ["fe80::1"])
})

it("returns one hint for each host that is not advertised, with the host and the option", () => {
  const hosts = new ObservedHosts()
  const hint = hosts.note("203.0.113.7", advertised) ?? assert.fail("expected a hint")
  assert.include(hint, "203.0.113.7")
  assert.include(hint, "10.0.0.5:7000")
  assert.include(hint, "advertise")
  assert.isUndefined(hosts.note("203.0.113.7", advertised))
  assert.isDefined(hosts.note("203.0.113.8", advertised))
})

it("returns no hint for a node that advertises a DNS name, and none for a loopback host", () => {
  const hosts = new ObservedHosts()
  assert.isUndefined(hosts.note("203.0.113.7", addresses("10.0.0.5:7000", "node.example.org:7000")))
  assert.isUndefined(hosts.note("127.0.0.1", advertised))
  assert.isUndefined(hosts.note("::1", advertised))
})

it("returns a bounded number of hints, whatever peers report", () => {
  const hosts = new ObservedHosts()
  let hints = 0
  for (let i = 0; i < 2 * maxHints; i++) if (hosts.note(`203.0.113.${i}`, advertised) !== undefined) hints++
  assert.strictEqual(hints, maxHints)
})
