import { assert, describe, it } from "@effect/vitest"
import { Endpoint } from "../../src/network/Endpoint.ts"
import { connectionBetween, makeHosts } from "./parts.ts"

const make = () => connectionBetween(makeHosts().hosts, "a", "b")

describe("Endpoint", () => {
  it("is at the host from which its direction leads", () => {
    const { acceptor, dialer } = make()
    assert.deepStrictEqual([dialer.host.name, dialer.direction.to.name], ["a", "b"])
    assert.deepStrictEqual([acceptor.host.name, acceptor.direction.to.name], ["b", "a"])
  })

  it("has the other endpoint of its connection as its peer", () => {
    const { acceptor, dialer } = make()
    assert.strictEqual(dialer.peer, acceptor)
    assert.strictEqual(acceptor.peer, dialer)
  })

  it("counts the bytes that wait to be sent, are in flight, or are unread", () => {
    const { dialer } = make()
    assert.strictEqual(dialer.held, 0)
    dialer.outbox = [new Uint8Array(10), new Uint8Array(5)]
    assert.strictEqual(dialer.held, 15)
    dialer.offset = 4
    dialer.inFlight = 100
    dialer.unread = 1_000
    assert.strictEqual(dialer.held, 1_111)
  })

  it("passes itself to its callback when its first segment is due", () => {
    const connection = make()
    const due: Array<Endpoint> = []
    const endpoint = new Endpoint(connection, connection.dialer.direction, 1, (it) => void due.push(it))
    const { onDue } = endpoint
    onDue()
    assert.deepStrictEqual(due, [endpoint])
  })

  it("drops the tasks of its program until a process has accepted it", () => {
    const { acceptor } = make()
    acceptor.process.enqueue(() => assert.fail("no process runs this"))
    assert.strictEqual(acceptor.state, "opening")
  })
})
