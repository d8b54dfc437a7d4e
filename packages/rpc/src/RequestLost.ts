/**
 * Causes for which a request of a `PeerRpcClient` has no answer. Effect's clients fail with `RpcClientError`; its cause in terms
 * of the cluster is one of two errors, which {@link causeOf} returns:
 *
 * - `SendError` of `@coterie/core`: the request was not sent, so it was not carried out. Make it again, or make it to another peer.
 * - {@link RequestLost}: the request was sent and will not be answered. It may have been carried out, in whole or in part.
 *
 * @since 0.1.0
 */
import { SendError } from "@coterie/core/ClusterError"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as Schema from "effect/Schema"

/**
 * Error of a request that was sent and will not be answered.
 *
 * **Details**
 *
 * - `peerLost`: the session with the peer ended, because the peer failed or left, or because its link was lost.
 * - `givenUp`: the peer lives and does not answer the request. It stopped serving, or the request was lost with a part of the
 *   session, or too many requests of this node are in flight there, or the response was beyond its `limits.messageBytes`.
 * - `stopped`: this node has left, or its `PeerRpcClient` is closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestLost extends Schema.TaggedError<RequestLost>()("RequestLost", {
  reason: Schema.Literals(["peerLost", "givenUp", "stopped"]),
  /** Name of the peer. */
  peer: Schema.String,
  message: Schema.String,
}) {}

/**
 * Returns the cause of a failed request in terms of the cluster, or `undefined` if the cluster did not cause the error.
 *
 * @category accessors
 * @since 0.1.0
 */
export const causeOf = (error: RpcClientError): SendError | RequestLost | undefined => {
  const { reason } = error
  if (reason._tag !== "RpcClientDefect") return undefined
  const { cause } = reason
  return cause instanceof SendError || cause instanceof RequestLost ? cause : undefined
}
