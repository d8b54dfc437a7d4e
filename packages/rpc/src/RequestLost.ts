/**
 * Why a request got no answer. Effect's clients fail with its own `RpcClientError`; what it was in terms of the cluster is the
 * cause in there, and {@link causeOf} takes it out.
 *
 * - `SendError` of `@coterie/core`: the request was not sent, so it was not carried out and can be made again, or to another
 *   peer.
 * - {@link RequestLost}: it was sent, and no answer will come. It may have been carried out, or in part, or not.
 */
import { SendError } from "@coterie/core/ClusterError"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import * as Schema from "effect/Schema"

/**
 * A request was sent and no answer will come.
 *
 * - `peerLost`: the session with the peer ended: the peer failed or left, or the link to it was lost.
 * - `givenUp`: the peer lives and does not answer this request: it stopped to serve, or lost the request with a part of the
 *   session, or it has too many requests of this node under way, or its answer was beyond its `limits.messageBytes`.
 * - `stopped`: this node has left, or stopped to make requests.
 */
export class RequestLost extends Schema.TaggedError<RequestLost>()("RequestLost", {
  reason: Schema.Literals(["peerLost", "givenUp", "stopped"]),
  /** The peer's name. */
  peer: Schema.String,
  message: Schema.String,
}) {}

/** What the cluster has to say about the error of a request; `undefined` if that came from elsewhere. */
export const causeOf = (error: RpcClientError): SendError | RequestLost | undefined => {
  const { reason } = error
  if (reason._tag !== "RpcClientDefect") return undefined
  const { cause } = reason
  return cause instanceof SendError || cause instanceof RequestLost ? cause : undefined
}

/** The error of Effect's clients with this cause. */
export const toClientError = (cause: SendError | RequestLost): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: cause.message, cause }) })
