import * as Address from "@coterie/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import { EventQueue } from "../../src/kernel/EventQueue.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import { Conditions } from "../../src/network/Conditions.ts"
import { Connections } from "../../src/network/Connections.ts"
import { ConditionCounters } from "../../src/network/ConditionCounters.ts"
import { Direction } from "../../src/network/Direction.ts"
import type { Process } from "../../src/network/Environment.ts"
import { HostTable } from "../../src/network/HostTable.ts"
import { ListenerTable } from "../../src/network/ListenerTable.ts"
import { Partitions } from "../../src/network/Partitions.ts"
import { connectionClosed } from "../../src/network/transportError.ts"
import { endOf, make, ms, pattern, reasonOf, second } from "./TestNetwork.ts"

/** Makes two nodes with a connection that both read, and makes the connection half-open. */
const halfOpen = (how: (typeof FaultPlan.HalfOpen.Type)["how"], from: "a" | "b" = "a") => {
  const world = make({ conditions: { delay: 10 * ms } })
  const link = world.linked()
  const { a, acceptor, b, dialer } = link
  const [atA, atB] = [world.hear(a, dialer), world.hear(b, acceptor)]
  world.say(a, dialer, "before")
  world.say(b, acceptor, "before")
  world.advance(second)
  world.engine.halfOpen(from, from === "a" ? "b" : "a", how)
  world.settle()
  return { ...world, ...link, atA, atB }
}

describe("Connections", () => {
  it("gone: the other end is lost at once, and this end notices at its next write", () => {
    const world = halfOpen("gone")
    assert.deepStrictEqual([endOf(world.atA), endOf(world.atB)], ["open", "closed"])
    assert.strictEqual(reasonOf(world.say(world.b, world.acceptor, "from beyond")), "closed")
    world.advance(600 * second)
    assert.strictEqual(endOf(world.atA), "open")
    assert.strictEqual(reasonOf(world.say(world.a, world.dialer, "hello?")), "succeeded")
    world.advance(20 * ms)
    assert.strictEqual(endOf(world.atA), "closed")
    assert.deepStrictEqual([world.atA.text, world.atB.text], ["before", "before"])
    assert.deepStrictEqual(world.engine.inspect().connections, [])
  })

  it("gone also works from the accepting side", () => {
    const world = halfOpen("gone", "b")
    assert.deepStrictEqual([endOf(world.atA), endOf(world.atB)], ["closed", "open"])
  })

  it("gone drops the bytes in transit from the lost end", () => {
    const world = make({ conditions: { delay: 10 * ms } })
    const { a, acceptor, b, dialer } = world.linked()
    const heard = world.hear(a, dialer)
    world.say(b, acceptor, "too late")
    world.engine.halfOpen("a", "b", "gone")
    world.advance(second)
    assert.strictEqual(heard.text, "")
  })

  it("gone is also noticed at the end of the stream", () => {
    const world = halfOpen("gone")
    world.close()
    world.advance(20 * ms)
    assert.deepStrictEqual(world.engine.inspect().connections, [])
  })

  it("deaf: written bytes do not arrive, and the writer loses the connection after the user timeout", () => {
    const world = halfOpen("deaf")
    const { a, acceptor, atA, atB, b, dialer, engine } = world
    world.advance(600 * second)
    assert.deepStrictEqual([endOf(atA), endOf(atB)], ["open", "open"])
    world.say(b, acceptor, ", and after")
    world.say(a, dialer, ", and never")
    // It is not a partition, so it cannot be healed.
    engine.heal()
    world.advance(29 * second)
    assert.deepStrictEqual([atA.text, atB.text], ["before, and after", "before"])
    assert.strictEqual(endOf(atA), "open")
    world.advance(second)
    assert.deepStrictEqual([endOf(atA), endOf(atB)], ["closed", "open"])
  })

  it("dead: written bytes do not arrive in either direction", () => {
    const world = halfOpen("dead")
    const { a, acceptor, atA, atB, b, dialer } = world
    world.say(a, dialer, ", and never")
    world.advance(second)
    world.say(b, acceptor, ", and never")
    world.advance(29 * second)
    assert.deepStrictEqual([endOf(atA), endOf(atB)], ["closed", "open"])
    world.advance(second)
    assert.deepStrictEqual([endOf(atA), endOf(atB)], ["closed", "closed"])
    assert.deepStrictEqual([atA.text, atB.text], ["before", "before"])
    assert.deepStrictEqual(world.engine.inspect().connections, [])
  })

  it("closed: the other end reads the end of the stream, and later bytes do not arrive", () => {
    const world = halfOpen("closed")
    const { a, acceptor, atA, atB, b, dialer } = world
    assert.strictEqual(endOf(atB), "open")
    world.advance(10 * ms)
    assert.strictEqual(endOf(atB), "done")
    assert.strictEqual(reasonOf(world.say(a, dialer, ", and never")), "succeeded")
    world.say(b, acceptor, ", and after")
    world.advance(second)
    assert.deepStrictEqual([atA.text, atB.text], ["before, and after", "before"])
    assert.strictEqual(endOf(atA), "open")
    world.advance(29 * second)
    assert.strictEqual(endOf(atA), "closed")
  })

  it("closed follows the bytes that were written before", () => {
    const world = make({ conditions: { delay: 10 * ms } })
    const { a, acceptor, b, dialer } = world.linked()
    const heard = world.hear(b, acceptor)
    world.say(a, dialer, "before")
    world.engine.halfOpen("a", "b", "closed")
    world.say(a, dialer, "after")
    world.advance(second)
    assert.deepStrictEqual([heard.text, heard.end], ["before", "done"])
  })

  it("makes existing connections half-open, and not later ones", () => {
    const world = halfOpen("dead")
    const { a, b, server } = world
    const { dialing } = world.connect(a, server.address)
    world.advance(second)
    const heard = world.hear(b, server.accepted[1] ?? assert.fail("the connection was not accepted"))
    world.say(a, world.result(dialing), "new")
    world.advance(second)
    assert.strictEqual(heard.text, "new")
  })

  it("does not affect a dial in progress", () => {
    for (const how of ["gone", "deaf", "dead", "closed"] as const) {
      const world = make({ conditions: { delay: 10 * ms } })
      const { a, b, server } = world.linked()
      const { dialing } = world.connect(a, server.address)
      world.advance(15 * ms)
      world.engine.halfOpen("a", "b", how)
      world.advance(5 * ms)
      const heard = world.hear(b, server.accepted[1] ?? assert.fail("the connection was not accepted"))
      world.say(a, world.result(dialing), "hello")
      world.advance(10 * ms)
      assert.deepStrictEqual([heard.text, heard.end], ["hello", undefined], how)
    }
  })

  it("leaves nothing of a half-open connection once both programs close it", () => {
    for (const how of ["gone", "deaf", "dead", "closed"] as const) {
      const world = halfOpen(how)
      world.close()
      world.server.release(0)
      world.advance(60 * second)
      assert.deepStrictEqual(world.engine.inspect().connections, [], how)
      assert.deepStrictEqual([world.engine.open("a"), world.engine.open("b")], [0, 1], how)
    }
  })

  it("resets both ends at once, and no other connections", () => {
    const world = make({ conditions: { delay: 10 * ms } })
    const { a, acceptor, b, dialer, server } = world.linked()
    const c = world.boot("c")
    const { dialing } = world.connect(c, server.address)
    world.advance(second)
    const other = world.hear(c, world.result(dialing))
    const heard = [world.hear(a, dialer), world.hear(b, acceptor)]
    world.say(a, dialer, "lost")
    world.engine.reset("b", "a")
    world.settle()
    assert.deepStrictEqual(heard.map(endOf), ["closed", "closed"])
    world.advance(second)
    assert.deepStrictEqual([heard[1]?.text, endOf(other)], ["", "open"])
    assert.strictEqual(world.engine.connections("a", "b"), 0)
    assert.strictEqual(world.engine.connections("b", "c"), 1)
  })

  it("counts the open connections of two hosts, and of a host with itself once", () => {
    const world = make()
    const { a, b, server } = world.linked()
    const own = world.serve(a)
    world.connect(b, own.address)
    world.connect(a, own.address)
    world.connect(a, server.address)
    world.advance(second)
    assert.strictEqual(world.engine.connections("a", "b"), 3)
    assert.strictEqual(world.engine.connections("b", "a"), 3)
    assert.strictEqual(world.engine.connections("a", "a"), 1)
    assert.strictEqual(world.engine.connections("a", "nobody"), 0)
  })

  it("counts the listeners and the open ends of a host", () => {
    const world = make({ conditions: { delay: 10 * ms } })
    const { a, close, dialer, engine, server } = { ...world, ...world.linked() }
    const open = () => [engine.open("a"), engine.open("b"), engine.open("nobody")]
    assert.deepStrictEqual(open(), [1, 2, 0])
    const waiting = world.connect(a, server.address)
    world.settle()
    assert.deepStrictEqual(open(), [2, 2, 0])
    world.advance(second)
    assert.deepStrictEqual(open(), [2, 3, 0])
    waiting.close()
    server.release(1)
    world.advance(second)
    assert.deepStrictEqual(open(), [1, 2, 0])
    const refused = world.connect(a, server.address)
    server.close()
    world.advance(second)
    assert.strictEqual(reasonOf(refused.dialing), "refused")
    assert.deepStrictEqual(open(), [1, 1, 0])
    close()
    world.advance(second)
    // The end has ended and waits for the other side.
    assert.deepStrictEqual(open(), [1, 1, 0])
    assert.strictEqual(reasonOf(world.say(a, dialer, "closed")), "closed")
    world.advance(5 * second)
    assert.deepStrictEqual(open(), [0, 1, 0])
    server.release(0)
    world.advance(second)
    assert.deepStrictEqual(open(), [0, 0, 0])
  })

  it("counts the delivered bytes in each direction", () => {
    const world = make()
    const { a, acceptor, b, dialer } = world.linked()
    world.say(a, dialer, pattern(700))
    world.say(b, acceptor, pattern(30))
    world.advance(second)
    assert.deepStrictEqual([world.engine.bytes("a", "b"), world.engine.bytes("b", "a")], [700, 30])
    assert.strictEqual(world.engine.bytes("a", "c"), 0)
  })

  it("keeps nothing of an ended connection", () => {
    const draws = Draws.seeded(1)
    const events = new EventQueue()
    const process: Process = { enqueue: (task) => task() }
    const counters = new ConditionCounters()
    const conditions = new Conditions(draws, counters)
    const hosts = new HostTable((from, to) => new Direction(from, to, conditions, new Partitions()))
    const micros = { connectTimeout: second, userTimeout: second, linger: second }
    const connections = new Connections({
      environment: {
        timeline: { now: () => 0, schedule: (at, run) => events.schedule(at, run) },
        draws,
        process: () => process,
      },
      counters,
      listeners: new ListenerTable(),
      sendBuffer: 1000,
      ...micros,
    })
    const [a, b] = [hosts.get("a"), hosts.get("b")]
    const there = hosts.direction(a, b)
    const address = Result.getOrThrow(Address.make("b", 1))
    const dialer = connections.dial({ host: a, process, alive: true }, address, there, hosts.direction(b, a))
    assert.deepStrictEqual([...connections.table.dialedIn(there)], [dialer.connection])
    connections.abortDial(dialer, connectionClosed(dialer))
    const { table } = connections
    assert.deepStrictEqual([table.size, table.dialedIn(there).size, a.endpoints], [0, 0, 0])
    assert.isUndefined(events.peek())
  })
})
