/** The requests of this node that are in flight, found by their ids, their clients and their peers. Each of them ends once. */
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as Scope from "effect/Scope"
import type { RequestId } from "../RpcMessages.ts"
import * as InFlightRequest from "./InFlightRequest.ts"

export class InFlightRequests {
  private readonly scope: Scope.Scope
  private readonly byId = new Map<string, InFlightRequest.InFlightRequest>()
  private readonly byClient = new Map<number, Map<RequestId, InFlightRequest.InFlightRequest>>()

  /** Responses are handed over in fibers of the scope. */
  constructor(scope: Scope.Scope) {
    this.scope = scope
  }

  add(options: Omit<InFlightRequest.Options, "scope">): InFlightRequest.InFlightRequest {
    const request = new InFlightRequest.InFlightRequest({ ...options, scope: this.scope })
    this.byId.set(request.id, request)
    const ofClient = this.byClient.get(request.clientId) ?? new Map<RequestId, InFlightRequest.InFlightRequest>()
    this.byClient.set(request.clientId, ofClient.set(request.requestId, request))
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
    return [...this.byId.values()].filter((request) => request.peer === peer)
  }

  all(): ReadonlyArray<InFlightRequest.InFlightRequest> {
    return [...this.byId.values()]
  }

  /** Removes the request and ends its send. The client gets the outcome in another way, or waits for none. */
  complete(request: InFlightRequest.InFlightRequest): void {
    if (this.remove(request)) request.complete()
  }

  /** Removes the request and fails its send with the error that its client gets. */
  fail(request: InFlightRequest.InFlightRequest, error: RpcClientError): void {
    if (this.remove(request)) request.fail(error)
  }

  private remove(request: InFlightRequest.InFlightRequest): boolean {
    const ofClient = this.byClient.get(request.clientId)
    if (ofClient?.delete(request.requestId) === true && ofClient.size === 0) this.byClient.delete(request.clientId)
    return this.byId.delete(request.id)
  }
}
