/**
 * The serving side: Effect's server protocol over the lanes of a service. Each session with a peer is one client to
 * Effect's server, and is disconnected when the session is over, which interrupts what it asked for.
 */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError, type SendError } from "@coterie/core/ClusterError"
import type { Message, SessionEnded } from "@coterie/core/Message"
import type { PeerId } from "@coterie/core/Peer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { type ExitEncoded, type FromClientEncoded, constEof } from "effect/rpc/RpcMessage"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Callers from "./Caller.ts"
import * as Wire from "./Wire.ts"

export interface Options extends Wire.Options {
  /**
   * Requests of one peer that may be under way at once, those counted of which it has not taken the answer. One that is
   * beyond is given up: `RequestLost`. Default: {@link defaultLimit}.
   */
  readonly limit?: number | undefined
}

/** Far beyond what a peer has under way that waits for answers, and no danger to a server of some hundred peers. */
export const defaultLimit = 1_024

/** How long a server that stops waits for callers to take its last answers: as long as a node that leaves waits for others. */
const drainTimeout = "5 seconds"

/** Headers of each request that say who made it, whatever the request says. */
export const nameHeader = "coterie-peer"
export const generationHeader = "coterie-generation"

type Hear = Parameters<RpcServer.Protocol["Service"]["run"]>[0]

/** The names that each node serves. */
const served = new WeakMap<Cluster["Service"], Set<string>>()

/** Two servers of one name would both carry out each request. */
const claim = (cluster: Cluster["Service"], service: string) => {
  const names = served.get(cluster) ?? new Set<string>()
  served.set(cluster, names)
  const message = `this node serves "${service}" already; merge the groups, or give one of them another name`
  return Effect.acquireRelease(
    Effect.suspend(() =>
      names.has(service)
        ? Effect.fail(new OptionsError({ option: "service", message }))
        : Effect.sync(() => names.add(service)),
    ),
    () => Effect.sync(() => names.delete(service)),
  )
}

const headersOf = ({ generation, name }: PeerId): Array<[string, string]> => [
  [nameHeader, name],
  [generationHeader, String(generation)],
]

/** Whether an exit says more than that the request was interrupted. An exit in bytes does not tell. */
const isAnswer = (exit: ExitEncoded<unknown, unknown>): boolean =>
  exit._tag === "Success" || (exit._tag === "Failure" && exit.cause.some(({ _tag }) => _tag !== "Interrupt"))

export const make = Effect.fnUntraced(function* (cluster: Cluster["Service"], options: Options) {
  const { limit = defaultLimit } = options
  if (!Number.isInteger(limit) || limit < 1) {
    return yield* new OptionsError({ option: "limit", message: "the limit of requests of a peer is at least 1" })
  }
  const { replies, requests, serialization, service } = yield* Wire.make(cluster, options)
  yield* claim(cluster, service)
  const disconnects = yield* Queue.unbounded<number>()
  const encodeDefect = Schema.encodeSync(serialization.codecFor(Schema.Defect()))
  const eof = Wire.encode(serialization.makeUnsafe(), constEof) ?? ""

  // Ends after the last answers are sent, and what is read ends before they are.
  const inner = yield* Scope.make()
  const reading = yield* Scope.fork(inner)
  const callers = new Map<number, Callers.Caller>()
  const sessions = new Map<number, Callers.Caller>()
  const senders = new Map<number, Fiber.Fiber<void>>()
  let lastId = 0
  let stopping = false
  let hear: Hear = () => Effect.void

  /** Nothing of it is carried out or answered any more. */
  const drop = (caller: Callers.Caller): void => {
    if (!callers.delete(caller.id)) return
    sessions.delete(caller.session)
    Queue.offerUnsafe(disconnects, caller.id)
    senders.get(caller.id)?.interruptUnsafe()
    senders.delete(caller.id)
  }

  const unsent = (caller: Callers.Caller, { requestId }: Callers.Reply, error: SendError): Effect.Effect<void> => {
    switch (error.reason) {
      case "tooLarge": {
        if (requestId === undefined) return Effect.void
        caller.giveUp(requestId)
        const stop = hear(caller.id, { _tag: "Interrupt", requestId })
        return Effect.andThen(
          Effect.logError(`an answer to "${caller.peer.name}" was not sent: ${error.message}`),
          stop,
        )
      }
      // Nobody is there who waits.
      case "notReading":
        return Effect.sync(() => drop(caller))
      // The session is over, and its end is about to be read.
      default:
        return Effect.void
    }
  }

  const callerOf = Effect.fnUntraced(function* ({ from, session }: Message) {
    const known = sessions.get(session)
    if (known !== undefined) return known
    const parser = serialization.makeUnsafe()
    const caller = yield* Callers.make({ id: ++lastId, peer: from, session, parser, limit })
    callers.set(caller.id, caller)
    sessions.set(session, caller)
    const sending = Stream.runForEach(Stream.fromQueue(caller.outgoing), (reply) =>
      Effect.catch(Effect.asVoid(replies.send(from.name, reply.bytes)), (error) => unsent(caller, reply, error)),
    )
    senders.set(caller.id, yield* Effect.forkIn(sending, inner))
    return caller
  })

  /** Hands a message to Effect's server, which must not end by what a peer sent. */
  const deliver = (caller: Callers.Caller, message: FromClientEncoded) =>
    Effect.catchDefect(
      Effect.suspend(() => hear(caller.id, message)),
      (defect) => Effect.sync(() => caller.reply({ _tag: "Defect", defect: encodeDefect(defect) })),
    )

  const take = (caller: Callers.Caller, message: Wire.FromClient): Effect.Effect<void> => {
    switch (message._tag) {
      case "Request":
        if (message.isNotification !== true) {
          if (caller.isBusy()) return Effect.sync(() => caller.giveUp(message.id))
          caller.open.add(message.id)
        }
        return deliver(caller, { ...message, headers: message.headers.concat(headersOf(caller.peer)) })
      case "Ack":
        if (!caller.open.has(message.requestId)) return Effect.sync(() => caller.giveUp(message.requestId))
        return deliver(caller, message)
      case "Interrupt":
        return caller.open.has(message.requestId) ? deliver(caller, message) : Effect.void
    }
  }

  const read = Effect.fnUntraced(function* (message: Message) {
    const caller = yield* callerOf(message)
    const messages = Wire.fromClient(caller.parser, message.payload)
    if (messages instanceof Error) {
      // Who waits for an answer to that cannot be told from the bytes.
      caller.reply({ _tag: "Defect", defect: encodeDefect(messages) })
      return yield* requests.deadLetter(message, messages.message)
    }
    for (const each of messages) yield* take(caller, each)
  })

  const ended = ({ from, session }: SessionEnded) =>
    Effect.gen(function* () {
      const caller = sessions.get(session)
      if (caller !== undefined) drop(caller)
      // If the peer has a link, its session may go on, and it may wait for what was lost.
      yield* Effect.forkIn(Effect.ignore(replies.send(from, eof)), inner)
    })

  const incoming = yield* Scope.provide(requests.open(), reading)

  const stop = Effect.suspend(() => {
    stopping = true
    return Scope.close(reading, Exit.void)
  })

  const farewell = Effect.gen(function* () {
    yield* stop
    for (const { outgoing } of callers.values()) yield* Queue.end(outgoing)
    yield* Effect.timeoutOption(Fiber.awaitAll(senders.values()), drainTimeout)
    // What came when nobody read any more is lost, and was read by nobody.
    yield* Effect.ignore(replies.publish(eof))
    yield* Scope.close(inner, Exit.void)
  })
  yield* Effect.addFinalizer(() => farewell)

  return RpcServer.Protocol.of({
    run: (f) =>
      Effect.suspend(() => {
        hear = f
        return Stream.runForEach(incoming, (item) => (item._tag === "Message" ? read(item) : ended(item)))
      }).pipe(
        // This node has left.
        Effect.andThen(() => {
          for (const caller of [...callers.values()]) drop(caller)
          return Effect.never
        }),
        // Before what is under way is interrupted.
        Effect.onExit(() => stop),
      ),
    disconnects,
    send: (clientId, response) =>
      Effect.sync(() => {
        const caller = callers.get(clientId)
        if (caller === undefined) return
        // That the server stopped is no answer: a caller would take it for its own interruption.
        if (stopping && response._tag === "Exit" && !isAnswer(response.exit)) caller.giveUp(response.requestId)
        else caller.reply(response)
      }),
    end: () => Effect.void,
    clientIds: Effect.sync(() => new Set(callers.keys())),
    initialMessage: Effect.succeed(Option.none()),
    supportsAck: true,
    supportsTransferables: false,
    supportsSpanPropagation: true,
    supportsNotifications: true,
    codecFor: serialization.codecFor,
  })
})
