/**
 * Effect's client protocol over the lanes of a service. One reader reads the lane of responses for the clients of all
 * peers.
 */
import type { Cluster } from "@coterie/core/Cluster"
import type { SendError } from "@coterie/core/ClusterError"
import { nameOf, type PeerId, type PeerRef } from "@coterie/core/Peer"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type { FromClientEncoded, RequestEncoded } from "effect/rpc/RpcMessage"
import type { CodecFor } from "effect/rpc/RpcSerialization"
import * as Scope from "effect/Scope"
import { readInSlices } from "../readInSlices.ts"
import { RequestMetrics } from "../RequestMetrics.ts"
import { outcomeOfError } from "../requestOutcomes.ts"
import * as RpcLanes from "../RpcLanes.ts"
import { startIn } from "../startIn.ts"
import { AnswerTime } from "./AnswerTime.ts"
import * as AnyPeer from "./AnyPeer.ts"
import type { InFlightRequest, Options as InFlightOptions } from "./InFlightRequest.ts"
import { InFlightRequests } from "./InFlightRequests.ts"
import { clientClosed, sessionEnded, toClientError } from "./requestErrors.ts"
import * as RequestIds from "./RequestIds.ts"
import * as RequestSender from "./RequestSender.ts"
import { RoundTripTimes } from "./RoundTripTimes.ts"
import * as ServingPeers from "./ServingPeers.ts"
import { ResponseReader } from "./ResponseReader.ts"

type Write = InFlightOptions["write"]

interface Members {
  readonly self: PeerId
  readonly peers: ReadonlyArray<PeerId>
}

/** Makes a request, and waits until it has ended. */
type MakeRequest = (clientId: number, message: RequestEncoded, write: Write) => Effect.Effect<void, RpcClientError>

interface Options {
  readonly ids: RequestIds.RequestIds
  readonly inFlight: InFlightRequests
  readonly sender: RequestSender.RequestSender
  readonly codecFor: CodecFor
  readonly members: Effect.Effect<Members>
  /** Makes what the requests to any peer need, at the first call, and returns the same at later calls. */
  readonly anySources: Effect.Effect<AnyPeer.Sources>
  /** Name of the service. */
  readonly service: string
}

export class ClientProtocol {
  /** Current members of the view. */
  readonly members: Effect.Effect<Members>
  private readonly ids: RequestIds.RequestIds
  private readonly inFlight: InFlightRequests
  private readonly sender: RequestSender.RequestSender
  private readonly codecFor: CodecFor
  private readonly anySources: Effect.Effect<AnyPeer.Sources>
  private readonly service: string

  constructor({ anySources, codecFor, ids, inFlight, members, sender, service }: Options) {
    this.anySources = anySources
    this.service = service
    this.ids = ids
    this.inFlight = inFlight
    this.sender = sender
    this.codecFor = codecFor
    this.members = members
  }

  /** Makes the protocol for the clients of one peer. */
  readonly protocol = (ref: PeerRef): Effect.Effect<RpcClient.Protocol["Service"]> => {
    return this.protocolWith((clientId, message, write) => this.request(ref, clientId, message, write, false))
  }

  /** Makes the protocol for a client whose requests go to any peer that serves. */
  readonly anyProtocol = (options: Omit<AnyPeer.Options, "service">): Effect.Effect<RpcClient.Protocol["Service"]> =>
    Effect.flatMap(this.anySources, (sources) => {
      const any = new AnyPeer.AnyPeer({ ...options, service: this.service }, sources)
      return this.protocolWith((clientId, message, write) =>
        any.request((peer) => this.request(peer, clientId, message, write, true)),
      )
    })

  private protocolWith(request: MakeRequest): Effect.Effect<RpcClient.Protocol["Service"]> {
    const protocol = RpcClient.Protocol.make((writeTo) =>
      Effect.succeed({
        send: (clientId, message) =>
          message._tag === "Request"
            ? request(clientId, message, (response) => writeTo(clientId, response))
            : this.control(clientId, message),
        supportsAck: true,
        supportsTransferables: false,
        codecFor: this.codecFor,
      }),
    )
    return Effect.map(protocol, (its) => ({
      ...its,
      run: (clientId, write) => Effect.onExit(its.run(clientId, write), () => this.closeClient(clientId)),
    }))
  }

  /** Fails the requests that are in flight and interrupts their handlers. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    const lost = this.inFlight.all()
    for (const request of lost) this.inFlight.fail(request, clientClosed(request.peer))
    return Effect.forEach(lost, ({ id, peer }) => this.sender.interrupt(peer, [id]), { discard: true })
  })

  /** Sends a message about a request to the peer of the request. */
  private control(clientId: number, message: FromClientEncoded): Effect.Effect<void> {
    const request = "requestId" in message ? this.inFlight.find(clientId, message.requestId) : undefined
    if (request === undefined) return Effect.void
    const { peer } = request
    // If the `Ack` cannot be sent, its session ends and so does the request.
    if (message._tag === "Ack") return Effect.ignore(this.sender.acknowledge(peer, request.id))
    this.inFlight.complete(request, "interrupted")
    return request.isSent ? this.sender.interrupt(peer, [request.id]) : Effect.void
  }

  /**
   * Sends a request and waits until it has its response or is lost, because Effect's client takes the failure of a
   * request from the effect that sends it.
   */
  private request(
    ref: PeerRef,
    clientId: number,
    message: RequestEncoded,
    write: Write,
    hasSeveralPeers: boolean,
  ): Effect.Effect<void, RpcClientError> {
    return Effect.uninterruptibleMask((restore) => {
      const peer = nameOf(ref)
      const id = this.ids.next()
      const bytes = this.sender.encode({ ...message, id })
      if (bytes === undefined) return Effect.void
      const sending = restore(this.sender.send(ref, bytes))
      if (message.isNotification === true) return Effect.mapError(Effect.asVoid(sending), toClientError)
      // Registered before the send, because the session can end before the send is known to succeed.
      const request = this.inFlight.add({ id, requestId: message.id, clientId, hasSeveralPeers, peer, write })
      return Effect.matchEffect(sending, {
        onFailure: (error) => this.onSendError(request, error),
        onSuccess: ({ session }) => {
          if (!request.onSent(session)) this.inFlight.fail(request, sessionEnded(peer))
          return restore(request.completed)
        },
      })
    })
  }

  private onSendError(request: InFlightRequest, error: SendError): Effect.Effect<void, RpcClientError> {
    const failure = error.maybeDelivered ? sessionEnded(request.peer) : toClientError(error)
    this.inFlight.complete(request, outcomeOfError(failure))
    if (!error.maybeDelivered) return Effect.fail(failure)
    // The peer may have received the request before the link was lost.
    return Effect.andThen(this.sender.interrupt(request.peer, [request.id]), Effect.fail(failure))
  }

  private closeClient(clientId: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const left = this.inFlight.ofClient(clientId)
      for (const request of left) this.inFlight.complete(request, "interrupted")
      const byPeer = Map.groupBy(left, ({ peer }) => peer)
      return Effect.forEach(
        byPeer,
        ([peer, requests]) =>
          this.sender.interrupt(
            peer,
            requests.map(({ id }) => id),
          ),
        { discard: true },
      )
    })
  }
}

/** Makes the protocol of a service and reads the lane of responses until the scope closes or this node leaves. */
export const make = Effect.fnUntraced(function* (
  cluster: Cluster["Service"],
  options: { readonly service?: string | undefined },
) {
  const lanes = yield* RpcLanes.make(cluster, options)
  const ids = yield* RequestIds.make
  // The finalizer below closes it, so that clients that close after this scope's children can still send their
  // interrupts.
  const inner = yield* Scope.make()
  const sender = yield* Scope.provide(RequestSender.make(lanes), inner)
  const { metrics } = cluster
  const requestMetrics = new RequestMetrics({ metrics, direction: "out", service: lanes.label })
  const clock = yield* Clock.Clock
  const inFlight = new InFlightRequests({
    start: yield* startIn(inner),
    metrics: requestMetrics,
    answerTime: new AnswerTime(metrics, lanes.label, clock),
  })
  // Uninterruptible, because an interrupted first caller must not leave its interruption to the later ones.
  const makeSources = Effect.uninterruptible(
    Effect.gen(function* () {
      const { name } = yield* cluster.self
      return {
        serving: yield* Scope.provide(ServingPeers.make({ lane: lanes.requests, self: name }), inner),
        roundTrips: new RoundTripTimes({ rtt: cluster.rtt, clock, scope: inner }),
        inFlight: (peer: string) => inFlight.countOfPeer(peer),
        onNotServed: () => requestMetrics.refuse("NotServed"),
      }
    }),
  )
  const anySources = yield* Effect.cached(makeSources)
  const client = new ClientProtocol({
    ids,
    inFlight,
    sender,
    codecFor: lanes.serialization.codecFor,
    anySources,
    service: lanes.service,
    members: Effect.map(cluster.view, ({ peers, self }) => ({ self, peers: [...peers.values()] })),
  })
  const reader = new ResponseReader({ lanes, ids, inFlight, sender })
  const responses = yield* Scope.provide(lanes.responses.open(), inner)
  const reading = readInSlices(responses, (item) => reader.read(item))
  // The stream ends when this node leaves.
  yield* Effect.forkIn(Effect.ensuring(reading, client.stop), inner)
  yield* Effect.addFinalizer(() =>
    client.stop.pipe(Effect.andThen(sender.drain), Effect.andThen(Scope.close(inner, Exit.void))),
  )
  return client
})
