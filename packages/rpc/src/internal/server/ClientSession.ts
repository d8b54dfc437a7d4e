/**
 * A client of Effect's server: one session with one peer. Each session has its own queue of responses, so that a peer
 * that takes no responses does not delay the responses to other peers.
 */
import type { PeerId } from "@coterie/core/Peer"
import type * as Fiber from "effect/Fiber"
import { constEof, type FromServerEncoded } from "effect/rpc/RpcMessage"
import type { Parser } from "effect/rpc/RpcSerialization"
import { Busy } from "../../RequestLost.ts"
import type { RequestMetrics } from "../RequestMetrics.ts"
import { outcomeOfExit, type RequestOutcome } from "../requestOutcomes.ts"
import * as RpcMessages from "../RpcMessages.ts"
import { headersOf } from "./peerHeaders.ts"
import { type Options as QueueOptions, ResponseQueue } from "./ResponseQueue.ts"

/**
 * Minimum number of queued responses at which denials and defects are dropped. A burst of this many requests beyond the
 * limit is denied without a round trip, and the denials of a peer that takes no responses need less than 1 MB.
 */
const minCapacity = 2_048

export interface Options extends Pick<QueueOptions, "send" | "start"> {
  /** Id of the client in Effect's server. */
  readonly clientId: number
  readonly peer: PeerId
  readonly session: number
  readonly parser: Parser
  readonly encodeGiveUp: (requestId: RpcMessages.RequestId, reason: RpcMessages.GiveUpReason) => RpcMessages.GiveUp
  /** Maximum number of requests in flight. A request is in flight until its last response is sent. */
  readonly limit: number
  readonly metrics: RequestMetrics
}

export class ClientSession {
  readonly clientId: number
  readonly peer: PeerId
  readonly session: number
  readonly parser: Parser
  /** Headers that name the peer, which each request of the session gets. */
  readonly headers: ReturnType<typeof headersOf>
  private readonly queue: ResponseQueue
  private readonly encodeGiveUp: Options["encodeGiveUp"]
  private readonly limit: number
  private readonly capacity: number
  private readonly metrics: RequestMetrics
  private readonly inFlight = new Map<RpcMessages.RequestId, "running" | "ended by a defect" | "notification">()
  /** Requests whose handlers run, as {@link handlerStarted} and {@link handlerEnded} report. */
  private readonly handled = new Set<RpcMessages.RequestId>()
  /**
   * Ended requests whose handlers still run: `discard` requests, and requests whose handlers take a long time to end.
   */
  private readonly outlived = new Set<RpcMessages.RequestId>()
  private lastNotification = 0
  /** `true` if a message to the client was dropped, so that the client must confirm its requests in flight. */
  private owesEof = false
  /** `true` while a fiber interrupts the requests that a defect ended. */
  isInterrupting = false
  /**
   * `true` once a response that is too large was logged. A peer can ask for many such responses and must not fill the
   * log.
   */
  hasLoggedTooLarge = false

  constructor({ clientId, encodeGiveUp, limit, metrics, parser, peer, send, session, start }: Options) {
    this.clientId = clientId
    this.peer = peer
    this.session = session
    this.parser = parser
    this.headers = headersOf(peer)
    this.queue = new ResponseQueue({ send, start, onSent: () => this.offerOwedEof() })
    this.encodeGiveUp = encodeGiveUp
    this.limit = limit
    this.capacity = Math.max(2 * limit, minCapacity)
    this.metrics = metrics
  }

  /** Fiber that sends responses. `undefined` if no response waits. */
  get sender(): Fiber.Fiber<unknown, unknown> | undefined {
    return this.queue.sender
  }

  /**
   * Adds a request. Its id must differ from the ids of the requests in flight. If the limit of requests in flight is
   * reached, refuses the request with `Busy` and returns `false`.
   */
  addRequest(requestId: RpcMessages.RequestId): boolean {
    if (this.isAtLimit) {
      this.metrics.refuse("Busy")
      this.offerUnlessFull(this.encodeGiveUp(requestId, new Busy({ limit: this.limit })))
      return false
    }
    this.metrics.begin()
    this.inFlight.set(requestId, "running")
    return true
  }

  /**
   * Adds a notification, whose handler counts towards the limit. Returns an id for Effect's server, which reports the
   * end of requests only. Returns `undefined` without adding it if the limit is reached.
   */
  addNotification(): string | undefined {
    if (this.isAtLimit) {
      this.metrics.refuse("Busy")
      return undefined
    }
    const id = this.unusedNotificationId()
    this.metrics.begin()
    this.inFlight.set(id, "notification")
    return id
  }

  /** Reports whether the id belongs to a notification whose handler runs. */
  isNotification(requestId: RpcMessages.RequestId): boolean {
    return this.inFlight.get(requestId) === "notification"
  }

  /**
   * Marks all requests and notifications as ended by a defect and returns them. The client ends them when it gets the
   * defect. At the server they stay in flight until Effect's server has ended their handlers, so that a client cannot
   * run more handlers than its limit.
   */
  endByDefect(): ReadonlyArray<RpcMessages.RequestId> {
    const ended = [...this.inFlight]
      .filter(([, state]) => state !== "ended by a defect")
      .map(([requestId]) => requestId)
    for (const requestId of ended) this.inFlight.set(requestId, "ended by a defect")
    return ended
  }

  /** Returns the requests that a defect ended and whose handlers may run. */
  get endedByDefect(): ReadonlyArray<RpcMessages.RequestId> {
    return [...this.inFlight].filter(([, state]) => state === "ended by a defect").map(([requestId]) => requestId)
  }

  /** Reports whether the request has no final response yet, or its handler runs. */
  hasRequest(requestId: RpcMessages.RequestId): boolean {
    return this.inFlight.has(requestId) || this.outlived.has(requestId)
  }

  /** Records the start of the handler of a request. */
  handlerStarted(requestId: RpcMessages.RequestId): void {
    this.handled.add(requestId)
  }

  /** Records the end of the handler of a request. */
  handlerEnded(requestId: RpcMessages.RequestId): void {
    this.handled.delete(requestId)
    this.outlived.delete(requestId)
  }

  /** Reports whether the client waits for a response to the request. */
  awaitsResponse(requestId: RpcMessages.RequestId): boolean {
    return this.inFlight.get(requestId) === "running"
  }

  /** Reports whether the limit of requests in flight is reached. */
  get isAtLimit(): boolean {
    return this.inFlight.size + this.outlived.size + this.queue.size >= this.limit
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
        // A client that takes a chunk before it acknowledges it has at most one chunk and one exit queued for each
        // request.
        if (this.queue.size >= this.capacity + 2 * this.limit)
          throw new Error("the client does not take the chunks that it acknowledged")
        return this.offer(response, response.requestId)
      case "Exit": {
        const { exit, requestId } = response
        const state = this.inFlight.get(requestId)
        this.end(requestId, state === "ended by a defect" ? "defect" : outcomeOfExit(exit))
        if (state === undefined || state === "running") this.offer(response, requestId)
        return
      }
      case "Defect":
        return this.offerUnlessFull(response)
    }
  }

  /** Ends a request without a response, and tells its client so, and the reason if it has one. */
  giveUp(
    requestId: RpcMessages.RequestId,
    reason: RpcMessages.GiveUpReason | "defect" | "malformed" | "stopped",
  ): void {
    const isNotification = this.isNotification(requestId)
    this.end(requestId, typeof reason === "string" ? reason : reason._tag)
    if (isNotification) return
    if (typeof reason === "string") this.deny(requestId)
    else this.offerUnlessFull(this.encodeGiveUp(requestId, reason))
  }

  /**
   * Queues an `Interrupt`: the request is not in flight and gets no response. If the queue is full, the client
   * confirms its requests later instead.
   */
  deny(requestId: RpcMessages.RequestId): void {
    this.offerUnlessFull({ _tag: "Interrupt", requestId })
  }

  /**
   * Makes the client confirm its requests in flight once it has taken the queued responses, because a message that ends
   * some of the requests was dropped.
   */
  confirmLater(): void {
    this.owesEof = true
    if (this.queue.size === 0) this.offerOwedEof()
  }

  /** Queues no further responses. Those that wait are still sent. */
  endResponses(): void {
    this.queue.end()
  }

  /** Drops the responses that wait, and queues no further ones. */
  dropResponses(): void {
    this.queue.close()
  }

  /** Ends all requests without a response. */
  endRequests(outcome: RequestOutcome): void {
    for (const [requestId, state] of this.inFlight)
      this.end(requestId, state === "ended by a defect" ? "defect" : outcome)
  }

  private unusedNotificationId(): string {
    let id: string
    // A peer may use any id for its requests.
    do id = `notification ${++this.lastNotification}`
    while (this.hasRequest(id))
    return id
  }

  private end(requestId: RpcMessages.RequestId, outcome: RequestOutcome): void {
    if (!this.inFlight.delete(requestId)) return
    this.metrics.end(outcome)
    if (this.handled.has(requestId)) this.outlived.add(requestId)
  }

  private offerUnlessFull(message: RpcMessages.FromServer): void {
    if (this.queue.size >= this.capacity) this.confirmLater()
    else this.offer(message, undefined)
  }

  private offerOwedEof(): void {
    if (!this.owesEof || this.queue.size > 0) return
    this.owesEof = false
    this.offer(constEof, undefined)
  }

  private offer(message: RpcMessages.FromServer, requestId: RpcMessages.RequestId | undefined): void {
    const bytes = RpcMessages.encode(this.parser, message)
    if (bytes !== undefined) this.queue.offer({ bytes, requestId })
  }
}
