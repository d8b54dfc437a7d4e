import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as FaultPlan from "../src/FaultPlan.ts"
import * as SimulationError from "../src/SimulationError.ts"

const small: Artifact.Artifact = {
  version: 1,
  testkit: "0.3.1",
  scenario: "one lease holder",
  fingerprint: "5f3a",
  seed: 830,
  explore: "random",
  traceHash: "00c0ffee00c0ffee",
  failure: new SimulationError.InvariantViolated({
    at: 12_000_500,
    message: "at most one holder: there are 2",
    invariant: "at most one holder",
    node: "b",
  }),
  sentences: ["at 5.000 s a is cut off", "the 3rd segment from a to b is lost"],
  shrunk: { from: { faults: 22, draws: 14 }, runs: 21, minimal: true },
  network: { delay: { exponential: { min: 1000, mean: 20_000 } }, loss: 0.05 },
  timeline: [
    { kind: "partition", at: 5_000_000, for: 20_000_000, from: ["a"], to: ["b", "c"] },
    { kind: "crash", at: 12_000_001, for: 1500, node: "b" },
  ],
  deviations: {
    "loss a>b": { 2: 1 },
    "delay a>b": { 0: 1200, 1: 900, 2: 1100, 7: 300 },
  },
}

const text = `{
  "version": 1,
  "testkit": "0.3.1",
  "scenario": "one lease holder",
  "fingerprint": "5f3a",
  "seed": 830,
  "explore": "random",
  "traceHash": "00c0ffee00c0ffee",
  "failure": {
    "_tag": "InvariantViolated",
    "at": 12000500,
    "message": "at most one holder: there are 2",
    "invariant": "at most one holder",
    "node": "b"
  },
  "sentences": [
    "at 5.000 s a is cut off",
    "the 3rd segment from a to b is lost"
  ],
  "shrunk": {
    "from": { "faults": 22, "draws": 14 },
    "runs": 21,
    "minimal": true
  },
  "network": {
    "delay": { "exponential": { "min": "1 millis", "mean": "20 millis" } },
    "loss": 0.05
  },
  "timeline": [
    { "kind": "partition", "at": "5 seconds", "for": "20 seconds", "from": ["a"], "to": ["b", "c"] },
    { "kind": "crash", "at": "12000001 micros", "for": "1500 micros", "node": "b" }
  ],
  "deviations": {
    "delay a>b": [[0,1200,900,1100],[7,300]],
    "loss a>b": [[2,1]]
  }
}
`

const decoded = (text: string): Artifact.Artifact =>
  Result.getOrThrowWith(Artifact.decode(text), ({ message }) => new Error(message))

/** Returns the message of the error that decoding the text fails with. */
const refusal = (text: string): string => {
  const error = Result.getFailure(Artifact.decode(text))
  if (error._tag === "None") return assert.fail(`it was decoded: ${text}`)
  assert.strictEqual(error.value.reason, "artifact")
  assert.notInclude(error.value.message, "\n")
  return error.value.message
}

/** Returns the text of the artifact with changed fields. */
const edited = (changes: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...JSON.parse(text), ...changes })

describe("the file", () => {
  it("has a line for each fault and for the draws of each stream", () => {
    assert.strictEqual(Artifact.encode(small), text)
  })

  it("decodes to the encoded artifact", () => {
    assert.deepStrictEqual(decoded(text), small)
    assert.instanceOf(decoded(text).failure, SimulationError.InvariantViolated)
  })

  it("can be formatted by other tools", () => {
    assert.deepStrictEqual(decoded(JSON.stringify(JSON.parse(text), undefined, 4)), small)
  })

  it("does not depend on the order of the keys", () => {
    const reverse = <A extends object>(value: A): A => Object.fromEntries(Object.entries(value).toReversed()) as A
    const other = reverse({
      ...small,
      network: reverse(small.network),
      timeline: small.timeline.map(reverse),
      deviations: reverse({ ...small.deviations, pick: {}, "loss b>a": { 3: 0 } }),
    })
    assert.deepStrictEqual(Object.keys(other).slice(0, 2), ["deviations", "timeline"])
    assert.strictEqual(Artifact.encode(other), text)
  })

  it("needs neither sentences nor shrinking nor faults", () => {
    const { sentences: _, shrunk: __, ...rest } = { ...small, network: {}, timeline: [], deviations: {} }
    const bare = Artifact.encode(rest)
    assert.include(bare, `"network": {},\n  "timeline": [],\n  "deviations": {}\n}\n`)
    assert.deepStrictEqual(decoded(bare), rest)
  })

  it("needs little more than the digits of the values if every segment has a delay", () => {
    const count = 100_000
    const delays = Object.fromEntries(Array.from({ length: count }, (_, i) => [i, 10_000 + (i % 7)]))
    const large = { ...small, deviations: { "delay a>b": delays } }
    const encoded = Artifact.encode(large)
    assert.isBelow(encoded.length, count * "10000,".length + 2000)
    assert.isBelow(encoded.split("\n").length, 40)
    assert.deepStrictEqual(decoded(encoded), large)
  })

  it("keeps the message of a failure with any cause", () => {
    const cyclic: Record<string, unknown> = { name: "cyclic" }
    cyclic["self"] = cyclic
    const causes = [new TypeError("no such lease", { cause: 12n }), cyclic, 10n, undefined, () => 1, Symbol("x")]
    for (const cause of causes) {
      const failure = new SimulationError.ScenarioFailed({ at: 1, message: "the scenario failed", cause })
      const encoded = Artifact.encode({ ...small, failure })
      assert.strictEqual(decoded(encoded).failure.message, "the scenario failed")
      assert.strictEqual(Artifact.encode(decoded(encoded)), encoded)
    }
    const failure = new SimulationError.ScenarioFailed({ at: 1, message: "it failed", cause: causes[0] })
    assert.include(Artifact.encode({ ...small, failure }), `"name": "TypeError", "message": "no such lease"`)
  })
})

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const oneOf = <const A extends string>(values: ReadonlyArray<A>) => Arbitrary.schema(Schema.Literals(values))

/** Draws of one stream, with and without gaps. */
const draws = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([oneOf(["next", "gap"]), int(1, 5_000_000)]), { minLength: 1, maxLength: 12 }),
  (steps) => {
    let place = -1
    return Object.fromEntries(steps.map(([step, value]) => [(place += step === "next" ? 1 : 1 + (value % 50)), value]))
  },
)

const name = oneOf(["pick", "loss a>b", "delay a>b", "delay b>a", "distance a-b", "preempt b", "constructor", "2"])

const failure: Arbitrary.Arbitrary<SimulationError.Failure> = Arbitrary.map(
  Arbitrary.all([int(0, 10), int(0, 600_000_000), Arbitrary.schema(Schema.String), oneOf(["a", "b"])]),
  ([which, at, message, node]) => {
    const common = { at, message }
    const { failures } = {
      failures: [
        new SimulationError.InvariantViolated({ ...common, invariant: message, node }),
        new SimulationError.InvariantViolated({ ...common, invariant: message }),
        new SimulationError.InvariantThrew({ ...common, invariant: message, cause: { odd: [message] } }),
        new SimulationError.NotConverged(common),
        new SimulationError.NotReached({ ...common, condition: message, seen: node }),
        new SimulationError.Stalled(common),
        new SimulationError.Livelock({ ...common, node }),
        new SimulationError.Escaped({ ...common, what: "Date.now", site: message }),
        new SimulationError.NodeDied({ ...common, node, cause: message }),
        new SimulationError.TimeLimit(common),
        new SimulationError.ScenarioFailed({ ...common, cause: [at, null] }),
      ],
    }
    return failures[which] ?? new SimulationError.NonDeterministic(common)
  },
)

/** Makes an arbitrary without -0, which JSON does not have. */
const positiveZero = <A>(schema: Schema.Codec<A, unknown>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(Arbitrary.schema(schema), (value): A => JSON.parse(JSON.stringify(value)))

const artifact: Arbitrary.Arbitrary<Artifact.Artifact> = Arbitrary.map(
  Arbitrary.all({
    scenario: Arbitrary.schema(Schema.String),
    seed: int(0, Number.MAX_SAFE_INTEGER),
    explore: oneOf(["fifo", "random", "preempt"]),
    failure,
    sentences: Arbitrary.array(Arbitrary.schema(Schema.String), { maxLength: 3 }),
    from: Arbitrary.all({ faults: int(0, 30), draws: int(0, 30) }),
    options: int(0, 3),
    network: positiveZero(FaultPlan.Network),
    timeline: Arbitrary.array(positiveZero(FaultPlan.Fault), { maxLength: 4 }),
    streams: Arbitrary.array(Arbitrary.all([name, draws]), { maxLength: 4 }),
  }),
  ({ from, options, sentences, streams, ...rest }) => ({
    ...small,
    ...rest,
    deviations: Object.fromEntries(streams),
    sentences,
    ...(options % 2 === 0 ? {} : { shrunk: { from, runs: options, minimal: options % 4 === 1 } }),
  }),
)

describe("every artifact", () => {
  it.prop(
    "decodes to the encoded artifact, and encodes to the decoded text",
    [artifact],
    ([artifact]) => {
      const encoded = Artifact.encode(artifact)
      assert.deepStrictEqual(decoded(encoded), artifact)
      assert.strictEqual(Artifact.encode(decoded(encoded)), encoded)
    },
    { arbitrary: { runs: 300 } },
  )

  it.prop(
    "has one line for each stream and each fault",
    [artifact],
    ([artifact]) => {
      const lines = Artifact.encode(artifact).split("\n")
      for (const stream of Object.keys(artifact.deviations)) {
        const own = lines.filter((line) => line.startsWith(`    ${JSON.stringify(stream)}: [[`))
        assert.strictEqual(own.length, 1)
      }
      assert.strictEqual(lines.filter((line) => line.startsWith(`    { "kind": `)).length, artifact.timeline.length)
    },
    { arbitrary: { runs: 100 } },
  )
})

describe("an invalid file fails with the reason and a remedy", () => {
  it("if it is not JSON", () => {
    const message = refusal(text.slice(0, 300))
    assert.match(message, /^the artifact is not JSON \(.+\): it is truncated, or is another file\. /)
    assert.include(message, "run the seed again")
    assert.include(refusal(""), "not JSON")
  })

  it("if it is other JSON", () => {
    for (const other of ["null", "[1]", `"text"`, "{}", `{ "seed": 4 }`]) {
      assert.match(refusal(other), /^the file is JSON but not an artifact, because it has no version\. Use the file /)
    }
  })

  it("if another testkit wrote it", () => {
    assert.strictEqual(
      refusal(edited({ version: 2, testkit: "4.0.0", failure: "in another form" })),
      "the artifact has version 2 and this testkit reads version 1. Replay it with @coterie/testkit 4.0.0, which wrote it; " +
        `or run "one lease holder" again with seed 830 and explore "random": often the seed alone still reproduces the failure.`,
    )
    assert.strictEqual(
      refusal(`{ "version": "two" }`),
      `the artifact has version "two" and this testkit reads version 1. Replay it with the testkit, which wrote it; ` +
        "or run the scenario again: often the seed alone still reproduces the failure.",
    )
  })

  const cases: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>, string]> = [
    ["an invalid seed", { seed: -1 }, `greater than or equal to 0 at ["seed"]`],
    ["an unknown order", { explore: "sideways" }, `"fifo" | "random" | "preempt" at ["explore"]`],
    ["a missing hash", { traceHash: undefined }, `Missing key at ["traceHash"]`],
    ["an unknown failure", { failure: { _tag: "Odd" } }, `at ["failure"]`],
    [
      "an invalid time",
      { timeline: [{ kind: "crash", at: "soon", for: "1 second", node: "a" }] },
      `at ["timeline"][0]["at"]`,
    ],
    ["an invalid network", { network: { loss: "much" } }, `at ["network"]["loss"]`],
    [
      "a draw without a value",
      { deviations: { "loss a>b": [[3]] } },
      `Expected a place and the values from there on at ["deviations"]["loss a>b"][0]`,
    ],
    ["a benign draw", { deviations: { pick: [[3, 0]] } }, `benign draws are left out at ["deviations"]["pick"][0][1]`],
    ["a draw that is not an integer", { deviations: { pick: [[3, 1.5]] } }, `at ["deviations"]["pick"][0][1]`],
    ["a negative place", { deviations: { pick: [[-1, 2]] } }, `at ["deviations"]["pick"][0][0]`],
    [
      "a draw that occurs twice",
      {
        deviations: {
          pick: [
            [3, 1, 1],
            [4, 2],
          ],
        },
      },
      `Expected draws in ascending order, each once, but place 4 follows place 4 at ["deviations"]["pick"]`,
    ],
  ]
  it.each(cases)("if it has %s", (_, changes, expected) => {
    const message = refusal(edited(changes))
    assert.match(message, /^the artifact cannot be read: Expected|^the artifact cannot be read: Missing/)
    assert.include(message, expected)
    assert.include(message, `Correct it if it was edited, or run "one lease holder" again`)
  })

  it("and the remedy does not repeat invalid values", () => {
    assert.include(
      refusal(edited({ seed: -1, explore: "sideways" })),
      `run "one lease holder" again to write a new one`,
    )
  })

  it("and a run of draws may begin where the previous one ended", () => {
    const adjacent = decoded(
      edited({
        deviations: {
          pick: [
            [3, 1, 1],
            [5, 2],
          ],
        },
      }),
    )
    assert.deepStrictEqual(adjacent.deviations, { pick: { 3: 1, 4: 1, 5: 2 } })
  })
})

describe("an artifact and the scenario of its replay", () => {
  const refused = (scenario: string, fingerprint: string): string => {
    const result = Artifact.matches(small, scenario, fingerprint)
    if (Result.isSuccess(result)) return assert.fail("the artifact and the scenario match")
    assert.strictEqual(result.failure.reason, "artifact")
    return result.failure.message
  }

  it("match if the name and the options are equal", () => {
    assert.isTrue(Result.isSuccess(Artifact.matches(small, "one lease holder", "5f3a")))
  })

  it("do not match if the scenario has another name", () => {
    assert.strictEqual(
      refused("two lease holders", "5f3a"),
      `the artifact belongs to the scenario "one lease holder" and not to "two lease holders": replay it with its own scenario`,
    )
  })

  it("do not match if the options have changed, and the error suggests the seed alone", () => {
    const message = refused("one lease holder", "beef")
    assert.include(message, `the options of the scenario "one lease holder" have changed since`)
    assert.include(message, `run "one lease holder" again with seed 830 and explore "random"`)
  })
})
