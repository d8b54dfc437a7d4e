/** Errors with which a request of this node ends when no response comes. */
import type { SendError } from "@coterie/core/ClusterError"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import { RequestLost } from "../../RequestLost.ts"

/** Returns the error of Effect's client with this cause. */
export const toClientError = (cause: SendError | RequestLost): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: cause.message, cause }) })

const requestLost = (reason: RequestLost["reason"], peer: string, message: string): RpcClientError =>
  toClientError(new RequestLost({ reason, peer, message: `${message}; the request may have been carried out` }))

/** Returns the error of a request whose session ended. */
export const peerLost = (peer: string): RpcClientError =>
  requestLost("peerLost", peer, `the session with "${peer}" ended before it answered`)

/** Returns the error of a request that the server does not have in flight. */
export const givenUp = (peer: string): RpcClientError => requestLost("givenUp", peer, `"${peer}" will not answer`)

/** Returns the error of a request that was in flight when this node left or closed its client. */
export const stopped = (peer: string): RpcClientError =>
  requestLost("stopped", peer, "this node makes no requests any more")

/** Returns the error of a request whose response breaks the protocol. */
export const malformed = (peer: string, cause: Error): RpcClientError =>
  new RpcClientError({
    reason: new RpcClientDefect({ message: `"${peer}" sent what cannot be used: ${cause.message}`, cause }),
  })
