/** Reader of the lane of responses. It hands the responses of all servers to the requests in flight. */
import type { LaneItem } from "@coterie/core/Lane"
import * as Message from "@coterie/core/Message"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Parser } from "effect/rpc/RpcSerialization"
import { outcomeOfExit } from "../requestOutcomes.ts"
import * as Schema from "effect/Schema"
import type { RpcLanes } from "../RpcLanes.ts"
import * as RpcMessages from "../RpcMessages.ts"
import type { InFlightRequest } from "./InFlightRequest.ts"
import type { InFlightRequests } from "./InFlightRequests.ts"
import { endedByDefect, givenUp, malformed, sessionEnded } from "./requestErrors.ts"
import type { RequestIds } from "./RequestIds.ts"
import type { RequestSender } from "./RequestSender.ts"

/**
 * Maximum number of chunks of one request that its client has not taken. A server sends a chunk and waits for its
 * `Ack`. An `Ack` that asks whether the request is in flight has the same form and allows a second chunk.
 */
const maxUndelivered = 4

export interface Options {
  readonly lanes: Pick<RpcLanes, "responses" | "serialization">
  readonly ids: RequestIds
  readonly inFlight: InFlightRequests
  readonly sender: RequestSender
}

export class ResponseReader {
  private readonly lanes: Options["lanes"]
  private readonly ids: RequestIds
  private readonly inFlight: InFlightRequests
  private readonly sender: RequestSender
  /** `true` to free the bytes of a message once it is decoded. */
  private readonly copiesBytes: boolean
  private readonly decodeDefect: (defect: unknown) => Option.Option<unknown>
  private readonly decodeGiveUp: (message: RpcMessages.GiveUp) => Option.Option<RpcMessages.GiveUpReason>
  /** Decoders of the open sessions. */
  private readonly parsers = new Map<number, Parser>()

  constructor({ ids, inFlight, lanes, sender }: Options) {
    this.lanes = lanes
    this.ids = ids
    this.inFlight = inFlight
    this.sender = sender
    this.copiesBytes = RpcMessages.copiesBytes(lanes.serialization)
    this.decodeDefect = Schema.decodeUnknownOption(lanes.serialization.codecFor(Schema.Defect()))
    this.decodeGiveUp = RpcMessages.decodeGiveUpWith(lanes.serialization.codecFor)
  }

  /** Handles one item of the lane of responses. */
  read(item: LaneItem): Effect.Effect<void> {
    switch (item._tag) {
      case "Message":
        return this.onMessage(item)
      case "SessionEnded":
        return this.onSessionEnded(item)
      case "SessionStarted":
        return Effect.void
    }
  }

  private onSessionEnded({ from, session }: Message.SessionEnded): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.parsers.delete(session)
      const lost: Array<string> = []
      for (const request of this.inFlight.ofPeer(from.name)) {
        if (!request.onSessionEnded(session)) continue
        this.inFlight.fail(request, sessionEnded(from.name))
        lost.push(request.id)
      }
      // If the peer has a link, its side of the session may be open, and its handlers may run.
      return this.sender.interrupt(from.name, lost)
    })
  }

  private onMessage(message: Message.Message): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { from, payload, session } = message
      let parser = this.parsers.get(session)
      if (parser === undefined) {
        parser = this.lanes.serialization.makeUnsafe()
        this.parsers.set(session, parser)
      }
      const responses = RpcMessages.decodeFromServer(parser, payload)
      if (responses instanceof Error) return this.onMalformed(message, responses)
      if (this.copiesBytes) Message.release(message)
      return RpcMessages.handleEach(responses, (response) => this.onResponse(from.name, response))
    })
  }

  /**
   * Fails all requests of the session, because bytes that cannot be decoded do not name their request.
   */
  private onMalformed(message: Message.Message, error: Error): Effect.Effect<void> {
    const { from, session } = message
    this.parsers.delete(session)
    const lost = this.inFlight.ofPeer(from.name).filter((request) => request.isOn(session))
    for (const request of lost) this.inFlight.fail(request, malformed(from.name, error))
    return Effect.andThen(
      this.lanes.responses.deadLetter(message, error.message),
      this.sender.interrupt(
        from.name,
        lost.map(({ id }) => id),
      ),
    )
  }

  private onResponse(peer: string, response: RpcMessages.FromServer): Effect.Effect<void> {
    switch (response._tag) {
      case "Eof":
        return this.confirmInFlight(peer)
      case "Defect":
        return this.onDefect(peer, response)
      default: {
        const id = String(response._tag === "Request" ? response.id : response.requestId)
        const request = this.inFlight.get(id)
        if (request !== undefined && request.peer === peer) return this.onResponseTo(request, response)
        // Without an interrupt the server continues a stream that no request waits for.
        return response._tag === "Chunk" && this.ids.owns(id) ? this.sender.interrupt(peer, [id]) : Effect.void
      }
    }
  }

  private onResponseTo(
    request: InFlightRequest,
    response: Exclude<RpcMessages.FromServer, { readonly _tag: "Eof" | "Defect" }>,
  ): Effect.Effect<void> {
    const { id, peer, requestId } = request
    switch (response._tag) {
      case "Interrupt":
        return Effect.sync(() => this.inFlight.fail(request, givenUp(peer)))
      case "Request":
        return Effect.sync(() =>
          this.inFlight.fail(request, givenUp(peer, Option.getOrUndefined(this.decodeGiveUp(response)))),
        )
      case "Exit":
        // Effect's client checks any other value.
        if (response.exit === null) {
          this.inFlight.fail(request, malformed(peer, new Error("a response without an exit")))
          return Effect.void
        }
        this.inFlight.answer(request, outcomeOfExit(response.exit))
        request.deliver({ ...response, requestId })
        return Effect.void
      case "Chunk":
        if (request.undeliveredCount < maxUndelivered) {
          request.deliver({ ...response, requestId })
          return Effect.void
        }
        this.inFlight.fail(
          request,
          malformed(peer, new Error("it sent chunks of a stream without waiting for their Ack")),
        )
        return this.sender.interrupt(peer, [id])
    }
  }

  /**
   * Hands the defect to each client once, because Effect's client ends all its requests with it. Requests of a client of
   * several peers fail one by one, so that those at other peers continue.
   */
  private onDefect(
    peer: string,
    defect: Extract<RpcMessages.FromServer, { readonly _tag: "Defect" }>,
  ): Effect.Effect<void> {
    const onePerClient = new Map<number, InFlightRequest>()
    for (const request of this.inFlight.ofPeer(peer)) {
      if (request.hasSeveralPeers) {
        const error = endedByDefect(
          peer,
          Option.getOrElse(this.decodeDefect(defect.defect), () => "it cannot be read"),
        )
        this.inFlight.fail(request, error, "defect")
        continue
      }
      this.inFlight.complete(request, "defect")
      onePerClient.set(request.clientId, request)
    }
    for (const request of onePerClient.values()) request.deliver(defect)
    return Effect.void
  }

  /**
   * Asks the server about each request that was sent to it. The server responds to an `Ack` for a request that it does
   * not have in flight with `Interrupt`. Skips requests with a chunk that the client has not taken yet, because the
   * `Ack` of that chunk asks as well.
   */
  private confirmInFlight(peer: string): Effect.Effect<void> {
    const asked = this.inFlight.ofPeer(peer).filter((request) => request.isSent && request.undeliveredCount === 0)
    return this.sender.inBackground(
      peer,
      Effect.forEach(
        asked,
        (request) =>
          Effect.catch(this.sender.acknowledge(peer, request.id), ({ reason }) =>
            // After any other send error the session ends, and the request with it.
            Effect.sync(() => reason._tag === "NotReading" && this.inFlight.fail(request, givenUp(peer))),
          ),
        { discard: true },
      ),
    )
  }
}
