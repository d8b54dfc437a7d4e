import { assert, describe, it } from "@effect/vitest"
import { common, nextWarning, problemOf, renewalTime } from "../../../src/internal/certificates/validity.ts"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const start = Date.UTC(2026, 10, 1, 12)

/** Times of the warnings of a life, in hours before its end, until one day after it. */
const warnings = (life: number) => {
  const period = { from: start, to: start + life }
  const times: Array<number> = []
  let last: number | undefined = undefined
  for (let now = period.from; now <= period.to + day; now += minute) {
    if (now >= nextWarning(period, last)) {
      times.push((period.to - now) / hour)
      last = now
    }
  }
  return times
}

describe("the period of a certificate", () => {
  it("includes both ends, and a problem shows both times", () => {
    const period = { from: start, to: start + hour }
    assert.isUndefined(problemOf(period, start))
    assert.isUndefined(problemOf(period, start + hour))
    assert.deepStrictEqual(problemOf(period, start + hour + 190_000), {
      reason: "expired",
      message: "valid to 2026-11-01T13:00:00Z, and it is 2026-11-01T13:03:10Z here",
    })
    assert.deepStrictEqual(problemOf(period, start - 1_000), {
      reason: "notYetValid",
      message: "valid from 2026-11-01T12:00:00Z, and it is 2026-11-01T11:59:59Z here",
    })
  })

  it("of a chain is the time in which all of it is valid", () => {
    assert.deepStrictEqual(
      common([
        { from: 1, to: 9 },
        { from: 3, to: 12 },
        { from: 2, to: 5 },
      ]),
      { from: 3, to: 5 },
    )
  })

  it("renews connections when a third of the life is left, or an hour, whichever is less", () => {
    assert.strictEqual(renewalTime({ from: start, to: start + 90 * day }), start + 90 * day - hour)
    assert.strictEqual(renewalTime({ from: start, to: start + hour }), start + 40 * minute)
  })

  it("warns from 7 days before on, once a day, then once an hour, also after the expiry", () => {
    const times = warnings(90 * day)
    assert.deepStrictEqual(times.slice(0, 9), [168, 144, 120, 96, 72, 48, 24, 23, 22])
    assert.deepStrictEqual(times.slice(-2), [-23, -24])
  })

  it("warns in the last third of a short life, once an hour", () => {
    assert.deepStrictEqual(warnings(6 * hour).slice(0, 4), [2, 1, 0, -1])
    assert.deepStrictEqual(warnings(30 * minute).slice(0, 2), [1 / 6, 1 / 6 - 1])
  })
})
