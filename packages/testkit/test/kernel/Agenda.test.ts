import { assert, describe, it } from "@effect/vitest"
import { Agenda, type Entry, rank } from "../../src/kernel/Agenda.ts"
import * as Prng from "../../src/kernel/prng.ts"

describe("Agenda", () => {
  it("gives what is to happen by time, then rank, then the order in which it came, whatever is cancelled on the way", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = Prng.make(seed, "agenda")
      const agenda = new Agenda()
      const alive: Array<Entry> = []
      const happened: Array<Entry> = []
      const expected: Array<Entry> = []
      const order = (a: Entry, b: Entry) => a.at - b.at || a.rank - b.rank || a.seq - b.seq
      for (let i = 0; i < 200; i++) {
        const what = random.next()
        if (what < 0.6) {
          const ranks = [rank.faultOver, rank.fault, rank.usual]
          const which = ranks[Math.floor(random.next() * 3)] ?? rank.usual
          alive.push(agenda.add(Math.floor(random.next() * 20), () => undefined, which))
        } else if (what < 0.75) {
          alive.splice(Math.floor(random.next() * alive.length), 1)[0]?.cancel()
        } else {
          const first = alive.sort(order)[0]
          if (first !== undefined) {
            expected.push(first)
            alive.shift()
          }
          const next = agenda.next()
          if (next !== undefined) happened.push(next)
        }
      }
      assert.deepStrictEqual(happened, expected)
    }
  })

  it("peeks at what comes next without taking it", () => {
    const agenda = new Agenda()
    const late = agenda.add(2, () => undefined)
    const early = agenda.add(1, () => undefined)
    assert.strictEqual(agenda.peek(), early)
    early.cancel()
    assert.strictEqual(agenda.peek(), late)
    assert.strictEqual(agenda.next(), late)
    assert.isUndefined(agenda.next())
  })
})
