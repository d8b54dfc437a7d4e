/**
 * The connections that others make to this node: which of them may start a handshake, and what the others are told
 * (docs/protocol.md, section "Handshake").
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Handshake from "../link/Handshake.ts"
import type { HandshakeHost } from "../link/Handshake.ts"
import type * as State from "../membership/State.ts"
import type { Connection, TransportError } from "../Transport.ts"
import { inTime, outcomeOf } from "./handshakeOutcome.ts"
import type { HandshakeLimits } from "./HandshakeLimits.ts"
import type { HandshakePlace } from "./HandshakePlace.ts"
import { type LinkContext, LinkLife } from "./LinkLife.ts"

const ignore = (): void => {}

export class Acceptor {
  private readonly context: LinkContext
  private readonly handshake: HandshakeHost<State.State>
  private readonly handshakes: HandshakeLimits

  constructor(context: LinkContext, handshake: HandshakeHost<State.State>, handshakes: HandshakeLimits) {
    this.context = context
    this.handshake = handshake
    this.handshakes = handshakes
  }

  /** Handles one connection from its first byte to its last. */
  readonly accept = (connection: Connection): Effect.Effect<void> =>
    Effect.suspend(() => {
      const entered = this.handshakes.enter(connection)
      if (entered === undefined) return this.reject(connection)
      const { displaced, place } = entered
      const life = this.live(connection, place)
      return displaced === undefined ? life : Effect.andThen(displaced.connection.reset, life)
    })

  /** Runs the handshake of a connection that has a place, and then its link. */
  private live(connection: Connection, place: HandshakePlace): Effect.Effect<void> {
    const { limits, log, observer } = this.context
    const host = connection.remoteHost
    const leave = Effect.sync(() => this.handshakes.leave(place))
    return new LinkLife(this.context, connection, undefined)
      .run((exchange) => {
        const shake = Handshake.accept(this.handshake, exchange, (first) =>
          Effect.tap(inTime(first, limits.helloTimeout, "Hello"), () => Effect.sync(place.noteHello)),
        )
        return inTime(shake, limits.handshakeTimeout).pipe(
          Effect.mapError((error) => (place.isDisplaced ? displacedError : error)),
          Effect.onExit((exit) =>
            Effect.andThen(leave, () => Effect.sync(() => observer.connected("in", outcomeOf(exit)))),
          ),
        )
      }, ignore)
      .pipe(
        Effect.catch((error) =>
          Effect.andThen(
            log.write({
              level: "Debug",
              kind: "handshake failed",
              subject: host,
              text: `a connection from ${host} was closed: ${Handshake.describe(error)}`,
            }),
            // A refusal is delivered. To the others nothing was said that they could miss.
            error._tag === "HandshakeRejected" && error.by === "us" ? this.deliver(connection) : connection.reset,
          ),
        ),
        Effect.ensuring(leave),
      )
  }

  /** Tells the peer that there is no room, unless too many are being told so. */
  private reject(connection: Connection): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { observer } = this.context
      observer.connected("in", "busy")
      return this.deliver(
        connection,
        Effect.andThen(Handshake.write({ connection, sent: observer.sent }, Handshake.busy), connection.end),
      )
    })
  }

  /**
   * Writes a refusal and waits until the peer has ended its side too, for `limits.linger` at most. Nothing is held for a peer
   * that does not, nor for peers beyond the number that may be refused at once: their connections are reset.
   */
  private deliver(
    connection: Connection,
    refusal: Effect.Effect<void, TransportError> = Effect.void,
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.handshakes.startRejection()) return connection.reset
      return Effect.andThen(refusal, Effect.forever(connection.pull)).pipe(
        Effect.ignore,
        Effect.timeoutOption(this.context.limits.linger),
        Effect.flatMap((ended) => (Option.isSome(ended) ? Effect.void : connection.reset)),
        Effect.ensuring(Effect.sync(() => this.handshakes.endRejection())),
      )
    })
  }
}

const displacedError = new Handshake.HandshakeFailed({
  reason: "displaced",
  message: "its place went to a newcomer, for it had not sent a whole Hello",
})
