import { assert, describe, it } from "@effect/vitest"
import type * as Transport from "@coterie/core/Transport"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as Prng from "../../src/kernel/Prng.ts"
import { endOf, make, ms, pattern, reasonOf, second } from "./TestNetwork.ts"

/** Draws a network with about half of all conditions, each of them harsh. */
const mixture = (random: Prng.Prng): FaultPlan.Network => {
  const maybe = (conditions: FaultPlan.Network): FaultPlan.Network => (random.next() < 0.5 ? conditions : {})
  return {
    ...maybe({ delay: { exponential: { min: 0, mean: 40 * ms } } }),
    ...maybe({ delay: { tail: { chance: 0.1, is: 2 * second, otherwise: ms } } }),
    ...maybe({ distance: { uniform: [0, 30 * ms] } }),
    ...maybe({ loss: { uniform: [0, 0.2] } }),
    ...maybe({ bandwidth: { logUniform: [20_000, 10_000_000] } }),
    ...maybe({ queue: { uniform: [500, 20_000] } }),
    ...maybe({ split: { uniform: [0, 0.9] } }),
    ...maybe({ sendBuffer: { logUniform: [100, 100_000] } }),
  }
}

/** Writes a text in many sizes in one direction, and then ends the direction. */
const send = (
  world: ReturnType<typeof make>,
  node: Parameters<typeof world.say>[0],
  connection: Transport.Connection,
  random: Prng.Prng,
): string => {
  let said = ""
  let last: ReturnType<typeof world.say> | undefined
  for (let i = 0; i < 20; i++) {
    const words = pattern(1 + Math.floor(random.next() ** 3 * 4000), said.length)
    last = world.say(node, connection, words)
    said += words
    for (let waits = 0; last.exit === undefined; waits++) {
      assert.isBelow(waits, 100_000)
      world.advance(100 * ms)
    }
    if (random.next() < 0.3) world.advance(Math.floor(random.next() * 300 * ms))
  }
  node.fork(connection.end)
  return said
}

describe("Delivery", () => {
  it("keeps the order and the bytes under every mixture of conditions", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = Prng.make(seed, "mixture")
      // Retries at a queue that is always full take longer than in a real system.
      const world = make({ seed, conditions: mixture(random), userTimeout: "1 hour" })
      const { a, acceptor, b, dialer } = world.linked()
      const [atA, atB] = [world.hear(a, dialer), world.hear(b, acceptor)]
      const there = send(world, a, dialer, random)
      if (random.next() < 0.5) {
        const undo = world.engine.partition(["a"], ["b"])
        world.advance(random.next() < 0.5 ? second : 20 * second)
        undo()
      }
      const back = send(world, b, acceptor, random)
      world.advance(7200 * second)
      assert.strictEqual(atB.text, there, `seed ${seed}, there`)
      assert.strictEqual(atA.text, back, `seed ${seed}, back`)
      assert.deepStrictEqual([atA.end, atB.end], ["done", "done"], `seed ${seed}`)
    }
  })

  it("repeats the same run with the same seed, and with the recorded draws", () => {
    const run = (seed: number, draws: Draws.Draws) => {
      const random = Prng.make(seed, "mixture")
      const world = make({ draws, conditions: mixture(random), userTimeout: "1 hour" })
      const { a, acceptor, b, dialer } = world.linked()
      world.hear(a, dialer)
      world.hear(b, acceptor)
      send(world, a, dialer, random)
      const undo = world.engine.isolate("a")
      world.advance(second)
      undo()
      send(world, b, acceptor, random)
      world.advance(3600 * second)
      return world
    }
    let drawn = 0
    for (let seed = 1; seed <= 15; seed++) {
      const first = run(seed, Draws.seeded(seed))
      assert.deepStrictEqual(run(seed, Draws.seeded(seed)).observations, first.observations, `seed ${seed}`)
      const deviations = first.draws.deviations()
      const again = run(seed, Draws.replaying(deviations))
      assert.deepStrictEqual(again.observations, first.observations, `seed ${seed}, replayed`)
      assert.deepStrictEqual(again.draws.deviations(), deviations, `seed ${seed}, replayed`)
      drawn += Object.keys(deviations).length
    }
    assert.isAbove(drawn, 100)
  })

  it("times out if nothing arrives for the user timeout, and only the sender gets the error", () => {
    const world = make({ userTimeout: "10 seconds" })
    const { a, acceptor, b, dialer } = world.linked()
    const [atA, atB] = [world.hear(a, dialer), world.hear(b, acceptor)]
    world.engine.clog("a", "b")
    const began = world.now()
    world.say(a, dialer, "lost")
    world.advance(5 * second)
    world.say(a, dialer, "lost, too")
    world.advance(5 * second - 1)
    assert.isUndefined(atA.end)
    world.advance(1)
    assert.strictEqual(atA.endedAt, began + 10 * second)
    assert.strictEqual(endOf(atA), "closed")
    assert.include(String(atA.end), "timed out")
    assert.strictEqual(reasonOf(world.say(a, dialer, "more")), "closed")
    assert.strictEqual(world.engine.fired()["timeout"], 1)
    world.engine.heal()
    world.advance(second)
    assert.deepStrictEqual([atB.text, atB.end], ["", undefined])
    // A write to the lost end is reset.
    world.say(b, acceptor, "hello?")
    world.advance(second)
    assert.strictEqual(endOf(atB), "closed")
    assert.deepStrictEqual(world.engine.inspect().connections, [])
  })

  it("fails a waiting write when the connection times out", () => {
    const world = make({ userTimeout: "10 seconds" })
    const { a, dialer } = world.linked()
    world.engine.clog("a", "b")
    const writing = world.say(a, dialer, pattern(100_000))
    world.advance(10 * second)
    assert.strictEqual(reasonOf(writing), "closed")
  })

  it("counts the user timeout from the last progress", () => {
    const world = make({ userTimeout: "10 seconds", draws: Draws.replaying({ "bandwidth a>b": { 0: 1000 } }) })
    const { a, acceptor, b, dialer } = world.linked()
    world.engine.setConditions({ bandwidth: 1000 })
    const heard = world.hear(b, acceptor)
    for (let i = 0; i < 5; i++) world.say(a, dialer, pattern(9000, i * 9000))
    world.advance(46 * second)
    assert.strictEqual(heard.text, pattern(45_000))
  })

  it("loses the connection of a segment whose losses exceed the user timeout", () => {
    const world = make({ userTimeout: "10 seconds", draws: Draws.replaying({ "loss a>b": { 0: 1_000_000 } }) })
    const { a, dialer } = world.linked()
    world.engine.setConditions({ loss: 0.1 })
    const heard = world.hear(a, dialer)
    const began = world.now()
    world.say(a, dialer, "lost")
    world.advance(3600 * second)
    assert.strictEqual(heard.endedAt, began + 10 * second)
    assert.deepStrictEqual(
      world.observations.flatMap((event) => (event._tag === "Dropped" ? [event.segment] : [])),
      [1],
    )
  })

  it("waits between two retransmissions, however often a segment was lost", () => {
    const world = make({
      draws: Draws.replaying({
        "bandwidth a>b": { 0: 1000 },
        "queue a>b": { 0: 1000 },
        "loss a>b": { 1: 1_000_000 },
      }),
    })
    const { a, dialer } = world.linked()
    world.engine.setConditions({ bandwidth: 1, queue: 1, loss: 1 })
    const heard = world.hear(a, dialer)
    world.say(a, dialer, pattern(1000))
    world.say(a, dialer, pattern(1000))
    world.advance(60 * second)
    assert.strictEqual(endOf(heard), "closed")
  })

  it("does not time out while the other end does not pull", () => {
    const world = make({ userTimeout: "10 seconds" })
    const { a, acceptor, b, dialer } = world.linked()
    const atA = world.hear(a, dialer)
    const writing = world.say(a, dialer, pattern(100_000))
    world.advance(600 * second)
    assert.isUndefined(atA.end)
    assert.isUndefined(writing.exit)
    const heard = world.hear(b, acceptor)
    world.advance(second)
    assert.strictEqual(heard.text, pattern(100_000))
  })

  it("fails a dial that does not arrive as unreachable after the user timeout, and leaves nothing", () => {
    const world = make({ userTimeout: "10 seconds" })
    const { a, server } = world.linked()
    world.engine.partition(["a"], ["b"])
    const { dialing } = world.connect(a, server.address)
    const began = world.now()
    world.advance(600 * second)
    assert.deepStrictEqual([reasonOf(dialing), dialing.at], ["unreachable", began + 10 * second])
    assert.strictEqual(world.engine.inspect().connections.length, 1)
    assert.strictEqual(world.engine.open("a"), 1)
  })

  it("fails a dial whose answer does not arrive, and resets the other side afterwards", () => {
    const world = make({ connectTimeout: "3 seconds" })
    const { a, b, server } = world.linked()
    const undo = world.engine.clog("b", "a")
    const { dialing } = world.connect(a, server.address)
    const began = world.now()
    world.advance(3 * second)
    assert.deepStrictEqual([reasonOf(dialing), dialing.at], ["unreachable", began + 3 * second])
    undo()
    world.advance(second)
    const acceptor = server.accepted[1] ?? assert.fail("the connection was not accepted")
    const heard = world.hear(b, acceptor)
    assert.strictEqual(endOf(heard), "closed")
    assert.strictEqual(world.engine.inspect().connections.length, 1)
  })

  it("does not time out if bytes are delivered in time after a partition", () => {
    const world = make({ userTimeout: "10 seconds", conditions: { delay: 100 * ms } })
    const { a, acceptor, b, dialer } = world.linked()
    const heard = world.hear(b, acceptor)
    const undo = world.engine.partition(["a"], ["b"])
    world.say(a, dialer, "patience")
    world.advance(9.8 * second)
    undo()
    world.advance(99 * ms)
    assert.strictEqual(heard.text, "")
    world.advance(ms)
    assert.strictEqual(heard.text, "patience")
    world.advance(60 * second)
    assert.isUndefined(heard.end)
    assert.strictEqual(reasonOf(world.say(a, dialer, "still there")), "succeeded")
  })

  it("drops segments that wait for a retransmission when the connection is lost", () => {
    const world = make({
      draws: Draws.replaying({ "bandwidth a>b": { 0: 10_000 }, "queue a>b": { 0: 1000 } }),
    })
    const { a, acceptor, b, dialer } = world.linked()
    world.engine.setConditions({ bandwidth: 1, queue: 1 })
    const heard = world.hear(b, acceptor)
    for (let i = 0; i < 4; i++) world.say(a, dialer, pattern(1000))
    world.advance(150 * ms)
    world.engine.reset("a", "b")
    world.advance(60 * second)
    assert.strictEqual(heard.size, 1000)
    assert.deepStrictEqual(
      world.observations.flatMap((event) => (event._tag === "Dropped" ? [event.segment] : [])),
      [2, 3, 4],
    )
    // The next connection is not affected.
    assert.strictEqual(world.engine.fired()["queue"], 3)
  })

  it("does not retransmit earlier when a direction opens", () => {
    const world = make({
      draws: Draws.replaying({ "bandwidth a>b": { 0: 10_000 }, "queue a>b": { 0: 1000 } }),
    })
    const { a, acceptor, b, dialer } = world.linked()
    world.engine.setConditions({ bandwidth: 1, queue: 1 })
    const heard = world.hear(b, acceptor)
    const began = world.now()
    for (let i = 0; i < 3; i++) world.say(a, dialer, pattern(1000, i * 1000))
    const undo = world.engine.partition(["a"], ["b"])
    world.advance(150 * ms)
    undo()
    world.advance(10 * second)
    assert.strictEqual(heard.text, pattern(3000))
    // The first is sent again at 150, so at 200 there is no room for the second. At 600 there is room for it, and not
    // for the third.
    assert.deepStrictEqual(
      heard.batches.map(({ at }) => (at - began) / ms),
      [250, 700, 1500],
    )
    assert.strictEqual(world.engine.fired()["queue"], 5)
  })
})
