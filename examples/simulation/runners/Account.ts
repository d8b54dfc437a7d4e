/** Accounts as entities of Effect's cluster engine. */
import { Context, Effect, Layer, Schema } from "effect"
import { ClusterSchema, Entity, Sharding } from "effect/cluster"
import { Rpc } from "effect/rpc"

/** Place where accounts are kept, such as a database. */
export class Ledger extends Context.Service<
  Ledger,
  {
    /** Adds a deposit. A deposit with a known id changes nothing. */
    readonly add: (account: string, id: string, amount: number) => Effect.Effect<void>
    readonly balance: (account: string) => Effect.Effect<number>
  }
>()("examples/simulation/runners/Ledger") {}

export const Account = Entity.make("Account", [
  // The engine keeps the request until a runner has answered it.
  Rpc.make("Deposit", {
    payload: { id: Schema.String, amount: Schema.Int },
    primaryKey: ({ id }) => id,
  }).annotate(ClusterSchema.Persisted, true),
  Rpc.make("Balance", { success: Schema.Int }),
])

export const layer: Layer.Layer<never, never, Sharding.Sharding | Ledger> = Account.toLayer(
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const { entityId } = yield* Entity.CurrentAddress
    return {
      Deposit: ({ payload }) => ledger.add(entityId, payload.id, payload.amount),
      Balance: () => ledger.balance(entityId),
    }
  }),
)
