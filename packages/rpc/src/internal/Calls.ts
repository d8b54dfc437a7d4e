/**
 * The calling side: Effect's client protocol over the lanes of a service. The lane of the replies is read once, for the clients
 * of all peers.
 */
import type { Cluster } from "@coterie/core/Cluster"
import * as Entropy from "@coterie/core/Entropy"
import type { Message, SessionEnded } from "@coterie/core/Message"
import type { PeerRef } from "@coterie/core/Peer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type { RequestEncoded } from "effect/rpc/RpcMessage"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { RequestLost, toClientError } from "../RequestLost.ts"
import * as Pendings from "./Pending.ts"
import * as Wire from "./Wire.ts"

/** The client protocol for each peer. */
export interface Calls {
  readonly protocol: (peer: PeerRef) => Effect.Effect<RpcClient.Protocol["Service"]>
}

/** A server sends a chunk and waits until it is taken; a question about the request, which looks the same, makes it two. */
const chunksAhead = 4

/** Tasks that wait to tell a peer something that it can do without. */
const maxTasks = 1_024

/** How long a node that makes no requests any more waits to tell peers so: as long as Effect's clients do. */
const farewellTimeout = "1 second"

const because = (reason: RequestLost["reason"], peer: string, message: string): RpcClientError =>
  toClientError(new RequestLost({ reason, peer, message: `${message}; the request may have been carried out` }))

const peerLost = (peer: string) => because("peerLost", peer, `the session with "${peer}" ended before it answered`)
const givenUp = (peer: string) => because("givenUp", peer, `"${peer}" will not answer`)
const stopped = (peer: string) => because("stopped", peer, "this node makes no requests any more")

const malformed = (peer: string, cause: Error): RpcClientError =>
  new RpcClientError({
    reason: new RpcClientDefect({ message: `"${peer}" sent what cannot be used: ${cause.message}`, cause }),
  })

export const make = Effect.fnUntraced(function* (cluster: Cluster["Service"], options: Wire.Options) {
  const { replies, requests, serialization } = yield* Wire.make(cluster, options)
  const entropy = yield* Entropy.Entropy
  // Ends after the clients, whatever the order in which scopes close, and what they have to say then.
  const inner = yield* Scope.make()
  const tasks = yield* Scope.provide(FiberSet.make<void>(), inner)
  const pending = Pendings.make(inner)
  const parsers = new Map<number, Wire.Parser>()
  const parser = serialization.makeUnsafe()
  // So that no answer to somebody else, or to an earlier life of this node, is taken for an answer to this one.
  const prefix = `${entropy.u32().toString(36)}-${entropy.u32().toString(36)}-`
  let made = 0

  // ---- what peers are told ----

  const send = (peer: string, message: Wire.FromClient) =>
    Effect.suspend(() => {
      const bytes = Wire.encode(parser, message)
      return bytes === undefined ? Effect.void : Effect.asVoid(requests.send(peer, bytes))
    })

  const fork = (task: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.flatMap(FiberSet.size(tasks), (size) =>
      size < maxTasks ? Effect.asVoid(FiberSet.run(tasks, task)) : Effect.void,
    )

  /** Tells a peer that nobody waits for these any more; if that is lost, so is the session on which they are. */
  const interrupt = (peer: string, ids: ReadonlyArray<string>): Effect.Effect<void> => {
    if (ids.length === 0) return Effect.void
    return fork(
      Effect.ignore(
        Effect.forEach(ids, (requestId) => send(peer, { _tag: "Interrupt", requestId }), { discard: true }),
      ),
    )
  }

  /**
   * Asks a peer about each request that it was sent: what it does not have under way it says. Where a chunk is being
   * taken, the acknowledgement of that asks as well.
   */
  const ask = (peer: string): Effect.Effect<void> =>
    fork(
      Effect.forEach(
        pending.ofPeer(peer).filter((call) => call.session !== undefined && call.replies.length === 0),
        (call) =>
          Effect.catch(send(peer, { _tag: "Ack", requestId: call.id }), ({ reason }) =>
            // What is lost otherwise ends with its session.
            Effect.sync(() => reason === "notReading" && pending.lose(call, givenUp(peer))),
          ),
        { discard: true },
      ),
    )

  /** Ends when the request is answered or will not be, as Effect's clients take the error of one request from here. */
  const request = (peer: string, clientId: number, message: RequestEncoded, write: Pendings.Call["write"]) =>
    Effect.uninterruptibleMask((restore) => {
      const id = `${prefix}${++made}`
      const bytes = Wire.encode(parser, { ...message, id })
      if (bytes === undefined) return Effect.void
      const sending = restore(requests.send(peer, bytes))
      if (message.isNotification === true) return Effect.mapError(Effect.asVoid(sending), toClientError)
      // Before it is sent, as its session may end before it is known.
      const call = pending.add({ id, requestId: message.id, clientId, peer, write })
      return Effect.matchEffect(sending, {
        onFailure: (error) => {
          pending.finish(call)
          if (error.reason !== "linkLost") return Effect.fail(toClientError(error))
          // It may have been accepted before.
          return Effect.andThen(interrupt(peer, [id]), Effect.fail(peerLost(peer)))
        },
        onSuccess: ({ session }) => {
          call.session = session
          if (session <= call.ended) pending.lose(call, peerLost(peer))
          return restore(Deferred.await(call.over))
        },
      })
    })

  // ---- what peers say ----

  const sessionEnded = ({ from, session }: SessionEnded) =>
    Effect.suspend(() => {
      parsers.delete(session)
      const gone: Array<string> = []
      for (const call of pending.ofPeer(from.name)) {
        if (call.session === undefined) call.ended = Math.max(call.ended, session)
        else if (call.session <= session) {
          pending.lose(call, peerLost(from.name))
          gone.push(call.id)
        }
      }
      // If the peer has a link, its session may go on, and it may be at work on them.
      return interrupt(from.name, gone)
    })

  const take = (peer: string, message: Wire.FromServer): Effect.Effect<void> => {
    if (message._tag === "Eof") return ask(peer)
    if (message._tag === "Defect") {
      const oneOfEach = new Map<number, Pendings.Call>()
      for (const call of pending.ofPeer(peer)) {
        pending.finish(call)
        oneOfEach.set(call.clientId, call)
      }
      return Effect.forEach(oneOfEach.values(), (call) => pending.hand(call, message), { discard: true })
    }
    const id = String(message.requestId)
    const call = pending.get(id)
    if (call === undefined || call.peer !== peer) {
      // A stream that goes on until it is told.
      return message._tag === "Chunk" && id.startsWith(prefix) ? interrupt(peer, [id]) : Effect.void
    }
    const reply = { ...message, requestId: call.requestId }
    switch (reply._tag) {
      case "Interrupt":
        return Effect.sync(() => pending.lose(call, givenUp(peer)))
      case "Exit":
        pending.finish(call)
        return pending.hand(call, reply)
      case "Chunk":
        if (call.replies.length < chunksAhead) return pending.hand(call, reply)
        pending.lose(call, malformed(peer, new Error("a stream that does not wait for its reader")))
        return interrupt(peer, [id])
    }
  }

  const read = Effect.fnUntraced(function* (message: Message) {
    const { from, payload, session } = message
    const known = parsers.get(session) ?? serialization.makeUnsafe()
    parsers.set(session, known)
    const messages = Wire.fromServer(known, payload)
    if (messages instanceof Error) {
      parsers.delete(session)
      // For whom it was cannot be told from the bytes.
      const hit = pending.ofPeer(from.name).filter((call) => call.session === session)
      for (const call of hit) pending.lose(call, malformed(from.name, messages))
      yield* replies.deadLetter(message, messages.message)
      return yield* interrupt(
        from.name,
        hit.map(({ id }) => id),
      )
    }
    for (const each of messages) yield* take(from.name, each)
  })

  // ---- from the beginning to the end ----

  const stop = Effect.suspend(() => {
    const left = pending.all()
    for (const call of left) pending.lose(call, stopped(call.peer))
    return Effect.forEach(left, ({ id, peer }) => interrupt(peer, [id]), { discard: true })
  })

  const incoming = yield* Scope.provide(replies.open(), inner)
  const reading = Stream.runForEach(incoming, (item) => (item._tag === "Message" ? read(item) : sessionEnded(item)))
  // It ends by itself when this node has left.
  yield* Effect.forkIn(Effect.ensuring(reading, stop), inner)
  yield* Effect.addFinalizer(() =>
    stop.pipe(
      Effect.andThen(Effect.timeoutOption(FiberSet.awaitEmpty(tasks), farewellTimeout)),
      Effect.andThen(Scope.close(inner, Exit.void)),
    ),
  )

  const protocol: Calls["protocol"] = (ref) => {
    const peer = typeof ref === "string" ? ref : ref.name
    const plain = RpcClient.Protocol.make((writeTo) =>
      Effect.succeed({
        send: (clientId, message) => {
          if (message._tag === "Request") return request(peer, clientId, message, (reply) => writeTo(clientId, reply))
          const call = "requestId" in message ? pending.find(clientId, message.requestId) : undefined
          if (call === undefined) return Effect.void
          // What is lost of that ends with its session.
          if (message._tag === "Ack") return Effect.ignore(send(peer, { _tag: "Ack", requestId: call.id }))
          pending.finish(call)
          return call.session === undefined ? Effect.void : interrupt(peer, [call.id])
        },
        supportsAck: true,
        supportsTransferables: false,
        codecFor: serialization.codecFor,
      }),
    )
    return Effect.map(plain, (protocol) => ({
      ...protocol,
      run: (clientId, f) =>
        Effect.onExit(protocol.run(clientId, f), () =>
          Effect.suspend(() => {
            const left = pending.ofClient(clientId)
            for (const call of left) pending.finish(call)
            return interrupt(
              peer,
              left.map(({ id }) => id),
            )
          }),
        ),
    }))
  }

  return { protocol } satisfies Calls
})
