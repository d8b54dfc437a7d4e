import { assert, describe, it } from "@effect/vitest"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import { make, ms, type Options, pattern, second } from "./TestNetwork.ts"

/** Makes a network with the given draws in which `a` has dialed `b`. The conditions start after that. */
const linked = (conditions: FaultPlan.Network, deviations: Draws.Deviations = {}, options: Options = {}) => {
  const world = make({ draws: Draws.replaying(deviations), ...options })
  const link = world.linked()
  world.engine.setConditions(conditions)
  return { ...world, ...link }
}

describe("Direction", () => {
  it("applies the minimum delay always, and the drawn delay in addition", () => {
    const world = linked({ delay: { exponential: { min: 10 * ms, mean: 20 * ms } } }, { "delay a>b": { 1: 7 * ms } })
    const heard = world.hear(world.b, world.acceptor)
    const began = world.now()
    world.say(world.a, world.dialer, "first")
    world.advance(second)
    world.say(world.a, world.dialer, "second")
    world.advance(second)
    assert.deepStrictEqual(
      heard.batches.map(({ at, text }) => [at - began, text]),
      [
        [10 * ms, "first"],
        [second + 17 * ms, "second"],
      ],
    )
    assert.strictEqual(world.engine.fired()["delay"], 2)
  })

  it("does not draw a constant delay", () => {
    const world = linked({ delay: 10 * ms }, { "delay a>b": { 0: second } })
    const heard = world.hear(world.b, world.acceptor)
    const began = world.now()
    world.say(world.a, world.dialer, "constant")
    world.advance(second)
    assert.strictEqual(heard.batches[0]?.at, began + 10 * ms)
  })

  it("never applies a negative value, whatever was recorded", () => {
    const world = linked(
      { delay: { uniform: [0, 1] }, loss: 0.1, split: 0.1 },
      { "delay a>b": { 0: -5 * second, 1: Number.NaN }, "loss a>b": { 0: -3 }, "split a>b": { 0: -1, 1: 1e9 } },
    )
    const heard = world.hear(world.b, world.acceptor)
    world.say(world.a, world.dialer, "one")
    world.say(world.a, world.dialer, "two")
    world.settle()
    world.advance(0)
    assert.strictEqual(heard.text, "onetwo")
  })

  it("draws the distance of a pair once for both directions", () => {
    const world = linked({ distance: { uniform: [0, 9 * ms] } }, { "distance a-b": { 0: 3 * ms, 1: 50 * ms } })
    const atB = world.hear(world.b, world.acceptor)
    const atA = world.hear(world.a, world.dialer)
    const began = world.now()
    world.say(world.a, world.dialer, "there")
    world.say(world.b, world.acceptor, "back")
    world.advance(second)
    assert.deepStrictEqual([atB.batches[0]?.at, atA.batches[0]?.at], [began + 3 * ms, began + 3 * ms])
    assert.strictEqual(world.engine.fired()["distance"], 1)
  })

  it("draws the distance again when the conditions change", () => {
    const world = linked({ distance: { uniform: [0, 9 * ms] } }, { "distance a-b": { 0: 3 * ms, 1: 5 * ms } })
    const heard = world.hear(world.b, world.acceptor)
    world.say(world.a, world.dialer, "near")
    world.advance(second)
    world.engine.setConditions({ distance: { uniform: [0, 9 * ms] } })
    const began = world.now()
    world.say(world.a, world.dialer, "far")
    world.advance(second)
    assert.strictEqual(heard.batches[1]?.at, began + 5 * ms)
    world.engine.setConditions({})
    world.say(world.a, world.dialer, "here")
    world.advance(0)
    assert.strictEqual(heard.text, "nearfarhere")
  })

  it("retransmits a lost segment after 200 milliseconds and then after twice as long each time", () => {
    const world = linked({ loss: 0.1 }, { "loss a>b": { 0: 1, 1: 3 } })
    const heard = world.hear(world.b, world.acceptor)
    for (const words of ["once", "thrice"]) {
      world.say(world.a, world.dialer, words)
      world.advance(2 * second)
    }
    const began = world.now() - 4 * second
    assert.deepStrictEqual(
      heard.batches.map(({ at, text }) => [at - began, text]),
      [
        [200 * ms, "once"],
        [2 * second + 1400 * ms, "thrice"],
      ],
    )
    assert.strictEqual(world.engine.fired()["loss"], 4)
    assert.deepStrictEqual(
      world.observations.flatMap((event) => (event._tag === "Lost" ? [[event.segment, event.times]] : [])),
      [
        [1, 1],
        [2, 3],
      ],
    )
  })

  it("loses about the given share of segments, and in each direction about its drawn share", () => {
    const world = make({ seed: 3, conditions: { loss: { uniform: [0.2, 0.3] } } })
    const { a, acceptor, b, dialer } = world.linked()
    world.hear(b, acceptor)
    for (let i = 0; i < 2000; i++) {
      world.say(a, dialer, "x")
      world.advance(10 * second)
    }
    const losses = world.engine.fired()["loss"] ?? 0
    // Of each hundred, 25 to 43 are lost at least once, and some of them again.
    assert.isAbove(losses, 450)
    assert.isBelow(losses, 950)
    const rate = world.draws.deviations()["lossRate a>b"]?.["0"] ?? 0
    assert.isAtLeast(rate, 200_000)
    assert.isAtMost(rate, 300_000)
    assert.deepStrictEqual(Object.keys(world.draws.deviations()["lossRate a>b"] ?? {}), ["0"])
  })

  it("carries at most the bandwidth over all connections of the direction", () => {
    const world = linked({ bandwidth: 10_000 }, { "bandwidth a>b": { 0: 10_000 } })
    const { a, b, server } = world
    const { dialing } = world.connect(a, server.address)
    world.advance(second)
    const other = world.result(dialing)
    const acceptor = server.accepted[1] ?? assert.fail("no second connection")
    const [one, two] = [world.hear(b, world.acceptor), world.hear(b, acceptor)]
    const began = world.now()
    world.say(a, world.dialer, pattern(5000))
    world.say(a, other, pattern(15_000))
    world.advance(3 * second)
    assert.deepStrictEqual([one.endedAt, two.endedAt], [undefined, undefined])
    assert.strictEqual(one.batches.at(-1)?.at, began + second / 2)
    assert.strictEqual(two.batches.at(-1)?.at, began + 2 * second)
    assert.strictEqual(two.text, pattern(15_000))
  })

  it("delivers parts of a large write ten times per second", () => {
    const world = linked({ bandwidth: 10_000 }, { "bandwidth a>b": { 0: 10_000 } })
    const heard = world.hear(world.b, world.acceptor)
    const began = world.now()
    world.say(world.a, world.dialer, pattern(5000))
    world.advance(second)
    assert.deepStrictEqual(
      heard.batches.map(({ at }) => at - began),
      [1, 2, 3, 4, 5].map((i) => (i * second) / 10),
    )
    assert.strictEqual(heard.text, pattern(5000))
  })

  it("keeps the rate over a long transfer in small pieces", () => {
    const world = linked({ bandwidth: 100_000 }, { "bandwidth a>b": { 0: 100_000 } })
    const heard = world.hear(world.b, world.acceptor)
    const began = world.now()
    for (let i = 0; i < 1000; i++) world.say(world.a, world.dialer, pattern(777))
    world.advance(60 * second)
    assert.strictEqual(heard.size, 777_000)
    assert.strictEqual(heard.batches.at(-1)?.at, began + 7.77 * second)
    assert.strictEqual(world.engine.fired()["bandwidth"], 1000)
  })

  it("has no limit if no bandwidth was drawn", () => {
    const world = linked({ bandwidth: 10 })
    const heard = world.hear(world.b, world.acceptor)
    world.say(world.a, world.dialer, pattern(1000))
    world.advance(0)
    assert.strictEqual(heard.size, 1000)
    assert.strictEqual(world.engine.fired()["bandwidth"], 0)
  })

  it("loses segments once more while the queue is full, and delivers all of them in order", () => {
    const world = linked(
      { bandwidth: 10_000, queue: 2000 },
      { "bandwidth a>b": { 0: 10_000 }, "queue a>b": { 0: 2000 } },
    )
    const heard = world.hear(world.b, world.acceptor)
    const began = world.now()
    for (let i = 0; i < 8; i++) world.say(world.a, world.dialer, pattern(1000, i * 1000))
    world.advance(20 * second)
    assert.strictEqual(heard.text, pattern(8000))
    // Two fill the queue. The others are sent again after 200 ms, when there is room for two, then after 400 and after
    // 800 ms.
    assert.deepStrictEqual(
      heard.batches.map(({ at }) => (at - began) / ms),
      [100, 200, 300, 400, 700, 800, 1500, 1600],
    )
    assert.strictEqual(world.engine.fired()["queue"], 12)
    assert.deepStrictEqual(
      world.observations.flatMap((event) => (event._tag === "Lost" ? [event.segment] : [])),
      [3, 4, 5, 6, 7, 8, 5, 6, 7, 8, 7, 8],
    )
  })

  it("accepts a segment that is larger than the queue when the queue is empty", () => {
    const world = linked({ bandwidth: 10_000, queue: 10 }, { "bandwidth a>b": { 0: 10_000 }, "queue a>b": { 0: 10 } })
    const heard = world.hear(world.b, world.acceptor)
    world.say(world.a, world.dialer, pattern(1000))
    world.advance(100 * ms)
    assert.strictEqual(heard.text, pattern(1000))
  })

  it("splits a write at the drawn place, and continues with the rest", () => {
    const world = linked({ split: 0.5 }, { "split a>b": { 0: 3, 2: 2 } })
    world.hear(world.b, world.acceptor)
    world.say(world.a, world.dialer, "abcdefghij")
    world.say(world.a, world.dialer, "klmno")
    world.advance(0)
    assert.deepStrictEqual(
      world.observations.flatMap((event) => (event._tag === "Sent" ? [event.bytes.length] : [])),
      [3, 7, 2, 3],
    )
    assert.strictEqual(world.engine.fired()["split"], 2)
  })

  it("splits about the given share of writes", () => {
    const world = make({ conditions: { split: 0.5 } })
    const { a, acceptor, b, dialer } = world.linked()
    const heard = world.hear(b, acceptor)
    for (let i = 0; i < 300; i++) {
      world.say(a, dialer, pattern(100, i * 100))
      world.advance(0)
    }
    assert.strictEqual(heard.text, pattern(30_000))
    const cuts = world.engine.fired()["split"] ?? 0
    assert.isAbove(cuts, 150)
    assert.isBelow(cuts, 600)
  })

  it("draws the buffer of each connection and direction", () => {
    const world = make({
      conditions: { sendBuffer: { uniform: [1, 2000] } },
      draws: Draws.replaying({ "sendBuffer a>b": { 0: 1000 } }),
    })
    const { a, acceptor, b, dialer, server } = world.linked()
    const { dialing } = world.connect(a, server.address)
    world.advance(second)
    const other = world.result(dialing)
    const small = world.say(a, dialer, pattern(1001))
    const usual = world.say(a, other, pattern(1001))
    const back = world.say(b, acceptor, pattern(1001))
    world.advance(second)
    assert.isUndefined(small.exit)
    world.result(usual)
    world.result(back)
    assert.strictEqual(world.engine.fired()["sendBuffer"], 1)
  })

  it("does not change bytes in transit when the conditions change", () => {
    const world = linked({ delay: second })
    const heard = world.hear(world.b, world.acceptor)
    const began = world.now()
    world.say(world.a, world.dialer, "slow ")
    world.engine.setConditions({})
    world.say(world.a, world.dialer, "and fast")
    world.advance(2 * second)
    // The order is kept.
    assert.deepStrictEqual(
      heard.batches.map(({ at }) => at - began),
      heard.batches.map(() => second),
    )
    assert.strictEqual(heard.text, "slow and fast")
  })

  it("starts with an idle line under new conditions", () => {
    const world = linked({ bandwidth: 1 }, { "bandwidth a>b": { 0: 1000, 1: 100_000 } })
    const { a, b, server } = world
    const { dialing } = world.connect(a, server.address)
    world.advance(second)
    const heard = world.hear(b, server.accepted[1] ?? assert.fail("the connection was not accepted"))
    world.say(a, world.dialer, pattern(10_000))
    world.engine.setConditions({ bandwidth: 1 })
    const began = world.now()
    world.say(a, world.result(dialing), pattern(10_000))
    world.advance(second)
    assert.strictEqual(heard.batches[0]?.at, began + 100 * ms)
  })

  it("is benign without conditions, and then draws nothing", () => {
    const world = make({ seed: 5 })
    const { a, acceptor, b, dialer } = world.linked()
    const heard = world.hear(b, acceptor)
    const began = world.now()
    for (let i = 0; i < 100; i++) world.say(a, dialer, pattern(100, i * 100))
    world.advance(0)
    assert.strictEqual(heard.text, pattern(10_000))
    assert.isTrue(heard.batches.every(({ at }) => at === began))
    assert.deepStrictEqual(world.draws.deviations(), {})
    assert.isTrue(Object.values(world.engine.fired()).every((count) => count === 0))
  })

  it("is benign under any conditions if all draws are, except the minimum delay", () => {
    const world = linked({
      delay: { tail: { chance: 0.5, is: 9 * second, otherwise: { logUniform: [2 * ms, second] } } },
      distance: { uniform: [ms, second] },
      loss: { uniform: [0.1, 0.3] },
      bandwidth: { logUniform: [1000, 10_000] },
      queue: 10,
      split: 0.9,
      sendBuffer: { uniform: [1, 10] },
    })
    const heard = world.hear(world.b, world.acceptor)
    const began = world.now()
    for (let i = 0; i < 50; i++) world.say(world.a, world.dialer, pattern(100, i * 100))
    world.advance(second)
    assert.strictEqual(heard.text, pattern(5000))
    assert.isTrue(heard.batches.every(({ at }) => at === began + 2 * ms))
    const { delay, ...others } = world.engine.fired()
    assert.isAbove(delay ?? 0, 0)
    assert.isTrue(Object.values(others).every((count) => count === 0))
  })
})
