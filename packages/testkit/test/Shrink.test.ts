import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { drawSentence, sentence } from "../src/faults/sentence.ts"
import * as Shrink from "../src/Shrink.ts"
import { type Attempt, kinds, many, needs, seconds, tester } from "./shrink/attempts.ts"

describe("shrinking", () => {
  it.effect("stops at the time limit", () =>
    Effect.gen(function* () {
      const { given, test } = tester(needs("pause 7", "reset 3", "loss a>b #2"))
      const slow = (attempt: Attempt) => Effect.tap(test(attempt), () => TestClock.adjust("1 second"))
      const { minimal } = yield* Shrink.shrink(many, { test: slow })
      assert.isFalse(minimal)
      assert.strictEqual(given.length, 5)
      given.length = 0
      yield* Shrink.shrink(many, { test: slow, within: "2500 millis" })
      assert.strictEqual(given.length, 3)
    }),
  )

  it.effect("fails with a typed error if the time is not a duration", () =>
    Effect.gen(function* () {
      const { given, test } = tester(() => true)
      // A caller without types may pass any text.
      const within = "soon" as Duration.Input
      const error = yield* Effect.flip(Shrink.shrink(many, { test, within }))
      assert.include(error.message, "within: soon is not a duration")
      assert.lengthOf(given, 0)
    }),
  )
})

describe("the sentences", () => {
  it.effect("describe the remaining faults by time, then the draws by stream and place", () =>
    Effect.gen(function* () {
      const [crash, partition] = [kinds[0]?.(seconds(9)), kinds[1]?.(seconds(4))]
      assert.isDefined(crash)
      assert.isDefined(partition)
      const start = {
        timeline: [crash, partition],
        deviations: { pick: { 10: 1, 9: 1 }, "loss a>b": { 2: 1 } },
      }
      const { sentences } = yield* Shrink.shrink(
        start,
        tester(() => false),
      )
      const expected = [
        sentence(partition),
        sentence(crash),
        drawSentence("loss a>b", 2, 1),
        drawSentence("pick", 9, 1),
        drawSentence("pick", 10, 1),
      ]
      assert.deepStrictEqual(sentences, expected)
      assert.deepStrictEqual(Shrink.sentences(start), expected)
    }),
  )

  it("count further draws after the first forty", () => {
    const hundred = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, 1]))
    const sentences = Shrink.sentences({
      timeline: [],
      deviations: { "delay a>b": hundred, "loss a>b": { 0: 1 }, "loss b>a": { 3: 1 } },
    })
    assert.strictEqual(sentences.length, 41)
    assert.strictEqual(sentences[39], drawSentence("delay a>b", 39, 1))
    assert.strictEqual(sentences[40], "and 62 more decisions that are not benign: 60 delay, 2 loss")
  })
})
