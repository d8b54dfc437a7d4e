/**
 * Causes of a request of a `PeerRpcClient` that gets no response. Effect's clients fail with `RpcClientError`.
 * {@link causeOf} returns its cause in terms of the cluster, which is one of two errors:
 *
 * - `SendError` of `@coterie/core`: the request was not sent, so the peer did not carry it out. Make it again, or make
 *   it to another peer.
 * - {@link RequestLost}: the request was sent and gets no response. `maybeDelivered` of its reason reports whether
 *   the peer may have carried it out, in whole or in part.
 *
 * @since 0.1.0
 */
import { SendError } from "@coterie/core/ClusterError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { RpcClientError } from "effect/rpc/RpcClientError"
import * as Schema from "effect/Schema"

/**
 * Reason of a {@link RequestLost}: the session with the peer ended, because the peer failed or left, or its link was
 * lost.
 *
 * @category reasons
 * @since 0.1.0
 */
export class SessionEnded extends Schema.TaggedError<SessionEnded>()("SessionEnded", {}) {
  /** The peer may have carried the request out, in whole or in part. */
  readonly maybeDelivered = true

  override get message(): string {
    return "the session with the peer ended before the peer responded"
  }
}

/**
 * Reason of a {@link RequestLost}: the peer is alive and will not respond to the request.
 *
 * **Details**
 *
 * There are two causes:
 *
 * - The peer stopped serving.
 * - The session ended at the peer only, and the request was lost with it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class GivenUp extends Schema.TaggedError<GivenUp>()("GivenUp", {}) {
  /** The peer may have carried the request out, in whole or in part. */
  readonly maybeDelivered = true

  override get message(): string {
    return "the peer will not respond: it stopped serving, or lost the request"
  }
}

/**
 * Reason of a {@link RequestLost}: the requests of this node in flight at the peer have reached the `limit` of its
 * server.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Busy extends Schema.TaggedError<Busy>()("Busy", {
  /** Value of the option `limit` of the server. */
  limit: Schema.Number,
}) {
  /** The peer has not carried the request out. */
  readonly maybeDelivered = false

  override get message(): string {
    return `this node has too many requests in flight at the peer: the option "limit" of its server is ${this.limit}`
  }
}

/**
 * Reason of a {@link RequestLost}: the peer carried the request out, and the response, or a chunk of a stream, is larger
 * than the `limits.messageBytes` of the peer. The peer interrupts the handler of a stream.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ResponseTooLarge extends Schema.TaggedError<ResponseTooLarge>()("ResponseTooLarge", {
  /** Size of the response. */
  bytes: Schema.Number,
  /** Value of `limits.messageBytes` of the peer. */
  limit: Schema.Number,
}) {
  /** The peer has carried the request out, in whole or in part. */
  readonly maybeDelivered = true

  override get message(): string {
    return `the response has ${this.bytes} bytes; the limit of the peer is ${this.limit} (limits.messageBytes)`
  }
}

/**
 * Reason of a {@link RequestLost}: no peer with a link serves the service, so a request to any peer was not made.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotServed extends Schema.TaggedError<NotServed>()("NotServed", {
  /** Name of the service. */
  service: Schema.String,
  /** Time that the request waited for a peer: the option `wait` of the client. */
  waited: Schema.Duration,
}) {
  /** No peer has got the request. */
  readonly maybeDelivered = false

  override get message(): string {
    return `no node with a link serves the service "${this.service}" (waited ${Duration.format(this.waited)}, option "wait")`
  }
}

/**
 * Reason of a {@link RequestLost}: this node has left, or its `PeerRpcClient` is closed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ClientClosed extends Schema.TaggedError<ClientClosed>()("ClientClosed", {}) {
  /** The peer may have carried the request out, in whole or in part. */
  readonly maybeDelivered = true

  override get message(): string {
    return "this node has left or has closed its client"
  }
}

/**
 * Schema of the reasons of a {@link RequestLost}.
 *
 * @category reasons
 * @since 0.1.0
 */
export const RequestLostReason = Schema.Union([SessionEnded, GivenUp, Busy, ResponseTooLarge, NotServed, ClientClosed])

/**
 * Reason of a {@link RequestLost}.
 *
 * @category reasons
 * @since 0.1.0
 */
export type RequestLostReason = SessionEnded | GivenUp | Busy | ResponseTooLarge | NotServed | ClientClosed

/**
 * Error of a request that was sent and gets no response. The peer may have carried it out, in whole or in part,
 * unless `maybeDelivered` is `false`.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestLost extends Schema.TaggedError<RequestLost>()("RequestLost", {
  /** Name of the peer. Absent with the reason `NotServed`, because no peer got the request. */
  peer: Schema.optionalKey(Schema.String),
  reason: RequestLostReason,
}) {
  /**
   * `false` if the peer has certainly not carried the request out, so that it can be made again. `SendError` has the
   * field as well, so {@link Cause} has it in every case.
   */
  get maybeDelivered(): boolean {
    return this.reason.maybeDelivered
  }

  override get message(): string {
    const { maybeDelivered, peer, reason } = this
    const carriedOut = maybeDelivered ? "may have been" : "was not"
    return `${peer === undefined ? "no peer" : `"${peer}"`} did not respond to a request, which ${carriedOut} carried out: ${reason.message}`
  }
}

/**
 * Cause of a failed request in terms of the cluster.
 *
 * @category models
 * @since 0.1.0
 */
export type Cause = SendError | RequestLost

/**
 * Returns the cause of a failed request in terms of the cluster, or `undefined` if the cluster did not cause the error.
 *
 * @category getters
 * @since 0.1.0
 */
export const causeOf = (error: RpcClientError): Cause | undefined => {
  const { reason } = error
  if (reason._tag !== "RpcClientDefect") return undefined
  const { cause } = reason
  return cause instanceof SendError || cause instanceof RequestLost ? cause : undefined
}

/**
 * Handles the failure of a request that the cluster did not carry: it was not sent (`SendError`) or gets no response
 * ({@link RequestLost}). All other errors stay, including the errors of the procedure.
 *
 * **Example** (Asking another peer when that cannot run the job twice)
 *
 * ```ts
 * import { PeerRpcClient, RequestLost } from "@coterie/rpc"
 * import { Effect, Schema } from "effect"
 * import { Rpc, RpcGroup } from "effect/rpc"
 *
 * const Work = RpcGroup.make(
 *   Rpc.make("Resize", { payload: { image: Schema.String }, success: Schema.String }),
 * )
 *
 * const resize = Effect.fnUntraced(function* (image: string) {
 *   const ben = yield* PeerRpcClient.make(Work, "ben")
 *   const ada = yield* PeerRpcClient.make(Work, "ada")
 *   return yield* ben.Resize({ image }).pipe(
 *     RequestLost.catchLost((cause, error) =>
 *       cause.maybeDelivered ? Effect.fail(error) : ada.Resize({ image }),
 *     ),
 *   )
 * })
 * ```
 *
 * @category error handling
 * @since 0.1.0
 */
export const catchLost: {
  <A2, E2, R2>(
    handle: (cause: Cause, error: RpcClientError) => Effect.Effect<A2, E2, R2>,
  ): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A | A2, E | E2, R | R2>
  <A, E, R, A2, E2, R2>(
    self: Effect.Effect<A, E, R>,
    handle: (cause: Cause, error: RpcClientError) => Effect.Effect<A2, E2, R2>,
  ): Effect.Effect<A | A2, E | E2, R | R2>
} = dual(
  2,
  <A, E, R, A2, E2, R2>(
    self: Effect.Effect<A, E, R>,
    handle: (cause: Cause, error: RpcClientError) => Effect.Effect<A2, E2, R2>,
  ): Effect.Effect<A | A2, E | E2, R | R2> =>
    Effect.catch(self, (error): Effect.Effect<A2, E | E2, R2> => {
      if (!(error instanceof RpcClientError)) return Effect.fail(error)
      const cause = causeOf(error)
      return cause === undefined ? Effect.fail(error) : handle(cause, error)
    }),
)
