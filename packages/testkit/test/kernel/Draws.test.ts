import { assert, describe, it } from "@effect/vitest"
import * as Draws from "../../src/kernel/Draws.ts"

const dice = (stream: Draws.Stream): number => stream.draw((random) => Math.floor(random.next() * 3))

const many = (stream: Draws.Stream, count = 50): ReadonlyArray<number> =>
  Array.from({ length: count }, () => dice(stream))

describe("Draws", () => {
  it("are the same for the same seed, and other streams do not change them", () => {
    const alone = many(Draws.seeded(7).stream("loss a>b"))
    const draws = Draws.seeded(7)
    const among = alone.map(() => {
      dice(draws.stream("loss b>a"))
      dice(draws.stream("pick"))
      return dice(draws.stream("loss a>b"))
    })
    assert.deepStrictEqual(among, alone)
    assert.notDeepEqual(many(Draws.seeded(8).stream("loss a>b")), alone)
    assert.notDeepEqual(many(Draws.seeded(7).stream("loss b>a")), alone)
  })

  it("are the same in a replay of a recording, and are recorded again", () => {
    const first = Draws.seeded(3)
    const values = many(first.stream("delay a>b"))
    const again = Draws.replaying(first.deviations())
    assert.deepStrictEqual(many(again.stream("delay a>b")), values)
    assert.deepStrictEqual(again.deviations(), first.deviations())
  })

  it("are benign in a replay where nothing was recorded, and use no chance", () => {
    const draws = Draws.replaying({ "loss a>b": { "2": 1 } })
    const values = [0, 1, 2, 3].map(() => draws.stream("loss a>b").draw(() => assert.fail("a replay takes no chance")))
    assert.deepStrictEqual(values, [0, 0, 1, 0])
    assert.deepStrictEqual(many(draws.stream("constructor"), 3), [0, 0, 0])
  })

  it("record only draws that are not benign", () => {
    const draws = Draws.seeded(1)
    for (const value of [0, 5, 0, 2]) draws.stream("split a>b").draw(() => value)
    draws.stream("pick").draw(() => 0)
    assert.deepStrictEqual(draws.deviations(), { "split a>b": { "1": 5, "3": 2 } })
  })
})
