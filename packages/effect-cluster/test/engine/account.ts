/** Entity whose handlers record what they do. */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

export const Account = Entity.make("Account", [
  /** Returns the node of the entity. */
  Rpc.make("Where", { success: Schema.String }),
  /** Returns a text of this length. */
  Rpc.make("Repeat", { payload: { text: Schema.String, times: Schema.Number }, success: Schema.String }),
  /** Returns the length of a text. */
  Rpc.make("Length", { payload: { text: Schema.String }, success: Schema.Number }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
  /** Emits a text of this length, and then another one. */
  Rpc.make("Chunks", { payload: { text: Schema.String, times: Schema.Number }, success: Schema.String, stream: true }),
  /** Never answers. */
  Rpc.make("Wait", { success: Schema.Void }),
  /** Adds an amount, once for each id. Returns the node. */
  Rpc.make("Deposit", {
    payload: { id: Schema.String, amount: Schema.Number },
    success: Schema.String,
    primaryKey: ({ id }) => id,
  }).annotate(ClusterSchema.Persisted, true),
])

/** Actions of the entities of one node. */
export interface Seen {
  /** Names of the requests whose handlers have begun. */
  readonly begun: Array<string>
  /** Number of handlers `Wait` that are running. */
  waiting: number
  /** Number of handlers `Wait` that were interrupted. */
  interrupted: number
  /** Number of values that `Count` has produced. */
  counted: number
}

export const makeSeen = (): Seen => ({ begun: [], waiting: 0, interrupted: 0, counted: 0 })

/** Layer of the entity on a node. `deposited` is called for each deposit that is carried out. */
export const layer = (node: string, seen: Seen, deposited: (id: string) => void = () => undefined) => {
  const begin = (name: string) => Effect.sync(() => void seen.begun.push(name))
  return Account.toLayer(
    {
      Where: () => Effect.as(begin("Where"), node),
      Repeat: ({ payload: { text, times } }) => Effect.as(begin("Repeat"), text.repeat(times)),
      Length: ({ payload }) => Effect.as(begin("Length"), payload.text.length),
      Count: ({ payload }) =>
        Stream.range(1, payload.to, 1).pipe(
          Stream.rechunk(1),
          Stream.tap(() => Effect.sync(() => seen.counted++)),
        ),
      Chunks: ({ payload: { text, times } }) =>
        Stream.fromEffect(begin("Chunks")).pipe(
          Stream.flatMap(() => Stream.make(text.repeat(times), "end")),
          Stream.rechunk(1),
        ),
      Wait: () =>
        Effect.suspend(() => {
          seen.waiting++
          return Effect.onInterrupt(Effect.never, () => Effect.sync(() => seen.interrupted++))
        }).pipe(Effect.ensuring(Effect.sync(() => seen.waiting--))),
      Deposit: ({ payload }) =>
        Effect.as(
          Effect.andThen(
            begin("Deposit"),
            Effect.sync(() => deposited(payload.id)),
          ),
          node,
        ),
    },
    { concurrency: "unbounded" },
  )
}
