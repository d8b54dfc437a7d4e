/**
 * Connections that other peers make to this node (docs/protocol.md, section "Handshake"). The acceptor decides which
 * connections may start a handshake, and refuses the others.
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

  /** Handles one connection until it is closed. */
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
            // In all other cases this node wrote nothing that the peer could miss.
            Handshake.endsWithAnswer(error) ? this.deliver(connection) : connection.reset,
          ),
        ),
        Effect.ensuring(leave),
      )
  }

  /** Refuses the peer as `busy`. Resets the connection if too many refusals are in progress. */
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
   * Writes a refusal and waits until the peer has ended its side too, for at most `limits.linger`. Resets the
   * connection of a peer that does not end its side in time. Also resets connections beyond the number of simultaneous
   * refusals.
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
  message: "a newer connection took its place, because it had not sent a complete Hello",
})
