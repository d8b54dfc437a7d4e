import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

const policyOf = (layer: Layer.Layer<never>) => Effect.provide(FailureDetector.FailureDetector, layer)

describe("the failure detector", () => {
  it.effect("is lan unless a layer provides another", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* FailureDetector.FailureDetector, FailureDetector.lan)
      assert.strictEqual(yield* policyOf(FailureDetector.layerLan), FailureDetector.lan)
      assert.strictEqual(yield* policyOf(FailureDetector.layerWan), FailureDetector.wan)
      assert.strictEqual(yield* policyOf(FailureDetector.layerLocal), FailureDetector.local)
    }),
  )

  it("has presets with the documented relations between their times", () => {
    for (const policy of [FailureDetector.lan, FailureDetector.wan, FailureDetector.local]) {
      const heartbeat = Duration.toMillis(policy.heartbeat)
      assert.isAtLeast(Duration.toMillis(policy.linkTimeout), 2 * heartbeat)
      assert.strictEqual(Duration.toMillis(policy.probeTimeout), heartbeat)
      assert.isBelow(Duration.toMillis(policy.suspicionMin), Duration.toMillis(policy.suspicionMax))
      for (const size of [1, 2, 3, 10, 1_000]) assert.isAtLeast(policy.probeFanOut(size), 1, `${size} nodes`)
    }
  })
})

describe("layer", () => {
  it.effect("defaults omitted options to those of lan", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* policyOf(FailureDetector.layer({})), FailureDetector.lan)
      const probeFanOut = () => 7
      const policy = yield* policyOf(FailureDetector.layer({ linkTimeout: "10 seconds", probeFanOut }))
      assert.deepStrictEqual(policy, { ...FailureDetector.lan, linkTimeout: Duration.seconds(10), probeFanOut })
    }),
  )

  it.effect("defaults the idle heartbeat to 15 heartbeats, and to the longest time of a policy at most", () =>
    Effect.gen(function* () {
      const { idleHeartbeat } = yield* policyOf(FailureDetector.layer({ heartbeat: "2 seconds" }))
      assert.deepStrictEqual(idleHeartbeat, Duration.seconds(30))
      const longest = yield* policyOf(FailureDetector.layer({ heartbeat: "20 days", linkTimeout: "40 days" }))
      assert.deepStrictEqual(longest.idleHeartbeat, Duration.millis(0xffff_ffff))
    }),
  )

  it.effect("defaults the probe timeout to the heartbeat", () =>
    Effect.gen(function* () {
      const implied = yield* policyOf(FailureDetector.layer({ heartbeat: "5 seconds" }))
      assert.deepStrictEqual(implied.probeTimeout, Duration.seconds(5))
      const given = yield* policyOf(FailureDetector.layer({ heartbeat: "5 seconds", probeTimeout: 300 }))
      assert.deepStrictEqual(given.probeTimeout, Duration.millis(300))
    }),
  )
})
