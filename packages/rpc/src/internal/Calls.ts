/**
 * The calling side: what this node asked its peers and has no answer to. The lane of the replies is read once, for the clients
 * of all peers; each reply is handed to its client in a fiber, so that whoever is slow to take the values of a stream
 * holds up nobody else.
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
import type { FromServerEncoded, RequestEncoded } from "effect/rpc/RpcMessage"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { RequestLost, toClientError } from "../RequestLost.ts"
import * as Wire from "./Wire.ts"

/** The client protocol for each peer. */
export interface Calls {
  readonly protocol: (peer: PeerRef) => Effect.Effect<RpcClient.Protocol["Service"]>
}

/** A request that is not answered. */
interface Call {
  /** As the server knows it. */
  readonly id: string
  /** As its client knows it. */
  readonly requestId: Wire.Id
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

/** A server sends a chunk and waits until it is taken; a question about the request, which looks the same, makes it two. */
const chunksAhead = 4

/** Tasks that wait to tell a peer something that it can do without. */
const maxTasks = 1_024

/** How long a node that makes no requests any more waits to tell peers so: as long as Effect's clients do. */
const farewellTimeout = "1 second"

export const make = Effect.fnUntraced(function* (cluster: Cluster["Service"], options: Wire.Options) {
  const { replies, requests, serialization } = yield* Wire.make(cluster, options)
  const entropy = yield* Entropy.Entropy
  // Ends after the clients, whatever the order in which scopes close, and what they have to say then.
  const inner = yield* Scope.make()
  const tasks = yield* Scope.provide(FiberSet.make<void>(), inner)
  const calls = new Map<string, Call>()
  /** The same by client, as the client knows them. */
  const clients = new Map<number, Map<Wire.Id, Call>>()
  const parsers = new Map<number, Wire.Parser>()
  const parser = serialization.makeUnsafe()
  // So that no answer to somebody else, or to an earlier life of this node, is taken for an answer to this one.
  const prefix = `${entropy.u32().toString(36)}-${entropy.u32().toString(36)}-`
  let made = 0

  const lost = (reason: RequestLost["reason"], peer: string, message: string): RpcClientError =>
    toClientError(new RequestLost({ reason, peer, message }))

  const peerLost = (peer: string): RpcClientError =>
    lost("peerLost", peer, `the session with "${peer}" ended before it answered; the request may have been carried out`)

  const givenUp = (peer: string): RpcClientError =>
    lost("givenUp", peer, `"${peer}" does not answer the request any more; it may have been carried out`)

  const send = (peer: string, message: Wire.FromClient) =>
    Effect.suspend(() => {
      const bytes = Wire.encode(parser, message)
      return bytes === undefined ? Effect.succeed(undefined) : requests.send(peer, bytes)
    })

  // ---- tasks that nobody waits for ----

  const fork = (task: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.flatMap(FiberSet.size(tasks), (size) =>
      size < maxTasks ? Effect.asVoid(FiberSet.run(tasks, task)) : Effect.void,
    )

  /** Tells a peer that nobody waits for these any more; if that is lost, so is the session on which they are. */
  const interrupt = (peer: string, ids: ReadonlyArray<string>): Effect.Effect<void> =>
    ids.length === 0
      ? Effect.void
      : fork(
          Effect.ignore(
            Effect.forEach(ids, (requestId) => send(peer, { _tag: "Interrupt", requestId }), { discard: true }),
          ),
        )

  // ---- the calls ----

  const callsOf = (peer: string): ReadonlyArray<Call> => [...calls.values()].filter((call) => call.peer === peer)

  const remember = (call: Call): void => {
    calls.set(call.id, call)
    const ofClient = clients.get(call.clientId) ?? new Map<Wire.Id, Call>()
    clients.set(call.clientId, ofClient.set(call.requestId, call))
  }

  const forget = (call: Call): boolean => {
    const ofClient = clients.get(call.clientId)
    if (ofClient?.delete(call.requestId) === true && ofClient.size === 0) clients.delete(call.clientId)
    return calls.delete(call.id)
  }

  /** It will not be answered: its client hears of that, once. */
  const lose = (call: Call, error: RpcClientError): void => {
    if (forget(call)) Deferred.doneUnsafe(call.over, Effect.fail(error))
  }

  /** Its client hears the rest from elsewhere. */
  const finish = (call: Call): void => {
    if (forget(call)) Deferred.doneUnsafe(call.over, Effect.void)
  }

  const hand = (call: Call, reply: FromServerEncoded): Effect.Effect<void> =>
    Effect.suspend(() => {
      call.replies.push(reply)
      if (call.replies.length > 1) return Effect.void
      const handing = Effect.whileLoop({
        while: () => call.replies.length > 0,
        body: () => call.write(call.replies[0] ?? reply),
        step: () => void call.replies.shift(),
      })
      return Effect.asVoid(Effect.forkIn(handing, inner, { startImmediately: true }))
    })

  const request = (peer: string, clientId: number, message: RequestEncoded, write: Call["write"]) =>
    Effect.uninterruptibleMask((restore) => {
      const id = `${prefix}${++made}`
      const bytes = Wire.encode(parser, { ...message, id })
      if (bytes === undefined) return Effect.void
      if (message.isNotification === true) {
        return Effect.mapError(restore(Effect.asVoid(requests.send(peer, bytes))), toClientError)
      }
      const over = Deferred.makeUnsafe<void, RpcClientError>()
      const call: Call = {
        id,
        requestId: message.id,
        clientId,
        peer,
        write,
        over,
        replies: [],
        session: undefined,
        ended: 0,
      }
      remember(call)
      return Effect.matchEffect(restore(requests.send(peer, bytes)), {
        onFailure: (error) => {
          forget(call)
          if (error.reason !== "linkLost") return Effect.fail(toClientError(error))
          // It may have been accepted before.
          return Effect.andThen(interrupt(peer, [id]), Effect.fail(peerLost(peer)))
        },
        onSuccess: ({ session }) => {
          call.session = session
          if (session <= call.ended) lose(call, peerLost(peer))
          return restore(Deferred.await(over))
        },
      })
    })

  // ---- what peers say ----

  const sessionEnded = ({ from, session }: SessionEnded) =>
    Effect.suspend(() => {
      parsers.delete(session)
      const gone: Array<string> = []
      for (const call of callsOf(from.name)) {
        if (call.session === undefined) call.ended = Math.max(call.ended, session)
        else if (call.session <= session) {
          lose(call, peerLost(from.name))
          gone.push(call.id)
        }
      }
      // If the peer has a link, its session may go on, and it may be at work on them.
      return interrupt(from.name, gone)
    })

  /**
   * Asks a peer about each request that it was sent: what it does not have under way it says. Where a chunk is being
   * taken, the acknowledgement of that asks as well.
   */
  const ask = (peer: string) =>
    fork(
      Effect.forEach(
        callsOf(peer).filter(({ replies, session }) => session !== undefined && replies.length === 0),
        (call) =>
          Effect.catch(send(peer, { _tag: "Ack", requestId: call.id }), ({ reason }) =>
            // What is lost otherwise ends with its session.
            Effect.sync(() => reason === "notReading" && lose(call, givenUp(peer))),
          ),
        { discard: true },
      ),
    )

  const take = (peer: string, message: Wire.FromServer): Effect.Effect<void> => {
    if (message._tag === "Eof") return ask(peer)
    if (message._tag === "Defect") {
      const oneOfEach = new Map<number, Call>()
      for (const call of callsOf(peer)) {
        finish(call)
        oneOfEach.set(call.clientId, call)
      }
      return Effect.forEach(oneOfEach.values(), (call) => hand(call, message), { discard: true })
    }
    const id = String(message.requestId)
    const call = calls.get(id)
    if (call === undefined || call.peer !== peer) {
      // A stream that goes on until it is told.
      return message._tag === "Chunk" && id.startsWith(prefix) ? interrupt(peer, [id]) : Effect.void
    }
    const reply = { ...message, requestId: call.requestId }
    switch (reply._tag) {
      case "Interrupt":
        return Effect.sync(() => lose(call, givenUp(peer)))
      case "Exit":
        finish(call)
        return hand(call, reply)
      case "Chunk":
        if (call.replies.length < chunksAhead) return hand(call, reply)
        lose(call, malformed(peer, new Error("a stream that does not wait for its reader")))
        return interrupt(peer, [id])
    }
  }

  const malformed = (peer: string, cause: Error): RpcClientError =>
    new RpcClientError({
      reason: new RpcClientDefect({ message: `"${peer}" sent what cannot be used: ${cause.message}`, cause }),
    })

  const read = Effect.fnUntraced(function* (message: Message) {
    const { from, payload, session } = message
    let known = parsers.get(session)
    if (known === undefined) parsers.set(session, (known = serialization.makeUnsafe()))
    const messages = Wire.fromServer(known, payload)
    if (messages instanceof Error) {
      parsers.delete(session)
      const error = malformed(from.name, messages)
      // For whom it was cannot be told from the bytes.
      const hit = callsOf(from.name).filter((call) => call.session === session)
      for (const call of hit) lose(call, error)
      yield* replies.deadLetter(message, messages.message)
      return yield* interrupt(
        from.name,
        hit.map(({ id }) => id),
      )
    }
    for (const each of messages) yield* take(from.name, each)
  })

  const stopped = Effect.suspend(() => {
    const left = [...calls.values()]
    for (const call of left) {
      lose(call, lost("stopped", call.peer, "this node makes no requests any more; this one may have been carried out"))
    }
    return Effect.forEach(left, ({ id, peer }) => interrupt(peer, [id]), { discard: true })
  })

  const incoming = yield* Scope.provide(replies.open(), inner)
  const reading = Stream.runForEach(incoming, (item) => (item._tag === "Message" ? read(item) : sessionEnded(item)))
  // It ends by itself when this node has left.
  yield* Effect.forkIn(Effect.ensuring(reading, stopped), inner)
  yield* Effect.addFinalizer(() =>
    stopped.pipe(
      Effect.andThen(Effect.timeoutOption(FiberSet.awaitEmpty(tasks), farewellTimeout)),
      Effect.andThen(Scope.close(inner, Exit.void)),
    ),
  )

  const protocol: Calls["protocol"] = (ref) => {
    const peer = typeof ref === "string" ? ref : ref.name
    const plain = RpcClient.Protocol.make((writeTo) =>
      Effect.succeed({
        send: (clientId, message) => {
          if (message._tag === "Request") {
            return request(peer, clientId, message, (reply) => writeTo(clientId, reply))
          }
          const call = "requestId" in message ? clients.get(clientId)?.get(message.requestId) : undefined
          if (call === undefined) return Effect.void
          // What is lost of that ends with its session.
          if (message._tag === "Ack") return Effect.ignore(send(peer, { _tag: "Ack", requestId: call.id }))
          finish(call)
          return call.session === undefined ? Effect.void : interrupt(peer, [call.id])
        },
        supportsAck: true,
        supportsTransferables: false,
        codecFor: serialization.codecFor,
      }),
    )
    return Effect.map(plain, (it) => ({
      ...it,
      run: (clientId, f) =>
        Effect.onExit(it.run(clientId, f), () =>
          Effect.suspend(() => {
            const left = [...(clients.get(clientId)?.values() ?? [])]
            for (const call of left) finish(call)
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
