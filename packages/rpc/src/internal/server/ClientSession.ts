/**
 * A client of Effect's server: one session with one peer. Each session has its own queue of responses, so that a peer
 * that takes no responses does not delay the responses to other peers.
 */
import type { PeerId } from "@coterie/core/Peer"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import type { Parser } from "effect/rpc/RpcSerialization"
import * as Stream from "effect/Stream"
import type { RequestMetrics } from "../RequestMetrics.ts"
import { outcomeOfExit, type RequestOutcome } from "../requestOutcomes.ts"
import * as RpcMessages from "../RpcMessages.ts"

/** Encoded message to the peer. */
export interface QueuedResponse {
  readonly bytes: Uint8Array | string
  /** Request that the message answers, if any. */
  readonly requestId: RpcMessages.RequestId | undefined
}

export interface Options {
  /** Id of the client in Effect's server. */
  readonly clientId: number
  readonly peer: PeerId
  readonly session: number
  readonly parser: Parser
  /** Maximum number of requests in flight. A request is in flight until its last response is sent. */
  readonly limit: number
  readonly metrics: RequestMetrics
}

type ResponseQueue = Queue.Queue<QueuedResponse, Cause.Done>

export class ClientSession {
  readonly clientId: number
  readonly peer: PeerId
  readonly session: number
  readonly parser: Parser
  private readonly queue: ResponseQueue
  private readonly limit: number
  private readonly metrics: RequestMetrics
  private readonly inFlight = new Map<RpcMessages.RequestId, "running" | "ended by a defect">()
  /**
   * `true` once a response that is too large was logged. A peer can ask for many such responses and must not fill the
   * log.
   */
  hasLoggedTooLarge = false

  constructor({ clientId, limit, metrics, parser, peer, session }: Options, queue: ResponseQueue) {
    this.clientId = clientId
    this.peer = peer
    this.session = session
    this.parser = parser
    this.queue = queue
    this.limit = limit
    this.metrics = metrics
  }

  /** Responses to send, in order. The stream ends after {@link endResponses}. */
  get responses(): Stream.Stream<QueuedResponse> {
    return Stream.fromQueue(this.queue)
  }

  /** Adds a request. Returns `false` without adding it if the limit of requests in flight is reached. */
  addRequest(requestId: RpcMessages.RequestId): boolean {
    if (this.isAtLimit) {
      this.metrics.refuse("busy")
      return false
    }
    // A peer may reuse the id of a request in flight. One exit ends both requests, so they count as one.
    if (!this.inFlight.has(requestId)) {
      this.metrics.begin()
      this.inFlight.set(requestId, "running")
    }
    return true
  }

  /**
   * Marks all running requests as ended by a defect and returns them. The client ends them when it gets the defect. At
   * the server they stay in flight until Effect's server has ended their handlers, so that a client cannot run more
   * handlers than its limit.
   */
  endByDefect(): ReadonlyArray<RpcMessages.RequestId> {
    const running = [...this.inFlight].filter(([, state]) => state === "running").map(([requestId]) => requestId)
    for (const requestId of running) this.inFlight.set(requestId, "ended by a defect")
    return running
  }

  /** Reports whether the request has no final response yet. */
  hasRequest(requestId: RpcMessages.RequestId): boolean {
    return this.inFlight.has(requestId)
  }

  /** Reports whether the limit of requests in flight is reached. */
  get isAtLimit(): boolean {
    return this.inFlight.size + Queue.sizeUnsafe(this.queue) >= this.limit
  }

  /**
   * Queues a response of Effect's server. If the queue is full:
   *
   * - It throws for a chunk, and Effect ends the request with that defect. Only a client that sends an `Ack` before it
   *   has taken the chunk can cause this.
   * - It drops a defect. A client that sends many messages that cannot be decoded, and takes no response, must not fill
   *   the memory.
   */
  respond(response: FromServerEncoded): void {
    switch (response._tag) {
      case "Chunk":
        if (this.isQueueFull) throw new Error("the client does not take the chunks that it acknowledged")
        return this.offer(response, response.requestId)
      case "Exit": {
        const { exit, requestId } = response
        if (this.inFlight.get(requestId) === "ended by a defect") return this.end(requestId, "defect")
        this.end(requestId, outcomeOfExit(exit))
        return this.offer(response, requestId)
      }
      case "Defect":
        if (!this.isQueueFull) this.offer(response, undefined)
        return
    }
  }

  /** Ends a request without an answer and denies it. */
  giveUp(requestId: RpcMessages.RequestId, outcome: RequestOutcome): void {
    this.end(requestId, outcome)
    this.deny(requestId)
  }

  /** Queues an `Interrupt`: the request is not in flight and will not be answered. Drops it if the queue is full. */
  deny(requestId: RpcMessages.RequestId): void {
    if (!this.isQueueFull) this.offer({ _tag: "Interrupt", requestId }, undefined)
  }

  /** Ends the queue after the responses that it holds. */
  readonly endResponses: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(Queue.end(this.queue)))

  /** Ends all requests without a response. */
  endRequests(outcome: RequestOutcome): void {
    for (const [requestId, state] of this.inFlight) this.end(requestId, state === "running" ? outcome : "defect")
  }

  private end(requestId: RpcMessages.RequestId, outcome: RequestOutcome): void {
    if (this.inFlight.delete(requestId)) this.metrics.end(outcome)
  }

  /**
   * A client that takes a chunk before it acknowledges it has at most one chunk and one exit queued for each request.
   */
  private get isQueueFull(): boolean {
    return Queue.sizeUnsafe(this.queue) >= 2 * this.limit
  }

  private offer(message: RpcMessages.FromServer, requestId: RpcMessages.RequestId | undefined): void {
    const bytes = RpcMessages.encode(this.parser, message)
    if (bytes !== undefined) Queue.offerUnsafe(this.queue, { bytes, requestId })
  }
}

/** Makes a session without requests. */
export const make = (options: Options): Effect.Effect<ClientSession> =>
  Effect.map(Queue.unbounded<QueuedResponse, Cause.Done>(), (queue) => new ClientSession(options, queue))
