import * as Address from "@coterie/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { defaultFailOn, SeedOutcomes } from "../../src/cluster/SeedOutcomes.ts"
import { StatusTracker } from "../../src/cluster/StatusTracker.ts"
import { HandshakeRejected } from "../../src/link/Handshake.ts"
import { initial } from "../peering/support.ts"

const seed = Result.getOrThrow(Address.parse("seed"))
const namesakeTimeout = 1_000
const olderTimeout = 5_000

/** Status of a node that dials one seed. */
const make = Effect.map(Clock.Clock, (clock) => {
  const outcomes = new SeedOutcomes({ failOn: defaultFailOn, namesakeTimeout, olderTimeout })
  const status = new StatusTracker({ clock, outcomes, state: () => initial })
  outcomes.addSeed(seed)
  status.discoveryEnded()
  status.started()
  let stopped: string | undefined
  const watch = Effect.map(status.refused, ({ reason }) => {
    stopped = reason._tag
  })
  /** Handles that a process of this node's name refused it. */
  const refuse = (by: "them" | "us", atLeastGeneration?: number): void =>
    status.tried(
      seed,
      new HandshakeRejected({
        code: "duplicate",
        message: "",
        by,
        ...(atLeastGeneration === undefined ? {} : { atLeastGeneration }),
      }),
    )
  return { status, watch, refuse, stopped: () => stopped }
})

/** Refuses the node each half second for the given time. */
const refuseFor = Effect.fnUntraced(function* (millis: number, refuse: () => void) {
  for (let passed = 0; passed <= millis; passed += 500) {
    refuse()
    yield* TestClock.adjust(Duration.millis(500))
  }
})

describe("a node that a namesake refuses", () => {
  it.effect("stops after the namesake timeout, and then outlives no older namesake", () =>
    Effect.gen(function* () {
      const { refuse, status, stopped, watch } = yield* make
      yield* Effect.forkChild(watch)
      yield* refuseFor(500, () => refuse("them"))
      assert.isUndefined(stopped())
      refuse("them")
      // An older process that learned of this node now would stop as well.
      assert.isFalse(status.outlivesNamesake())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(stopped(), "DuplicateName")
    }),
  )

  it.effect("does not stop while an older namesake dials it, and stops when the older one does so no more", () =>
    Effect.gen(function* () {
      const { refuse, status, stopped, watch } = yield* make
      yield* Effect.forkChild(watch)
      for (let i = 0; i < 5; i++) {
        assert.isTrue(status.outlivesNamesake())
        yield* refuseFor(olderTimeout - 1_000, () => refuse("them"))
      }
      assert.isUndefined(stopped())
      yield* refuseFor(1_000, () => refuse("them"))
      assert.strictEqual(stopped(), "DuplicateName")
    }),
  )

  for (const [who, by, atLeastGeneration] of [
    ["a newer one", "us", undefined],
    ["a third peer, because of a newer one", "them", 7],
  ] as const) {
    it.effect(`stops for ${who}, also while an older namesake dials it`, () =>
      Effect.gen(function* () {
        const { refuse, status, stopped, watch } = yield* make
        yield* Effect.forkChild(watch)
        yield* refuseFor(namesakeTimeout, () => {
          status.outlivesNamesake()
          refuse(by, atLeastGeneration)
        })
        assert.strictEqual(stopped(), "DuplicateName")
      }),
    )
  }

  it.effect("outlives no older namesake once it leaves", () =>
    Effect.gen(function* () {
      const { status } = yield* make
      status.stopping(undefined)
      assert.isFalse(status.outlivesNamesake())
    }),
  )
})
