/**
 * Requests between the admin services of nodes. All of them only read. Reports travel as JSON text, so that a report that
 * cannot be read has no effect on other requests, and its length is known before it is parsed.
 */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"

/** Name of the service, so that the group of the application keeps the name `default`. */
export const service = "coterie-admin"

/**
 * Maximum number of requests of one peer in flight: a row, two relays of a question to the cluster, and the report of a
 * single node.
 */
export const requestLimit = 4

/** The relay has no answer of the member. */
export class RelayFailed extends Schema.TaggedError<RelayFailed>()("RelayFailed", {
  /** Reason as in `Report.Unanswered`. */
  reason: Schema.String,
  message: Schema.String,
}) {}

export const AdminRpcs = RpcGroup.make(
  /** Returns the row of the node. */
  Rpc.make("Row", { payload: { schema: Schema.Number }, success: Schema.String }),
  /** Returns the report of the node. With `ping`, the node measures its round-trip times first. */
  Rpc.make("Inspect", { payload: { schema: Schema.Number, ping: Schema.Boolean }, success: Schema.String }),
  /** Returns the row of a member to which the relay has a link. */
  Rpc.make("Relay", {
    payload: { schema: Schema.Number, to: Schema.String, withinMillis: Schema.Number },
    success: Schema.String,
    error: RelayFailed,
  }),
)
