import { assert, describe, it } from "@effect/vitest"
import { EventQueue } from "../../src/kernel/EventQueue.ts"
import { Partitions } from "../../src/network/Partitions.ts"
import { Swizzle } from "../../src/network/Swizzle.ts"

const make = () => {
  const events = new EventQueue()
  const partitions = new Partitions()
  const seen = { now: 0, opened: 0, ended: 0 }
  const swizzle = new Swizzle({
    timeline: { now: () => seen.now, schedule: (at, run) => events.schedule(at, run) },
    partitions,
    opened: () => void seen.opened++,
    ended: () => void seen.ended++,
  })
  const advance = (until: number): void => {
    for (let event = events.peek(); event !== undefined && event.at <= until; event = events.peek()) {
      events.pop()
      seen.now = event.at
      event.run?.()
    }
    seen.now = until
  }
  return { advance, events, partitions, seen, swizzle }
}

describe("Swizzle", () => {
  it("isolates each host between its start and its end", () => {
    const { advance, partitions, seen, swizzle } = make()
    swizzle.schedule("a", 10, 40)
    swizzle.schedule("b", 20, 30)
    const isolated = [5, 15, 25, 35, 45].map((at) => {
      advance(at)
      return ["a", "b"].filter((host) => partitions.isBlocked(host, "c")).join("")
    })
    assert.deepStrictEqual(isolated, ["", "a", "ab", "a", ""])
    assert.strictEqual(seen.opened, 2)
  })

  it("ends with the last isolation", () => {
    const { advance, seen, swizzle } = make()
    swizzle.schedule("a", 10, 40)
    swizzle.schedule("b", 20, 30)
    advance(39)
    assert.strictEqual(seen.ended, 0)
    advance(40)
    assert.strictEqual(seen.ended, 1)
  })

  it("is undone completely, and leaves no scheduled events", () => {
    const { advance, events, partitions, seen, swizzle } = make()
    swizzle.schedule("a", 10, 40)
    swizzle.schedule("b", 20, 30)
    advance(15)
    swizzle.undo()
    assert.isFalse(partitions.isBlocked("a", "c"))
    assert.isUndefined(events.peek())
    assert.deepStrictEqual([seen.opened, seen.ended], [1, 1])
  })
})
