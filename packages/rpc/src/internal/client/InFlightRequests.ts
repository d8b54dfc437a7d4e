/** Requests of this node in flight, indexed by id, by client and by peer. Each request ends once. */
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type { RequestMetrics } from "../RequestMetrics.ts"
import { type ExitOutcome, outcomeOfError, type RequestOutcome } from "../requestOutcomes.ts"
import type { RequestId } from "../RpcMessages.ts"
import type { Start } from "../startIn.ts"
import type { AnswerTime } from "./AnswerTime.ts"
import * as InFlightRequest from "./InFlightRequest.ts"

export interface Options {
  /** Starts the fibers that hand over responses. */
  readonly start: Start
  readonly metrics: RequestMetrics
  readonly answerTime: AnswerTime
}

export class InFlightRequests {
  private readonly options: Options
  private readonly byId = new Map<string, InFlightRequest.InFlightRequest>()
  private readonly byClient = new Map<number, Map<RequestId, InFlightRequest.InFlightRequest>>()
  private readonly byPeer = new Map<string, Set<InFlightRequest.InFlightRequest>>()

  constructor(options: Options) {
    this.options = options
  }

  add(options: Omit<InFlightRequest.Options, "began" | "start">): InFlightRequest.InFlightRequest {
    const { answerTime, metrics, start } = this.options
    const request = new InFlightRequest.InFlightRequest({ ...options, began: answerTime.now(), start })
    metrics.begin()
    this.byId.set(request.id, request)
    const ofClient = this.byClient.get(request.clientId) ?? new Map<RequestId, InFlightRequest.InFlightRequest>()
    this.byClient.set(request.clientId, ofClient.set(request.requestId, request))
    const ofPeer = this.byPeer.get(request.peer) ?? new Set<InFlightRequest.InFlightRequest>()
    this.byPeer.set(request.peer, ofPeer.add(request))
    return request
  }

  /** Returns the request with the id that the server knows. */
  get(id: string): InFlightRequest.InFlightRequest | undefined {
    return this.byId.get(id)
  }

  /** Returns the request with the id that its client knows. */
  find(clientId: number, requestId: RequestId): InFlightRequest.InFlightRequest | undefined {
    return this.byClient.get(clientId)?.get(requestId)
  }

  ofClient(clientId: number): ReadonlyArray<InFlightRequest.InFlightRequest> {
    return [...(this.byClient.get(clientId)?.values() ?? [])]
  }

  ofPeer(peer: string): ReadonlyArray<InFlightRequest.InFlightRequest> {
    return [...(this.byPeer.get(peer) ?? [])]
  }

  /** Returns the number of requests in flight at a peer. */
  countOfPeer(peer: string): number {
    return this.byPeer.get(peer)?.size ?? 0
  }

  all(): ReadonlyArray<InFlightRequest.InFlightRequest> {
    return [...this.byId.values()]
  }

  /** Completes a request that got an exit, and records the time until the response. */
  answer(request: InFlightRequest.InFlightRequest, outcome: ExitOutcome): void {
    if (this.byId.has(request.id)) this.options.answerTime.record(request.began)
    this.complete(request, outcome)
  }

  /**
   * Removes the request and completes its send. The client gets the outcome in another way, or does not wait for one.
   */
  complete(request: InFlightRequest.InFlightRequest, outcome: RequestOutcome): void {
    if (this.remove(request, outcome)) request.complete()
  }

  /** Removes the request and fails its send with the error that its client gets. */
  fail(
    request: InFlightRequest.InFlightRequest,
    error: RpcClientError,
    outcome: RequestOutcome = outcomeOfError(error),
  ): void {
    if (this.remove(request, outcome)) request.fail(error)
  }

  private remove(request: InFlightRequest.InFlightRequest, outcome: RequestOutcome): boolean {
    const ofClient = this.byClient.get(request.clientId)
    if (ofClient?.delete(request.requestId) === true && ofClient.size === 0) this.byClient.delete(request.clientId)
    const ofPeer = this.byPeer.get(request.peer)
    if (ofPeer?.delete(request) === true && ofPeer.size === 0) this.byPeer.delete(request.peer)
    const isInFlight = this.byId.delete(request.id)
    if (isInFlight) this.options.metrics.end(outcome)
    return isInFlight
  }
}
