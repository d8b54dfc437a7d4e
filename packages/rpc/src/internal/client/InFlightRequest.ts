/**
 * A request of this node until a response, an error or its own client ends it. It knows the session that carries it and
 * the responses that its client has not taken yet.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import type { RequestId } from "../RpcMessages.ts"
import type { Start } from "../startIn.ts"

export interface Options {
  /** Id that the server knows. */
  readonly id: string
  /** Id that Effect's client knows. */
  readonly requestId: RequestId
  readonly clientId: number
  /** `true` if the client has requests at several peers, so that a defect of one peer must not end all of them. */
  readonly hasSeveralPeers: boolean
  /** Name of the peer that serves the request. */
  readonly peer: string
  /** Hands a response to Effect's client. */
  readonly write: (response: FromServerEncoded) => Effect.Effect<void>
  /** Start of the request, a time of `AnswerTime.now`. */
  readonly began: number
  /** Starts the fibers that hand over responses. */
  readonly start: Start
}

export class InFlightRequest {
  readonly id: string
  readonly requestId: RequestId
  readonly clientId: number
  readonly hasSeveralPeers: boolean
  readonly peer: string
  readonly began: number
  private readonly write: Options["write"]
  private readonly start: Start
  private readonly completion = Deferred.makeUnsafe<void, RpcClientError>()
  /** Responses that the client has not taken; `write` runs with the first of them. */
  private readonly undelivered: Array<FromServerEncoded> = []
  /** Session that carries the request. It is known once the send has succeeded. */
  private session: number | undefined
  /** Last session with the peer that ended while `session` was unknown. */
  private endedSession = -1

  constructor(options: Options) {
    this.id = options.id
    this.requestId = options.requestId
    this.clientId = options.clientId
    this.hasSeveralPeers = options.hasSeveralPeers
    this.peer = options.peer
    this.began = options.began
    this.write = options.write
    this.start = options.start
  }

  /** Waits for the end of the request. Succeeds after {@link complete} and fails after {@link fail}. */
  get completed(): Effect.Effect<void, RpcClientError> {
    return Deferred.await(this.completion)
  }

  /** Number of responses that the client has not taken. */
  get undeliveredCount(): number {
    return this.undelivered.length
  }

  /** Reports whether the send of the request succeeded. */
  get isSent(): boolean {
    return this.session !== undefined
  }

  /** Reports whether this session carries the request. */
  isOn(session: number): boolean {
    return this.session === session
  }

  /**
   * Records the session that carries the request. Returns `false` if that session ended before the send was known to
   * succeed.
   */
  onSent(session: number): boolean {
    this.session = session
    return session > this.endedSession
  }

  /**
   * Records the end of a session with the peer. Returns `true` if that session or an earlier one carried the request.
   * The mark for the end of an earlier session may have been dropped.
   */
  onSessionEnded(session: number): boolean {
    if (this.session !== undefined) return this.session <= session
    this.endedSession = Math.max(this.endedSession, session)
    return false
  }

  /** Ends {@link completed}. */
  complete(): void {
    Deferred.doneUnsafe(this.completion, Effect.void)
  }

  /** Fails {@link completed}. */
  fail(error: RpcClientError): void {
    Deferred.doneUnsafe(this.completion, Effect.fail(error))
  }

  /**
   * Hands a response to the client after the earlier responses. A separate fiber does so, so that a client that takes
   * the values of a stream slowly does not delay the responses to other requests.
   */
  deliver(response: FromServerEncoded): void {
    this.undelivered.push(response)
    if (this.undelivered.length > 1) return
    this.start(
      Effect.whileLoop({
        while: () => this.undelivered.length > 0,
        body: () => this.write(this.undelivered[0] ?? response),
        step: () => void this.undelivered.shift(),
      }),
    )
  }
}
