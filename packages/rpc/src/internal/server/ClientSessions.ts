/**
 * Sessions that have sent a message, each with a fiber that sends its responses. When a session ends, Effect's server
 * disconnects its client and interrupts the handlers of its requests.
 */
import type { SendError } from "@coterie/core/ClusterError"
import type { Lane } from "@coterie/core/Lane"
import type { Message } from "@coterie/core/Message"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import type { RpcSerialization } from "effect/rpc/RpcSerialization"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RequestMetrics } from "../RequestMetrics.ts"
import type { RequestOutcome } from "../requestOutcomes.ts"
import { ResponseTooLarge } from "../../RequestLost.ts"
import * as RpcMessages from "../RpcMessages.ts"
import * as ClientSession from "./ClientSession.ts"
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
  /** Annotations of log lines: `cluster` and `node`. */
  readonly labels: { readonly cluster: string; readonly node: string }
  /** Scope of the fibers that send responses. */
  readonly scope: Scope.Scope
}

/** Session with the fiber that sends its responses. One entry holds both, so that neither outlives the other. */
interface OpenSession {
  readonly client: ClientSession.ClientSession
  readonly sender: Fiber.Fiber<void>
}

export class ClientSessions {
  private readonly disconnected: Queue.Queue<number>
  private readonly options: Options
  private readonly encodeGiveUp: ClientSession.Options["encodeGiveUp"]
  private readonly byClientId = new Map<number, OpenSession>()
  private readonly bySession = new Map<number, ClientSession.ClientSession>()
  private lastClientId = 0

  constructor(options: Options, disconnected: Queue.Queue<number>) {
    this.options = options
    this.encodeGiveUp = RpcMessages.encodeGiveUpWith(options.serialization.codecFor)
    this.disconnected = disconnected
  }

  /** Ids of clients whose session ended, for Effect's server. */
  get disconnects(): Queue.Dequeue<number> {
    return this.disconnected
  }

  get(clientId: number): ClientSession.ClientSession | undefined {
    return this.byClientId.get(clientId)?.client
  }

  get clientIds(): ReadonlySet<number> {
    return new Set(this.byClientId.keys())
  }

  /** Returns the session of a message, and opens the session if the message is its first. */
  sessionOf({ from, session }: Message): Effect.Effect<ClientSession.ClientSession> {
    const known = this.bySession.get(session)
    return known === undefined ? this.open(from, session) : Effect.succeed(known)
  }

  /** Disconnects the client of a session that ended. */
  end(session: number): void {
    const client = this.bySession.get(session)
    if (client !== undefined) this.disconnect(client, "SessionEnded")
  }

  /** Sends a defect to a client, which ends all its requests, and interrupts their handlers. */
  fail(
    client: ClientSession.ClientSession,
    response: FromServerEncoded & { readonly _tag: "Defect" },
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      client.respond(response)
      return Effect.andThen(this.interrupt(client, client.endByDefect()), this.keepInterrupting(client))
    })
  }

  /** Disconnects all clients. Their requests end with the outcome. */
  endAll(outcome: RequestOutcome): void {
    for (const { client } of [...this.byClientId.values()]) this.disconnect(client, outcome)
  }

  /** Ends the queues of responses. The fibers that send responses end when the queues are empty. */
  readonly endResponses: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.byClientId.values(), ({ client }) => client.endResponses, { discard: true }),
  )

  /** Waits until all fibers that send responses have ended. */
  readonly awaitSenders: Effect.Effect<void> = Effect.suspend(() =>
    Effect.asVoid(Fiber.awaitAll([...this.byClientId.values()].map(({ sender }) => sender))),
  )

  private readonly open = Effect.fnUntraced({ self: this }, function* (peer: Message["from"], session: number) {
    const { limit, metrics, scope, serialization } = this.options
    const parser = serialization.makeUnsafe()
    const client = yield* ClientSession.make({
      clientId: ++this.lastClientId,
      peer,
      session,
      parser,
      encodeGiveUp: this.encodeGiveUp,
      limit,
      metrics,
    })
    const sender = yield* Effect.forkIn(this.sendResponses(client), scope)
    this.byClientId.set(client.clientId, { client, sender })
    this.bySession.set(session, client)
    return client
  })

  /** Interrupts the handlers of requests that a defect ended. */
  private interrupt(
    client: ClientSession.ClientSession,
    ended: ReadonlyArray<RpcMessages.RequestId>,
  ): Effect.Effect<void> {
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
   * Interrupts the handlers again until all requests that a defect ended have an exit. Effect's server sends a defect instead of the
   * exit of the handler that died, and answers an interrupt with an exit only once the fiber of that handler has ended.
   */
  private keepInterrupting(client: ClientSession.ClientSession): Effect.Effect<void> {
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

  private disconnect(client: ClientSession.ClientSession, outcome: RequestOutcome): void {
    const { clientId } = client
    const open = this.byClientId.get(clientId)
    if (open === undefined) return
    this.byClientId.delete(clientId)
    this.bySession.delete(client.session)
    client.endRequests(outcome)
    Queue.offerUnsafe(this.disconnected, clientId)
    open.sender.interruptUnsafe()
  }

  private sendResponses(client: ClientSession.ClientSession): Effect.Effect<void> {
    const { responses } = this.options
    return Stream.runForEach(client.responses, (response) =>
      Effect.catch(Effect.asVoid(responses.send(client.peer.name, response.bytes)), (error) =>
        this.onSendError(client, response, error),
      ),
    )
  }

  private onSendError(
    client: ClientSession.ClientSession,
    { requestId }: ClientSession.QueuedResponse,
    error: SendError,
  ): Effect.Effect<void> {
    const { reason } = error
    switch (reason._tag) {
      case "TooLarge": {
        // A defect has ended requests of which the client does not learn.
        if (requestId === undefined) return Effect.sync(() => client.confirmLater())
        client.giveUp(requestId, new ResponseTooLarge({ bytes: reason.bytes, limit: reason.limit }))
        const interrupt = Effect.ignore(this.options.input.write(client.clientId, { _tag: "Interrupt", requestId }))
        if (client.hasLoggedTooLarge) return interrupt
        client.hasLoggedTooLarge = true
        const line = Effect.logError(
          `the response to "${client.peer.name}" was not sent: ${error.message}; further such responses of this session are not logged`,
        )
        const { generation, name } = client.peer
        return Effect.andThen(Effect.annotateLogs(line, { ...this.options.labels, peer: name, generation }), interrupt)
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
  Effect.map(Queue.unbounded<number>(), (disconnected) => new ClientSessions(options, disconnected))
