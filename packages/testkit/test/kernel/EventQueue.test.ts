import { assert, describe, it } from "@effect/vitest"
import { EventQueue, type ScheduledEvent, rank } from "../../src/kernel/EventQueue.ts"
import * as Prng from "../../src/kernel/Prng.ts"

describe("EventQueue", () => {
  it("orders events by time, then rank, then the order of scheduling, also after cancellations", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = Prng.make(seed, "agenda")
      const events = new EventQueue()
      const alive: Array<ScheduledEvent> = []
      const happened: Array<ScheduledEvent> = []
      const expected: Array<ScheduledEvent> = []
      const order = (a: ScheduledEvent, b: ScheduledEvent) => a.at - b.at || a.rank - b.rank || a.seq - b.seq
      for (let i = 0; i < 200; i++) {
        const what = random.next()
        if (what < 0.6) {
          const ranks = [rank.faultOver, rank.fault, rank.usual]
          const which = ranks[Math.floor(random.next() * 3)] ?? rank.usual
          alive.push(events.schedule(Math.floor(random.next() * 20), () => undefined, which))
        } else if (what < 0.75) {
          alive.splice(Math.floor(random.next() * alive.length), 1)[0]?.cancel()
        } else {
          const first = alive.sort(order)[0]
          if (first !== undefined) {
            expected.push(first)
            alive.shift()
          }
          const next = events.pop()
          if (next !== undefined) happened.push(next)
        }
      }
      assert.deepStrictEqual(happened, expected)
    }
  })

  it("peeks at the next event without removing it", () => {
    const events = new EventQueue()
    const late = events.schedule(2, () => undefined)
    const early = events.schedule(1, () => undefined)
    assert.strictEqual(events.peek(), early)
    early.cancel()
    assert.strictEqual(events.peek(), late)
    assert.strictEqual(events.pop(), late)
    assert.isUndefined(events.pop())
  })
})
