/**
 * The requests of a node that are not answered. Each ends once: with an answer, with an error, or because nobody waits for it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import type * as Scope from "effect/Scope"
import type { Id } from "./Wire.ts"

export interface Call {
  /** As the server knows it. */
  readonly id: string
  /** As its client knows it. */
  readonly requestId: Id
  readonly clientId: number
  /** The name of the peer. */
  readonly peer: string
  /** Hands a reply to the client. */
  readonly write: (reply: FromServerEncoded) => Effect.Effect<void>
  /** Ends the sending of the request, which lasts until the answer is here or will never be. */
  readonly over: Deferred.Deferred<void, RpcClientError>
  /** What the client has not taken, the first of it being handed over. */
  readonly replies: Array<FromServerEncoded>
  /** The session that it went on, once that is known. */
  session: number | undefined
  /** The last session with the peer that ended since it was made. */
  ended: number
}

export interface Pending {
  readonly add: (call: Pick<Call, "id" | "requestId" | "clientId" | "peer" | "write">) => Call
  readonly get: (id: string) => Call | undefined
  readonly find: (clientId: number, requestId: Id) => Call | undefined
  readonly ofClient: (clientId: number) => ReadonlyArray<Call>
  readonly ofPeer: (peer: string) => ReadonlyArray<Call>
  readonly all: () => ReadonlyArray<Call>
  /** It will not be answered: its client hears of that. */
  readonly lose: (call: Call, error: RpcClientError) => void
  /** Its client hears the rest from elsewhere, or nothing. */
  readonly finish: (call: Call) => void
  /**
   * Hands a reply to the client, after those before it and in a fiber, so that whoever is slow to take the values of a stream
   * holds up nobody else.
   */
  readonly hand: (call: Call, reply: FromServerEncoded) => Effect.Effect<void>
}

/** Nothing is pending; replies are handed over in fibers of the scope. */
export const make = (scope: Scope.Scope): Pending => {
  const calls = new Map<string, Call>()
  /** The same as their clients know them. */
  const clients = new Map<number, Map<Id, Call>>()

  const forget = (call: Call): boolean => {
    const ofClient = clients.get(call.clientId)
    if (ofClient?.delete(call.requestId) === true && ofClient.size === 0) clients.delete(call.clientId)
    return calls.delete(call.id)
  }

  return {
    add: (what) => {
      const call: Call = { ...what, over: Deferred.makeUnsafe(), replies: [], session: undefined, ended: 0 }
      calls.set(call.id, call)
      const ofClient = clients.get(call.clientId) ?? new Map<Id, Call>()
      clients.set(call.clientId, ofClient.set(call.requestId, call))
      return call
    },
    get: (id) => calls.get(id),
    find: (clientId, requestId) => clients.get(clientId)?.get(requestId),
    ofClient: (clientId) => [...(clients.get(clientId)?.values() ?? [])],
    ofPeer: (peer) => [...calls.values()].filter((call) => call.peer === peer),
    all: () => [...calls.values()],
    lose: (call, error) => {
      if (forget(call)) Deferred.doneUnsafe(call.over, Effect.fail(error))
    },
    finish: (call) => {
      if (forget(call)) Deferred.doneUnsafe(call.over, Effect.void)
    },
    hand: (call, reply) =>
      Effect.suspend(() => {
        call.replies.push(reply)
        if (call.replies.length > 1) return Effect.void
        const handing = Effect.whileLoop({
          while: () => call.replies.length > 0,
          body: () => call.write(call.replies[0] ?? reply),
          step: () => void call.replies.shift(),
        })
        return Effect.asVoid(Effect.forkIn(handing, scope, { startImmediately: true }))
      }),
  }
}
