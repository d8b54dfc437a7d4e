/**
 * Effect's server protocol over the lanes of a service. Each session with a peer is one client to Effect's server.
 */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import type { LaneItem } from "@coterie/core/Lane"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { ExitEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcServer from "effect/rpc/RpcServer"
import type { CodecFor } from "effect/rpc/RpcSerialization"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { readInSlices } from "../readInSlices.ts"
import { RequestMetrics } from "../RequestMetrics.ts"
import * as RpcLanes from "../RpcLanes.ts"
import * as ClientSessions from "./ClientSessions.ts"
import * as HandlerEnds from "./HandlerEnds.ts"
import { RequestReader } from "./RequestReader.ts"
import { claim } from "./servedNames.ts"
import { type Handler, ServerInput } from "./ServerInput.ts"

/**
 * Default limit of requests of one session in flight. Peers that wait for responses stay far below it, and a server can
 * hold this many requests from each of some hundred peers.
 */
const defaultLimit = 1_024

/**
 * Time to wait for peers to take the last responses when a server stops. A node that leaves waits for its peers as
 * long.
 */
const drainTimeout = "5 seconds"

/** Returns `false` for an exit that contains only interruptions. An exit in bytes counts as an interruption. */
const isAnswer = (exit: ExitEncoded<unknown, unknown>): boolean =>
  exit._tag === "Success" || (exit._tag === "Failure" && exit.cause.some(({ _tag }) => _tag !== "Interrupt"))

interface Options {
  readonly requests: Stream.Stream<LaneItem>
  /** Scope of the lane of requests. */
  readonly reading: Scope.Closeable
  readonly input: ServerInput
  readonly reader: RequestReader
  readonly sessions: ClientSessions.ClientSessions
  readonly codecFor: CodecFor
}

export class ServerProtocol {
  private readonly options: Options
  private isStopping = false

  constructor(options: Options) {
    this.options = options
  }

  /** Makes the service that Effect's server uses. */
  toService(): RpcServer.Protocol["Service"] {
    const { codecFor, sessions } = this.options
    return RpcServer.Protocol.of({
      run: this.run,
      disconnects: sessions.disconnects,
      send: this.send,
      end: () => Effect.void,
      clientIds: Effect.sync(() => sessions.clientIds),
      initialMessage: Effect.succeed(Option.none()),
      supportsAck: true,
      supportsTransferables: false,
      supportsSpanPropagation: true,
      supportsNotifications: true,
      codecFor,
    })
  }

  /** Closes the lane of requests. From then on the server gives up requests whose handlers are interrupted. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    this.isStopping = true
    return Scope.close(this.options.reading, Exit.void)
  })

  /**
   * Stops, sends the queued responses, and publishes `Eof`, so that clients give up the requests that the server did
   * not read.
   */
  get shutdown(): Effect.Effect<void> {
    const { reader, sessions } = this.options
    return this.stop.pipe(
      Effect.andThen(Effect.sync(() => sessions.endResponses())),
      Effect.andThen(Effect.timeoutOption(sessions.awaitSenders, drainTimeout)),
      Effect.andThen(reader.publishEof),
      // Effect's server has ended already. A server of the application may leave requests without a response.
      Effect.andThen(Effect.sync(() => sessions.endAll("stopped"))),
    )
  }

  private readonly run = (handler: Handler): Effect.Effect<never> => {
    const { input, reader, requests, sessions } = this.options
    return Effect.suspend(() => {
      input.open(handler)
      return readInSlices(requests, (item) => reader.read(item))
    }).pipe(
      // The stream has ended because this node left.
      Effect.andThen(() => {
        sessions.endAll("SessionEnded")
        return Effect.never
      }),
      // Stops before Effect's server interrupts the handlers.
      Effect.onExit(() => this.stop),
    )
  }

  private readonly send = (clientId: number, response: FromServerEncoded): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { input, sessions } = this.options
      const client = sessions.get(clientId)
      if (client === undefined) return Effect.void
      if (response._tag === "Defect") return sessions.fail(client, response)
      // Nobody takes the values of a notification, and its handler runs to the end.
      if (response._tag === "Chunk" && client.isNotification(response.requestId))
        return Effect.ignore(input.write(clientId, { _tag: "Ack", requestId: response.requestId }))
      // A client takes an interrupted exit for its own interruption, so a server that stops gives the request up.
      if (this.isStopping && response._tag === "Exit" && !isAnswer(response.exit))
        client.giveUp(response.requestId, "stopped")
      else client.respond(response)
      return Effect.void
    })
}

/**
 * Makes the protocol of a service. Fails with `OptionsError` if the limit or the name of the service is invalid, or if
 * this node serves the name already.
 */
export const make = Effect.fnUntraced(function* (
  cluster: Cluster["Service"],
  options: { readonly service?: string | undefined; readonly limit?: number | undefined },
) {
  const { limit = defaultLimit } = options
  if (!Number.isInteger(limit) || limit < 1) {
    return yield* new OptionsError({ option: "limit", problem: "the limit must be an integer of at least 1" })
  }
  const lanes = yield* RpcLanes.make(cluster, options)
  yield* claim(cluster, lanes.service)
  // `inner` is closed after the last responses are sent, and `reading` before.
  const inner = yield* Scope.make()
  const reading = yield* Scope.fork(inner)
  const input = new ServerInput()
  const { responses, serialization } = lanes
  const metrics = new RequestMetrics({ metrics: cluster.metrics, direction: "in", service: lanes.label })
  const sessions = yield* ClientSessions.make({
    responses,
    serialization,
    input,
    limit,
    metrics,
    log: cluster.log,
    scope: inner,
  })
  const reader = new RequestReader({ lanes, sessions, input, scope: inner })
  const requests = yield* Scope.provide(lanes.requests.open(), reading)
  const server = new ServerProtocol({
    requests,
    reading,
    input,
    reader,
    sessions,
    codecFor: serialization.codecFor,
  })
  yield* Effect.addFinalizer(() => Effect.andThen(server.shutdown, Scope.close(inner, Exit.void)))
  return { protocol: server.toService(), handlerEnds: HandlerEnds.make(sessions) }
})
