import { assert, describe, it } from "@effect/vitest"
import { ArrivalProcess } from "../../src/faults/ArrivalProcess.ts"
import type { Kind } from "../../src/faults/drawFaults.ts"

const kind = (perMinute: Kind["perMinute"], name: Kind["kind"] = "crash"): Kind => ({
  kind: name,
  perMinute,
  make: () => [],
})

/** Returns the arrivals of a process within a number of minutes. */
const arrivals = (process: ArrivalProcess | undefined, minutes: number): ReadonlyArray<number> => {
  const times: Array<number> = []
  if (process === undefined) return times
  while (process.at <= minutes * 60_000_000) {
    times.push(process.at)
    process.pass()
  }
  return times
}

describe("ArrivalProcess", () => {
  it("arrives about as often as its rate", () => {
    const { length } = arrivals(ArrivalProcess.make(kind(6), 1, 0), 500)
    assert.closeTo(length, 3_000, 200)
  })

  it("arrives at increasing times in whole microseconds", () => {
    const times = arrivals(ArrivalProcess.make(kind(60_000_000), 1, 0), 0.001)
    for (const [i, time] of times.entries()) {
      assert.isTrue(Number.isInteger(time) && time > (times[i - 1] ?? 0))
    }
  })

  it("arrives at the same times for the same seed, independently for each kind", () => {
    const times = (seed: number, name: Kind["kind"]) => arrivals(ArrivalProcess.make(kind(6, name), seed, 0), 10)
    assert.deepStrictEqual(times(1, "crash"), times(1, "crash"))
    assert.notDeepEqual(times(1, "crash"), times(2, "crash"))
    assert.notDeepEqual(times(1, "crash"), times(1, "pause"))
  })

  it("gives each fault its own generator", () => {
    const process = ArrivalProcess.make(kind(6), 1, 0) ?? assert.fail("the kind is switched off")
    assert.notStrictEqual(process.pass().next(), process.pass().next())
  })

  it("is missing from about as many seeds as `off` says, and from all without a rate", () => {
    const made = Array.from({ length: 1_000 }, (_, seed) => ArrivalProcess.make(kind(6), seed, 0.7))
    assert.closeTo(made.filter((process) => process === undefined).length, 700, 50)
    assert.isUndefined(ArrivalProcess.make(kind(0), 1, 0))
  })
})
