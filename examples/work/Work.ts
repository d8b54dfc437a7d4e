/** Procedures that workers serve for a boss. */
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

/** Role of a worker, in its metadata. */
export const role = "worker"
