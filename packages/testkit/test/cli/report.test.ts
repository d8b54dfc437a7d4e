import { assert, describe, it } from "@effect/vitest"
import * as Report from "../../src/cli/report.ts"

const summary: Report.SwarmReport = {
  file: "coterie.sim.ts",
  seeds: 200,
  runs: 400,
  steps: 31_000,
  virtualSeconds: 7200,
  wallSeconds: 4,
  seedsPerSecond: 50,
  traceHash: "00c0ffee00c0ffee",
  faultsFired: { crash: 2, partition: 31 },
  marks: { "two leaders": true, "a tie": false },
  workers: 2,
  interrupted: false,
  unfinished: [],
  failures: [],
  scenarios: ["a", "b"].map((name) => ({
    name,
    runs: 200,
    steps: 0,
    virtualSeconds: 0,
    traceHash: "",
    faultsFired: {},
    marks: {},
  })),
}

describe("a summary as text", () => {
  it("contains the runs, their speed, and the faults", () => {
    assert.strictEqual(
      Report.text(summary),
      [
        "coterie.sim.ts: 200 seeds of 2 scenarios, 400 runs, no failure",
        "in 4.0 s: 50.0 seeds a second, 31000 steps, 2h of virtual time, 1800 times as fast as real time",
        "faults: crash 2, partition 31",
        "sometimes: two leaders (yes), a tie (never)",
        "trace hash: 00c0ffee00c0ffee",
        "",
      ].join("\n"),
    )
  })

  it("contains for each failure its message, the necessary faults, and the command to replay it", () => {
    const failure: Report.FailureReport = {
      scenario: "a",
      seed: 7,
      explore: "random",
      failure: "InvariantViolated",
      message: "at most one holder\nthere are 2",
      sentences: ["at 5 s b is cut off"],
      artifact: "out/a-7.json",
      picture: "out/a-7.html",
      replay: "npx coterie-sim replay out/a-7.json",
    }
    const never = { scenario: "b", failure: "NeverHappened", message: "no tie", sentences: [], replay: "npx x" }
    const text = Report.text({ ...summary, failures: [failure, never], interrupted: true, unfinished: [9, 12] })
    assert.match(text, /^.* 400 runs, 2 failures; interrupted; not finished: seed 9, 12\n/)
    assert.strictEqual(
      text.slice(text.indexOf("\n\n") + 2),
      [
        `InvariantViolated in "a", seed 7 (random)`,
        "  at most one holder",
        "  there are 2",
        "  What it takes:",
        "    - at 5 s b is cut off",
        "  Picture:      out/a-7.html",
        "  Artifact:     out/a-7.json",
        "  Run it again: npx coterie-sim replay out/a-7.json",
        "",
        `NeverHappened in "b"`,
        "  no tie",
        "  Run it again: npx x",
        "",
      ].join("\n"),
    )
  })
})

describe("a line of progress", () => {
  const state = { seeds: 50, of: 200, virtualSeconds: 2500, wallSeconds: 5, failures: 0, slowest: undefined }

  it("contains the number of seeds, the speed and the failures", () => {
    assert.strictEqual(
      Report.progressLine(state),
      "50 of 200 seeds, 10.0 seeds a second, 500 times as fast as real time, no failure",
    )
    assert.strictEqual(
      Report.progressLine({ ...state, seeds: 1, of: undefined, wallSeconds: 0, failures: 2 }),
      "1 seed, 0 seeds a second, 2 failures",
    )
  })

  it("names a seed that takes a long time", () => {
    const at = (seconds: number) => Report.progressLine({ ...state, slowest: { seed: 17, seconds } })
    assert.match(at(Report.slowAfter), /no failure; seed 17 has run for 30 s$/)
    assert.match(at(Report.slowAfter - 1), /no failure$/)
  })
})
