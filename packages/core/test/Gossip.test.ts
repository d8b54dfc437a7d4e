import * as Gossip from "@coterie/core/Gossip"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

describe("the gossip policy", () => {
  it.effect("is the default unless a layer provides another", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Gossip.Gossip, Gossip.defaults)
    }),
  )

  it.effect("defaults omitted options to those of the default policy", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.provide(Gossip.Gossip, Gossip.layer({})), Gossip.defaults)
      const relayFanOut = () => 2
      const policy = yield* Effect.provide(Gossip.Gossip, Gossip.layer({ updateDelay: "1 second", relayFanOut }))
      assert.deepStrictEqual(policy, { ...Gossip.defaults, updateDelay: Duration.seconds(1), relayFanOut })
    }),
  )

  it("relays to more peers in a larger cluster, and never to all of a large one", () => {
    const sizes = [2, 10, 100, 1_000, 10_000]
    const fanOuts = sizes.map(Gossip.defaults.relayFanOut)
    assert.deepStrictEqual(
      fanOuts,
      [...fanOuts].sort((a, b) => a - b),
    )
    assert.isAtLeast(fanOuts[0] ?? 0, 1)
    assert.isBelow(fanOuts.at(-1) ?? Infinity, 100)
  })
})
