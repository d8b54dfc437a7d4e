import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SharedNames } from "../../src/internal/SharedNames.ts"
import * as Member from "../../src/membership/Member.ts"
import type * as State from "../../src/membership/State.ts"
import { LonelyPause } from "../../src/peering/LonelyPause.ts"
import { recordOf } from "../membership/support.ts"
import { initial } from "./support.ts"

const linked: State.State = {
  ...initial,
  linked: SharedNames.of("b"),
  members: new Map([["b", Member.make(recordOf("b"), "Linked")]]),
}

/** Returns the length of a pause in milliseconds for a node that is alone at the given times. */
const lasts = (duration: Duration.Input, isAlone: (millis: number) => boolean) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const start = clock.currentTimeMillisUnsafe()
    const passed = () => clock.currentTimeMillisUnsafe() - start
    const loop = { state: () => (isAlone(passed()) ? initial : linked) }
    const pause = new LonelyPause(loop, { intervalAlone: Duration.seconds(5) })
    yield* pause.sleep(Duration.fromInputUnsafe(duration))
    return passed()
  })

describe("a pause", () => {
  it.effect("lasts for its full duration if the node has a link", () =>
    Effect.gen(function* () {
      for (const duration of [0, 1_000, 5_000, 12_000, 30_000]) {
        assert.strictEqual(yield* lasts(duration, () => false), duration)
      }
    }).pipe(VirtualTime.flow),
  )

  it.effect("lasts for at most intervalAlone if the node is alone", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* lasts(30_000, () => true), 5_000)
      assert.strictEqual(yield* lasts(1_000, () => true), 1_000)
    }).pipe(VirtualTime.flow),
  )

  it.effect("ends within intervalAlone after the node has lost its last link", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* lasts(30_000, (millis) => millis >= 11_000), 15_000)
      assert.strictEqual(yield* lasts(12_000, (millis) => millis >= 11_000), 12_000)
    }).pipe(VirtualTime.flow),
  )
})
