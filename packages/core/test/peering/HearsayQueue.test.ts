import { assert, describe, it } from "@effect/vitest"
import { type HearsayDial, HearsayQueue } from "../../src/peering/HearsayQueue.ts"

interface Dial {
  readonly name: string
  readonly hearsay: HearsayDial
}

const dial = (announcer: string, name: string, isRetry = false): Dial => ({ name, hearsay: { announcer, isRetry } })

/** Takes all dials that may start. */
const takeAll = (queue: HearsayQueue<Dial>): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (let next = queue.take(); next !== undefined; next = queue.take()) names.push(next.name)
  return names
}

describe("dials of candidates", () => {
  it("use at most three quarters of the permits", () => {
    const queue = new HearsayQueue<Dial>(16)
    for (let i = 0; i < 100; i++) queue.add(dial("a", `${i}`))
    assert.strictEqual(takeAll(queue).length, 12)
    queue.end(dial("a", "99"), "stopped")
    assert.strictEqual(takeAll(queue).length, 1)
  })

  it("start with the newest, and repeat the oldest once all have been tried", () => {
    const queue = new HearsayQueue<Dial>(16)
    for (const name of ["r1", "r2"]) queue.add(dial("a", name, true))
    for (const name of ["1", "2", "3"]) queue.add(dial("a", name))
    assert.deepStrictEqual(takeAll(queue), ["3", "2", "1", "r1", "r2"])
  })

  it("of different announcers take turns", () => {
    const queue = new HearsayQueue<Dial>(8)
    for (let i = 0; i < 1_000; i++) queue.add(dial("flood", `ghost ${i}`))
    queue.add(dial("b", "b1"))
    queue.add(dial("c", "c1"))
    assert.deepStrictEqual(takeAll(queue).slice(0, 3), ["ghost 999", "b1", "c1"])
  })

  it("that fail leave their announcer one permit, and other announcers the rest", () => {
    const queue = new HearsayQueue<Dial>(16)
    for (let i = 0; i < 1_000; i++) queue.add(dial("flood", `ghost ${i}`))
    for (let i = 0; i < 50; i++) {
      const name = queue.take()?.name
      assert.isDefined(name)
      queue.end(dial("flood", name), "failed")
    }
    assert.strictEqual(takeAll(queue).length, 1)
    for (let i = 0; i < 20; i++) queue.add(dial("b", `b${i}`))
    assert.strictEqual(takeAll(queue).length, 11)
    queue.end(dial("flood", "ghost 949"), "linked")
    assert.strictEqual(takeAll(queue).length, 1, "an announcer whose candidate was real may run more dials at once")
  })

  it("that are withdrawn do not start, however many they are", () => {
    const queue = new HearsayQueue<Dial>(16)
    const dials = Array.from({ length: 100 }, (_, i) => dial("a", `${i}`, i % 10 === 0))
    for (const each of dials) queue.add(each)
    for (const each of dials) if (each.name !== "40" && each.name !== "41") queue.remove(each)
    assert.deepStrictEqual(takeAll(queue), ["41", "40"])
  })
})
