/**
 * Reader of the lane of requests. It passes the messages of all peers and the ends of their sessions to Effect's
 * server.
 */
import type { LaneItem } from "@coterie/core/Lane"
import * as Message from "@coterie/core/Message"
import * as Effect from "effect/Effect"
import { constEof, type FromClientEncoded } from "effect/rpc/RpcMessage"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { RpcLanes } from "../RpcLanes.ts"
import * as RpcMessages from "../RpcMessages.ts"
import type { ClientSession } from "./ClientSession.ts"
import type { ClientSessions } from "./ClientSessions.ts"
import type { ServerInput } from "./ServerInput.ts"

export interface Options {
  readonly lanes: Pick<RpcLanes, "requests" | "responses" | "serialization">
  readonly sessions: ClientSessions
  readonly input: ServerInput
  /** Scope of the fibers that notify peers of ended sessions. */
  readonly scope: Scope.Scope
}

export class RequestReader {
  private readonly lanes: Options["lanes"]
  private readonly sessions: ClientSessions
  private readonly input: ServerInput
  private readonly scope: Scope.Scope
  /** `true` to free the bytes of a message once it is decoded. */
  private readonly copiesBytes: boolean
  private readonly encodeDefect: (defect: unknown) => unknown
  /** Encoded message that makes a client confirm its requests in flight. */
  private readonly eof: Uint8Array | string

  constructor({ input, lanes, scope, sessions }: Options) {
    this.lanes = lanes
    this.sessions = sessions
    this.input = input
    this.scope = scope
    this.copiesBytes = RpcMessages.copiesBytes(lanes.serialization)
    this.encodeDefect = Schema.encodeSync(lanes.serialization.codecFor(Schema.Defect()))
    this.eof = RpcMessages.encode(lanes.serialization.makeUnsafe(), constEof) ?? ""
  }

  /** Handles one item of the lane of requests. */
  read(item: LaneItem): Effect.Effect<void> {
    return Effect.suspend(() => this.handle(item))
  }

  private handle(item: LaneItem): Effect.Effect<void> {
    switch (item._tag) {
      case "Message":
        return this.onMessage(item)
      case "SessionEnded":
        return this.onSessionEnded(item)
      case "SessionStarted":
        return Effect.void
    }
  }

  /** Makes all clients confirm their requests in flight. */
  get publishEof(): Effect.Effect<void> {
    return Effect.ignore(this.lanes.responses.publish(this.eof, { self: true }))
  }

  private onMessage(message: Message.Message): Effect.Effect<void> {
    const client = this.sessions.sessionOf(message)
    const decoded = RpcMessages.decodeFromClient(client.parser, message.payload)
    if (!(decoded instanceof Error)) {
      if (this.copiesBytes) Message.release(message)
      return RpcMessages.handleEach(decoded, (each) => this.onClientMessage(client, each))
    }
    // Bytes that cannot be decoded do not name their request, so all requests of the client end.
    return Effect.andThen(this.fail(client, decoded), this.lanes.requests.deadLetter(message, decoded.message))
  }

  private onSessionEnded({ from, session }: Message.SessionEnded): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.sessions.end(session)
      // If the peer has a link, its side of the session may be open, and the peer may wait for messages that were lost.
      return Effect.asVoid(Effect.forkIn(Effect.ignore(this.lanes.responses.send(from, this.eof)), this.scope))
    })
  }

  private onClientMessage(client: ClientSession, message: RpcMessages.FromClient): Effect.Effect<void> {
    switch (message._tag) {
      case "Request":
        return this.onRequest(client, message)
      case "Ack":
        if (!client.awaitsResponse(message.requestId)) return Effect.sync(() => client.deny(message.requestId))
        return this.deliver(client, message)
      case "Interrupt":
        return client.awaitsResponse(message.requestId) ? this.deliver(client, message) : Effect.void
    }
  }

  private onRequest(client: ClientSession, message: Extract<RpcMessages.FromClient, { _tag: "Request" }>) {
    const headers = message.headers.concat(client.headers)
    if (message.isNotification === true) {
      const { isNotification: _, ...request } = message
      const id = client.addNotification()
      return id === undefined ? Effect.void : this.deliver(client, { ...request, id, headers })
    }
    // A peer that reuses the id of a request in flight gets one exit.
    if (client.hasRequest(message.id)) return Effect.void
    return client.addRequest(message.id) ? this.deliver(client, { ...message, headers }) : Effect.void
  }

  /**
   * Passes a message to Effect's server. Sends a defect back to the client, because the message of a peer must not end
   * the reader.
   */
  private deliver(client: ClientSession, message: FromClientEncoded): Effect.Effect<void> {
    return Effect.catch(this.input.write(client.clientId, message), (error) => {
      if (error._tag === "Failed") return this.fail(client, error.defect)
      // The handler of an earlier request with this id runs although the client has its response.
      return Effect.sync(() => message._tag === "Request" && client.giveUp(message.id, "malformed"))
    })
  }

  private fail(client: ClientSession, defect: unknown): Effect.Effect<void> {
    return this.sessions.fail(client, { _tag: "Defect", defect: this.encodeDefect(defect) })
  }
}
