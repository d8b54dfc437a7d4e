import { assert, describe, it } from "@effect/vitest"
import { connectionBetween, makeHosts } from "./parts.ts"

describe("HostTable", () => {
  it("makes a host when it is first named, however the name is written", () => {
    const { hosts } = makeHosts()
    assert.isUndefined(hosts.find("a"))
    const host = hosts.get("A")
    assert.strictEqual(host.name, "a")
    assert.strictEqual(hosts.get("a"), host)
    assert.strictEqual(hosts.find("A"), host)
  })

  it("makes one direction for each way between two hosts", () => {
    const { hosts } = makeHosts()
    const [a, b] = [hosts.get("a"), hosts.get("b")]
    assert.isUndefined(hosts.findDirection("a", "b"))
    const there = hosts.direction(a, b)
    assert.strictEqual(hosts.direction(a, b), there)
    assert.strictEqual(hosts.findDirection("A", "B"), there)
    assert.deepStrictEqual([there.from, there.to], [a, b])
    assert.notStrictEqual(hosts.direction(b, a), there)
  })

  it("lists the connections between two hosts in the order of dialing, whoever dialed", () => {
    const { hosts } = makeHosts()
    const connections = [
      connectionBetween(hosts, "a", "b", 1),
      connectionBetween(hosts, "b", "a", 2),
      connectionBetween(hosts, "a", "b", 3),
    ]
    connectionBetween(hosts, "a", "c", 4)
    assert.deepStrictEqual(hosts.connections("a", "b"), connections)
    assert.deepStrictEqual(hosts.connections("b", "a"), connections)
    assert.deepStrictEqual(hosts.connections("b", "c"), [])
  })

  it("lists the connections of a host with itself once", () => {
    const { hosts } = makeHosts()
    const own = connectionBetween(hosts, "a", "a")
    assert.deepStrictEqual(hosts.connections("a", "a"), [own])
  })
})
