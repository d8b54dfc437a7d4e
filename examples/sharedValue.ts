/** Code blocks of docs/state.md. examples/test/sharedValue.test.ts runs them. */
import { Cluster } from "@coterie/core"
import { SharedValue } from "@coterie/state"
import { Context, Effect, Layer, Random, Schema, Stream } from "effect"

// #region define
/** Share of the customers with the new checkout, from 0 to 1. */
export class NewCheckout extends Context.Service<NewCheckout, SharedValue.SharedValue<number>>()(
  "example/NewCheckout",
) {}

const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

export const layer = SharedValue.layer(NewCheckout, "new checkout", { value: Share, initial: 0 })
// #endregion

// #region use
/** Returns the checkout of a customer. */
export const checkout = Effect.gen(function* () {
  const share = yield* NewCheckout
  return (yield* Random.next) < (yield* share.get) ? "new" : "old"
})
// #endregion

// #region change
/** Gives the new checkout to twice as many customers, on all nodes. */
export const widen = Effect.gen(function* () {
  const share = yield* NewCheckout
  yield* share.update((present) => Math.min(1, present === 0 ? 0.01 : 2 * present))
})
// #endregion

// #region follow
/** Logs who changes the share, and which changes are lost. */
export const follow = Effect.gen(function* () {
  const share = yield* NewCheckout
  const changes = Stream.map(share.writes, ({ by, value }) => `${by.name} sets ${value}`)
  const conflicts = Stream.map(
    share.conflicts,
    ({ lost, won }) => `${lost.by.name}'s ${lost.value} lost to ${won.value}`,
  )
  yield* Stream.runForEach(Stream.merge(changes, conflicts), (line) => Effect.log(line))
})
// #endregion

/** A node that shares the value. */
export const node = (name: string, seeds: ReadonlyArray<string>) =>
  layer.pipe(Layer.provideMerge(Cluster.layer({ cluster: "shop", name, seeds })))
