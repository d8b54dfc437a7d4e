import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MetadataUpdater } from "../../src/cluster/MetadataUpdater.ts"
import type * as Membership from "../../src/membership/Membership.ts"
import type * as State from "../../src/membership/State.ts"
import { initial } from "../peering/support.ts"

/** Makes an updater on a membership that handles inputs with a delay. */
const make = () => {
  let state: State.State = initial
  const loop = {
    state: () => state,
    submitAndAwait: (input: Membership.Input) =>
      Effect.as(Effect.repeat(Effect.yieldNow, { times: 5 }), undefined).pipe(
        Effect.map(() => {
          if (input._tag === "MetadataSet") state = { ...state, unpublished: input.metadata }
          return state
        }),
      ),
  }
  return { updater: new MetadataUpdater({ loop, shutdown: { isRunning: true } }), metadata: () => state.unpublished }
}

describe("the metadata of a node", () => {
  it.effect("keeps the keys of other functions that change it at the same time", () =>
    Effect.gen(function* () {
      const { metadata, updater } = make()
      const set = (key: string) => updater.update((present) => ({ ...present, [key]: "yes" }))
      yield* Effect.all([set("a"), set("b"), set("c")], { concurrency: "unbounded" })
      assert.deepStrictEqual(metadata(), { a: "yes", b: "yes", c: "yes" })
    }),
  )

  it.effect("is replaced by a record", () =>
    Effect.gen(function* () {
      const { metadata, updater } = make()
      yield* updater.update({ a: "1" })
      yield* updater.update({ b: "2" })
      assert.deepStrictEqual(metadata(), { b: "2" })
    }),
  )

  it.effect("is refused if it is too large, and can be changed afterwards", () =>
    Effect.gen(function* () {
      const { metadata, updater } = make()
      const error = yield* Effect.flip(updater.update(() => ({ a: "x".repeat(9_000) })))
      assert.strictEqual(error.option, "metadata")
      yield* updater.update({ a: "1" })
      assert.deepStrictEqual(metadata(), { a: "1" })
    }),
  )
})
