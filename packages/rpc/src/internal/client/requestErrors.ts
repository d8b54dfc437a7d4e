/** Errors of requests of this node that get no usable response. */
import type { SendError } from "@coterie/core/ClusterError"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type * as Duration from "effect/Duration"
import {
  ClientClosed,
  GivenUp,
  NotServed,
  RequestLost,
  type RequestLostReason,
  SessionEnded,
} from "../../RequestLost.ts"

/** Returns an error of Effect's client with the cause. */
export const toClientError = (cause: SendError | RequestLost): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: cause.message, cause }) })

const requestLost = (peer: string, reason: RequestLostReason): RpcClientError =>
  toClientError(new RequestLost({ peer, reason }))

/** Returns the error of a request whose session ended. */
export const sessionEnded = (peer: string): RpcClientError => requestLost(peer, new SessionEnded())

/** Returns the error of a request that the server does not have in flight, or gives up for the reason. */
export const givenUp = (peer: string, reason: RequestLostReason = new GivenUp()): RpcClientError =>
  requestLost(peer, reason)

/** Returns the error of a request that was in flight when this node left or closed its client. */
export const clientClosed = (peer: string): RpcClientError => requestLost(peer, new ClientClosed())

/** Returns the error of a request for which no peer was found in time. */
export const notServed = (service: string, waited: Duration.Duration): RpcClientError =>
  toClientError(new RequestLost({ reason: new NotServed({ service, waited }) }))

/** Returns the error of a request that the peer ended, with all others of this node, by a defect. */
export const endedByDefect = (peer: string, defect: unknown): RpcClientError =>
  new RpcClientError({
    reason: new RpcClientDefect({
      message: `"${peer}" ended all requests of this node by a defect: ${defect instanceof Error ? defect.message : String(defect)}`,
      cause: defect,
    }),
  })

/** Returns the error of a request whose response breaks the protocol. */
export const malformed = (peer: string, cause: Error): RpcClientError =>
  new RpcClientError({
    reason: new RpcClientDefect({
      message: `"${peer}" sent a response that cannot be used (both nodes need the same RpcSerialization): ${cause.message}`,
      cause,
    }),
  })
