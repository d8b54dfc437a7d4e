/**
 * A caller as a server sees it: one session with one peer. What is said to it waits in a queue of its own, so that a caller
 * that takes nothing holds up nobody else.
 */
import type { PeerId } from "@coterie/core/Peer"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import * as Wire from "./Wire.ts"

/** Something for a caller, and the request that it is about. */
export interface Reply {
  readonly bytes: Uint8Array | string
  readonly requestId: Wire.Id | undefined
}

export interface Caller {
  /** As Effect's server numbers them. */
  readonly id: number
  readonly peer: PeerId
  readonly session: number
  readonly parser: Wire.Parser
  /** What it waits for. */
  readonly open: Set<Wire.Id>
  readonly outgoing: Queue.Queue<Reply, Cause.Done>
  /** Whether it has so much under way that no more is taken on. */
  readonly isBusy: () => boolean
  /**
   * Queues what Effect's server says. What only an unruly caller can make so much of, that does not ask before it has taken
   * what it asked for, is a defect, with which Effect ends the request.
   */
  readonly reply: (response: FromServerEncoded) => void
  /** Says that a request is not under way and will not be answered. */
  readonly giveUp: (requestId: Wire.Id) => void
}

/** A caller that may have `limit` requests under way, those counted of which the answer has not been sent. */
export const make = (options: {
  readonly id: number
  readonly peer: PeerId
  readonly session: number
  readonly parser: Wire.Parser
  readonly limit: number
}): Effect.Effect<Caller> =>
  Effect.map(Queue.unbounded<Reply, Cause.Done>(), (outgoing) => {
    const { limit, parser } = options
    const open = new Set<Wire.Id>()

    // An orderly caller has at most one chunk and one exit on the way for each request.
    const isFull = (): boolean => Queue.sizeUnsafe(outgoing) >= 2 * limit

    const put = (message: Wire.FromServer, requestId: Wire.Id | undefined): void => {
      const bytes = Wire.encode(parser, message)
      if (bytes !== undefined) Queue.offerUnsafe(outgoing, { bytes, requestId })
    }

    return {
      ...options,
      open,
      outgoing,
      isBusy: () => open.size + Queue.sizeUnsafe(outgoing) >= limit,
      reply: (response) => {
        switch (response._tag) {
          case "Chunk":
            if (isFull()) throw new Error("the caller does not take what it asked for")
            return put(response, response.requestId)
          case "Exit":
            open.delete(response.requestId)
            return put(response, response.requestId)
          // It ends all that the caller waits for.
          case "Defect":
            open.clear()
            return put(response, undefined)
        }
      },
      giveUp: (requestId) => {
        open.delete(requestId)
        if (!isFull()) put({ _tag: "Interrupt", requestId }, undefined)
      },
    }
  })
