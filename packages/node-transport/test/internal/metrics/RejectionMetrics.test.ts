import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { RejectionMetrics } from "../../../src/internal/metrics/RejectionMetrics.ts"
import { ShownMetrics } from "./ShownMetrics.ts"

const name = "coterie_rejected_changes_total certificates"

describe("the metric of rejected changes", () => {
  it.effect("adds its own changes and those of another part, also for a node that starts later", () =>
    Effect.gen(function* () {
      const rejections = new RejectionMetrics("certificates")
      const numbers = yield* PubSub.unbounded<number>({ replay: 1 })
      yield* PubSub.publish(numbers, 2)
      yield* rejections.follow(Stream.fromPubSub(numbers))
      const first = new ShownMetrics()
      yield* rejections.addMetrics(first.metrics)
      yield* Effect.yieldNow
      assert.deepStrictEqual(first.values, { [name]: 2 })
      rejections.reject()
      // A number may be left out.
      yield* PubSub.publish(numbers, 4)
      yield* Effect.yieldNow
      assert.deepStrictEqual(first.values, { [name]: 5 })
      const later = new ShownMetrics()
      yield* rejections.addMetrics(later.metrics)
      assert.deepStrictEqual(later.values, { [name]: 5 })
    }),
  )

  it.effect("is 0 without a part that counts", () =>
    Effect.gen(function* () {
      const rejections = new RejectionMetrics("certificates")
      yield* rejections.follow(undefined)
      const shown = new ShownMetrics()
      yield* rejections.addMetrics(shown.metrics)
      assert.deepStrictEqual(shown.values, { [name]: 0 })
    }),
  )
})
