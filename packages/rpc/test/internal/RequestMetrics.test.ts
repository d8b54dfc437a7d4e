import { assert, describe, it } from "@effect/vitest"
import { FakeMetrics } from "./FakeMetrics.ts"

describe("the metrics of requests", () => {
  it("count a request when it begins and when it ends", () => {
    const fake = new FakeMetrics()
    const requests = fake.requests("out")
    requests.begin()
    requests.begin()
    assert.deepStrictEqual(fake.values, { "total out": 2, "in_flight out": 2 })
    requests.end("success")
    requests.end("GivenUp")
    assert.deepStrictEqual(fake.values, {
      "total out": 2,
      "outcomes_total out success": 1,
      "outcomes_total out GivenUp": 1,
    })
  })

  it("count a refused request, which is never in flight", () => {
    const fake = new FakeMetrics()
    fake.requests("in").refuse("Busy")
    assert.deepStrictEqual(fake.values, { "total in": 1, "outcomes_total in Busy": 1 })
  })

  it("have a series of successes from the start, and series of other outcomes once they occur", () => {
    const fake = new FakeMetrics()
    const shown: Array<string | undefined> = []
    const requests = fake.requests("in", {
      ...fake.metrics,
      counter: (options) => {
        shown.push(options.labels["outcome"])
        return fake.metrics.counter(options)
      },
    })
    assert.deepStrictEqual(shown, [undefined, "success"])
    for (const outcome of ["success", "defect", "defect"] as const) {
      requests.begin()
      requests.end(outcome)
    }
    assert.deepStrictEqual(shown, [undefined, "success", "defect"])
  })
})
