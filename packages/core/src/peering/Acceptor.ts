/**
 * The connections that others make to this node: which of them may start a handshake, and what the others are told
 * (docs/protocol.md, section "Handshake").
 */
import * as Effect from "effect/Effect"
import * as Handshake from "../link/Handshake.ts"
import type { HandshakeHost } from "../link/Handshake.ts"
import type * as State from "../membership/State.ts"
import type { Connection } from "../Transport.ts"
import { inTime, outcomeOf } from "./handshakeOutcome.ts"
import type { HandshakeLimits } from "./HandshakeLimits.ts"
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
      const host = connection.remoteHost
      const leave = this.handshakes.enter(host)
      if (leave === undefined) return this.reject(connection)
      const { limits, observer } = this.context
      const life = new LinkLife(this.context, connection, undefined)
      return life
        .run(
          (exchange) =>
            Effect.onExit(inTime(Handshake.accept(this.handshake, exchange), limits.handshakeTimeout), (exit) =>
              Effect.sync(() => {
                leave()
                observer.connected("in", outcomeOf(exit))
              }),
            ),
          ignore,
        )
        .pipe(
          Effect.catch((error) => Effect.logDebug(`a connection from ${host} was closed: ${error.message}`)),
          Effect.ensuring(Effect.sync(leave)),
        )
    })

  /** Tells the peer that there is no room, unless too many are being told so. */
  private reject(connection: Connection): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.handshakes.startRejection()) return Effect.void
      const { limits, observer } = this.context
      observer.connected("in", "busy")
      return Handshake.write({ connection, sent: observer.sent }, Handshake.busy).pipe(
        Effect.andThen(connection.end),
        Effect.andThen(Effect.forever(connection.pull)),
        Effect.timeoutOption(limits.linger),
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => this.handshakes.endRejection())),
      )
    })
  }
}
