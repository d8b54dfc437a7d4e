import { assert, describe, it } from "@effect/vitest"
import { connectionBetween, makeHosts } from "./parts.ts"

describe("SimConnection", () => {
  it("has two endpoints that are each other's peers", () => {
    const { acceptor, dialer } = connectionBetween(makeHosts().hosts, "a", "b")
    assert.deepStrictEqual([dialer.peer, acceptor.peer], [acceptor, dialer])
    assert.deepStrictEqual([dialer.host.name, acceptor.host.name], ["a", "b"])
    assert.deepStrictEqual([dialer.direction.to.name, acceptor.direction.to.name], ["b", "a"])
  })

  it("is open while both sides have it, and closing once one of them has ended", () => {
    const connection = connectionBetween(makeHosts().hosts, "a", "b")
    const { acceptor, dialer } = connection
    assert.strictEqual(connection.state, "opening")
    acceptor.state = "open"
    assert.strictEqual(connection.state, "opening")
    dialer.state = "open"
    assert.strictEqual(connection.state, "open")
    acceptor.state = "gone"
    assert.strictEqual(connection.state, "closing")
  })

  it("draws the send buffer of each direction", () => {
    const { conditions, hosts } = makeHosts({ "sendBuffer a>b": { 0: 77 } })
    conditions.set({ sendBuffer: { uniform: [1, 100] } })
    const { acceptor, dialer } = connectionBetween(hosts, "a", "b")
    assert.deepStrictEqual([dialer.sendBuffer, acceptor.sendBuffer], [77, 1_000])
  })
})

describe("Endpoint", () => {
  it("counts the bytes that are written, in flight, or not pulled", () => {
    const { dialer } = connectionBetween(makeHosts().hosts, "a", "b")
    dialer.outbox = [new Uint8Array(10), new Uint8Array(5)]
    dialer.offset = 4
    dialer.inFlight = 100
    dialer.unread = 1_000
    assert.strictEqual(dialer.held, 1_111)
  })

  it("has no process before it is accepted", () => {
    const { acceptor } = connectionBetween(makeHosts().hosts, "a", "b")
    acceptor.process.enqueue(() => assert.fail("no process runs this"))
  })
})
