/** What a boss asks of workers. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

// #region work
export const Work = RpcGroup.make(
  Rpc.make("CountPrimes", {
    payload: { job: Schema.Number, below: Schema.Number },
    success: Schema.Number,
  }),
)
// #endregion

/** What workers say of themselves in their metadata. */
export const role = "worker"
