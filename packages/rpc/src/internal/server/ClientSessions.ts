/**
 * Sessions that have sent a message. When a session ends, Effect's server disconnects its client and interrupts the
 * handlers of its requests.
 */
import type { SendError } from "@coterie/core/ClusterError"
import type { Lane } from "@coterie/core/Lane"
import type { Message } from "@coterie/core/Message"
import type { NodeLog } from "@coterie/core/NodeLog"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import type { RpcSerialization } from "effect/rpc/RpcSerialization"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { RequestMetrics } from "../RequestMetrics.ts"
import type { RequestOutcome } from "../requestOutcomes.ts"
import { type Start, startIn } from "../startIn.ts"
import { ResponseTooLarge } from "../../RequestLost.ts"
import * as RpcMessages from "../RpcMessages.ts"
import { ClientSession, type Options as SessionOptions } from "./ClientSession.ts"
import type { QueuedResponse } from "./ResponseQueue.ts"
import type { ServerInput } from "./ServerInput.ts"

/** Pauses between interrupts of a handler that goes on: short for one that is about to end, and at most 10 seconds. */
const interruptSchedule = Schedule.min([Schedule.exponential("10 millis"), Schedule.spaced("10 seconds")])

export interface Options {
  readonly responses: Lane
  readonly serialization: RpcSerialization["Service"]
  readonly input: ServerInput
  /** Maximum number of requests of one session in flight. */
  readonly limit: number
  readonly metrics: RequestMetrics
  readonly log: NodeLog
  /** Scope of the fibers that send responses. */
  readonly scope: Scope.Scope
}

export class ClientSessions {
  private readonly disconnected: Queue.Queue<number>
  private readonly options: Options
  private readonly encodeGiveUp: SessionOptions["encodeGiveUp"]
  private readonly start: Start
  private readonly byClientId = new Map<number, ClientSession>()
  private readonly bySession = new Map<number, ClientSession>()
  private lastClientId = 0

  constructor(options: Options, disconnected: Queue.Queue<number>, start: Start) {
    this.options = options
    this.start = start
    this.encodeGiveUp = RpcMessages.encodeGiveUpWith(options.serialization.codecFor)
    this.disconnected = disconnected
  }

  /** Ids of clients whose session ended, for Effect's server. */
  get disconnects(): Queue.Dequeue<number> {
    return this.disconnected
  }

  get(clientId: number): ClientSession | undefined {
    return this.byClientId.get(clientId)
  }

  get clientIds(): ReadonlySet<number> {
    return new Set(this.byClientId.keys())
  }

  /** Returns the session of a message, and opens the session if the message is its first. */
  sessionOf({ from, session }: Message): ClientSession {
    return this.bySession.get(session) ?? this.open(from, session)
  }

  /** Disconnects the client of a session that ended. */
  end(session: number): void {
    const client = this.bySession.get(session)
    if (client !== undefined) this.disconnect(client, "SessionEnded")
  }

  /** Sends a defect to a client, which ends all its requests, and interrupts their handlers. */
  fail(client: ClientSession, response: FromServerEncoded & { readonly _tag: "Defect" }): Effect.Effect<void> {
    return Effect.suspend(() => {
      client.respond(response)
      return Effect.andThen(this.interrupt(client, client.endByDefect()), this.keepInterrupting(client))
    })
  }

  /** Disconnects all clients. Their requests end with the outcome. */
  endAll(outcome: RequestOutcome): void {
    for (const client of [...this.byClientId.values()]) this.disconnect(client, outcome)
  }

  /** Queues no further responses. Those that wait are still sent. */
  endResponses(): void {
    for (const client of this.byClientId.values()) client.endResponses()
  }

  /** Waits until all responses that wait are sent. */
  readonly awaitSenders: Effect.Effect<void> = Effect.suspend(() => {
    const senders = Array.from(this.byClientId.values(), ({ sender }) => sender).filter(
      (sender) => sender !== undefined,
    )
    return senders.length === 0 ? Effect.void : Effect.andThen(Fiber.awaitAll(senders), () => this.awaitSenders)
  })

  private open(peer: Message["from"], session: number): ClientSession {
    const { limit, metrics, serialization } = this.options
    const client: ClientSession = new ClientSession({
      clientId: ++this.lastClientId,
      peer,
      session,
      parser: serialization.makeUnsafe(),
      encodeGiveUp: this.encodeGiveUp,
      limit,
      metrics,
      start: this.start,
      send: (response) => this.sendResponse(client, response),
    })
    this.byClientId.set(client.clientId, client)
    this.bySession.set(session, client)
    return client
  }

  /** Interrupts the handlers of requests that a defect ended. */
  private interrupt(client: ClientSession, ended: ReadonlyArray<RpcMessages.RequestId>): Effect.Effect<void> {
    return Effect.forEach(
      ended,
      (requestId) =>
        Effect.catch(this.options.input.write(client.clientId, { _tag: "Interrupt", requestId }), () =>
          Effect.sync(() => client.giveUp(requestId, "defect")),
        ),
      { discard: true },
    )
  }

  /**
   * Interrupts the handlers again until all requests that a defect ended have an exit. Effect's server sends a defect
   * instead of the exit of the handler that died, and responds to an interrupt with an exit only once the fiber of that
   * handler has ended.
   */
  private keepInterrupting(client: ClientSession): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (client.isInterrupting || client.endedByDefect.length === 0) return Effect.void
      client.isInterrupting = true
      return Effect.suspend(() => this.interrupt(client, client.endedByDefect)).pipe(
        Effect.repeat({
          schedule: interruptSchedule,
          while: () => client.endedByDefect.length > 0 && this.get(client.clientId) === client,
        }),
        Effect.ensuring(Effect.sync(() => (client.isInterrupting = false))),
        Effect.forkIn(this.options.scope),
        Effect.asVoid,
      )
    })
  }

  private disconnect(client: ClientSession, outcome: RequestOutcome): void {
    if (!this.byClientId.delete(client.clientId)) return
    this.bySession.delete(client.session)
    client.endRequests(outcome)
    Queue.offerUnsafe(this.disconnected, client.clientId)
    client.dropResponses()
  }

  private sendResponse(client: ClientSession, response: QueuedResponse): Effect.Effect<void> {
    return Effect.matchEffect(this.options.responses.send(client.peer.name, response.bytes), {
      onFailure: (error) => this.onSendError(client, response, error),
      onSuccess: () => Effect.void,
    })
  }

  private onSendError(client: ClientSession, { requestId }: QueuedResponse, error: SendError): Effect.Effect<void> {
    const { reason } = error
    switch (reason._tag) {
      case "TooLarge": {
        // A defect has ended requests of which the client does not learn.
        if (requestId === undefined) return Effect.sync(() => client.confirmLater())
        client.giveUp(requestId, new ResponseTooLarge({ bytes: reason.bytes, limit: reason.limit }))
        const interrupt = Effect.ignore(this.options.input.write(client.clientId, { _tag: "Interrupt", requestId }))
        if (client.hasLoggedTooLarge) return interrupt
        client.hasLoggedTooLarge = true
        const { generation, name } = client.peer
        const line = this.options.log.write({
          level: "Error",
          kind: "unsent responses",
          subject: name,
          text: `the response to "${name}" was not sent: ${error.message}; further such responses of this session are not logged`,
          annotations: { peer: name, generation },
        })
        return Effect.andThen(line, interrupt)
      }
      // The peer has closed its clients: no request waits for a response.
      case "NotReading":
        return Effect.sync(() => this.disconnect(client, "interrupted"))
      // The session ended. The reader of the lane of requests handles the end.
      default:
        return Effect.void
    }
  }
}

/** Makes the sessions of a server. There are none at first. */
export const make = (options: Options): Effect.Effect<ClientSessions> =>
  Effect.zipWith(
    Queue.unbounded<number>(),
    startIn(options.scope),
    (disconnected, start) => new ClientSessions(options, disconnected, start),
  )
