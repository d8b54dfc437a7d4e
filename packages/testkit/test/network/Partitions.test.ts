import { assert, describe, it } from "@effect/vitest"
import { make, ms, second } from "./TestNetwork.ts"

/** Makes three nodes. `a` has dialed the others, and `passes` reports the open directions. */
const triangle = () => {
  const world = make({ userTimeout: "1 hour" })
  const a = world.boot("a")
  const heardAt = (name: string) => {
    const node = world.boot(name)
    const server = world.serve(node)
    const { dialing } = world.connect(a, server.address)
    world.advance(second)
    const acceptor = server.accepted[0] ?? assert.fail("the connection was not accepted")
    const dialer = world.result(dialing)
    const [there, back] = [world.hear(node, acceptor), world.hear(a, dialer)]
    return {
      /** Reports for both directions whether bytes pass now. */
      passes: (): readonly [boolean, boolean] => {
        const before = [there.size, back.size] as const
        world.say(a, dialer, "x")
        world.say(node, acceptor, "x")
        world.advance(ms)
        return [there.size > before[0], back.size > before[1]]
      },
      heard: there,
    }
  }
  return { ...world, b: heardAt("b"), c: heardAt("c") }
}

const [open, shut, thereOnly, backOnly] = [
  [true, true],
  [false, false],
  [true, false],
  [false, true],
] as const

describe("Partitions", () => {
  it("blocks all bytes between two groups, and none within a group", () => {
    const { b, c, engine } = triangle()
    engine.partition(["a", "b"], ["c"])
    assert.deepStrictEqual([b.passes(), c.passes()], [open, shut])
  })

  it("can block one direction only", () => {
    const { b, c, engine } = triangle()
    engine.partitionOneWay(["a"], ["b"])
    engine.clog("c", "a")
    assert.deepStrictEqual([b.passes(), c.passes()], [backOnly, thereOnly])
  })

  it("keeps a direction blocked until the last of its blocks ends", () => {
    const { b, c, engine } = triangle()
    const first = engine.partition(["a"], ["b", "c"])
    const second = engine.partition(["b"], ["a"])
    const third = engine.partitionOneWay(["a"], ["b"])
    first()
    assert.deepStrictEqual([b.passes(), c.passes()], [shut, open])
    second()
    assert.deepStrictEqual(b.passes(), backOnly)
    first()
    second()
    assert.deepStrictEqual(b.passes(), backOnly)
    third()
    assert.deepStrictEqual(b.passes(), open)
  })

  it("ends two equal partitions one by one", () => {
    const { b, engine } = triangle()
    const undos = [engine.partition(["a"], ["b"]), engine.partition(["a"], ["b"])]
    undos[1]?.()
    assert.deepStrictEqual(b.passes(), shut)
    undos[0]?.()
    assert.deepStrictEqual(b.passes(), open)
  })

  it("ends all partitions with heal, and a later undo of one ends no other", () => {
    const { b, c, engine } = triangle()
    const undo = engine.partition(["a"], ["b"])
    engine.isolate("a")
    engine.clog("a", "c")
    assert.deepStrictEqual([b.passes(), c.passes()], [shut, shut])
    engine.heal()
    assert.deepStrictEqual([b.passes(), c.passes()], [open, open])
    engine.partition(["a"], ["b"])
    undo()
    assert.deepStrictEqual(b.passes(), shut)
  })

  it("delivers held bytes in order when the direction opens", () => {
    const { advance, b, engine } = triangle()
    const undo = engine.partition(["a"], ["b"])
    for (let i = 0; i < 3; i++) b.passes()
    assert.strictEqual(b.heard.text, "")
    undo()
    advance(0)
    assert.strictEqual(b.heard.text, "xxx")
  })

  it("isolates a host from all others, and not from itself", () => {
    const world = triangle()
    const { b, c, engine } = world
    const undo = engine.isolate("B")
    assert.deepStrictEqual([b.passes(), c.passes()], [shut, open])
    undo()
    const d = world.boot("d")
    const server = world.serve(d)
    engine.isolate("d")
    const { dialing } = world.connect(d, server.address)
    world.advance(second)
    world.result(dialing)
  })

  it("isolates one host after the other in a swizzle, each for its own time", () => {
    const { advance, b, c, engine } = triangle()
    engine.swizzle([
      { node: "b", from: second, to: 4 * second },
      { node: "c", from: 2 * second, to: 3 * second },
    ])
    const seen = [0, 1, 2, 3, 4].map(() => {
      const now = [b.passes()[0], c.passes()[0]]
      advance(second - 2 * ms)
      return now
    })
    assert.deepStrictEqual(seen, [
      [true, true],
      [false, true],
      [false, false],
      [false, true],
      [true, true],
    ])
  })

  it("undoes a swizzle completely, including isolations that have not begun", () => {
    const { advance, b, c, engine } = triangle()
    const undo = engine.swizzle([
      { node: "b", from: second, to: 9 * second },
      { node: "c", from: 3 * second, to: 9 * second },
    ])
    advance(2 * second)
    assert.deepStrictEqual([b.passes(), c.passes()], [shut, open])
    undo()
    assert.deepStrictEqual([b.passes(), c.passes()], [open, open])
    advance(3 * second)
    assert.deepStrictEqual([b.passes(), c.passes()], [open, open])
  })

  it("cancels a swizzle with heal", () => {
    const { advance, b, c, engine } = triangle()
    engine.swizzle([
      { node: "b", from: 0, to: 9 * second },
      { node: "c", from: 3 * second, to: 9 * second },
    ])
    advance(second)
    engine.heal()
    advance(3 * second)
    assert.deepStrictEqual([b.passes(), c.passes()], [open, open])
  })
})
