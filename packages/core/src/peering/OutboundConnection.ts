/**
 * Dial of one address: a connection and the handshake on it. The resulting link outlives the dial.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Address } from "../Address.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import * as Handshake from "../link/Handshake.ts"
import type { HandshakeHost } from "../link/Handshake.ts"
import type { Link } from "../link/Link.ts"
import type * as State from "../membership/State.ts"
import type { Transport } from "../Transport.ts"
import { inTime } from "./handshakeOutcome.ts"
import type { HearsayDial } from "./HearsayQueue.ts"
import { type LinkContext, LinkLife } from "./LinkLife.ts"

export interface DialOptions {
  /** Name of the peer that must answer. */
  readonly expected?: string | undefined
  /** `true` if the application called `join`. */
  readonly join?: boolean | undefined
  /** `true` to fail if the peer that answers already has a link. */
  readonly stranger?: boolean | undefined
  /** `true` to count a link that comes up as `renewed`. */
  readonly renewal?: boolean | undefined
  /**
   * Set for a peer that this node knows from gossip alone. The dial then waits for dials of members, seeds and joins.
   */
  readonly hearsay?: HearsayDial | undefined
}

/** Dependencies that all dials of a node share. */
export interface DialContext {
  readonly links: LinkContext
  readonly handshake: HandshakeHost<State.State>
  readonly transport: Transport["Service"]
  /** Runs a connection, which outlives its dial, in the context of the node instead of that of the dial. */
  readonly fork: (connection: Effect.Effect<void>) => Fiber.Fiber<void>
}

export class OutboundConnection {
  private readonly context: DialContext
  private readonly address: Address
  private readonly options: DialOptions
  private readonly epoch: number
  private readonly timeout: number
  private readonly up = Deferred.makeUnsafe<Link, Handshake.HandshakeError>()
  /** `true` while the peer cannot rely on the connection yet, so that this side may abort it without a Bye. */
  private mayAbort = true

  constructor(context: DialContext, address: Address, options: DialOptions) {
    this.context = context
    this.address = address
    this.options = options
    this.epoch = context.links.epochs.next()
    const { limits, timing } = context.links
    // A dial that takes longer than the link timeout counts as failed.
    this.timeout = Math.min(limits.handshakeTimeout, timing.linkTimeout)
  }

  /**
   * Starts the connection and waits for its link. Interruption ends the connection if the peer cannot rely on it yet.
   */
  readonly dial: Effect.Effect<Link, Handshake.HandshakeError> = Effect.uninterruptibleMask((restore) =>
    Effect.gen({ self: this }, function* () {
      const fiber = this.context.fork(Effect.interruptible(this.attempt()))
      return yield* Effect.onInterrupt(restore(awaitDeferred(this.up)), () =>
        this.mayAbort ? Fiber.interrupt(fiber) : Effect.void,
      )
    }),
  )

  /**
   * Runs the connection. Reports a failure to the caller at once, before the connection is closed, because closing may
   * take long.
   */
  private attempt(): Effect.Effect<void> {
    return Effect.scoped(
      Effect.catch(this.connect(), (error) =>
        Effect.sync(() => {
          Deferred.doneUnsafe(this.up, Effect.fail(error))
        }),
      ),
    ).pipe(Effect.ensuring(Effect.sync(() => Deferred.doneUnsafe(this.up, Effect.fail(closedError)))), Effect.asVoid)
  }

  private readonly connect = Effect.fnUntraced(function* (this: OutboundConnection) {
    const { links, transport } = this.context
    const connection = yield* inTime(transport.connect(this.address), this.timeout)
    links.epochs.startHandshake(this.epoch)
    yield* Effect.addFinalizer(() => Effect.sync(() => links.epochs.endHandshake(this.epoch)))
    const life = new LinkLife(links, connection, this.address)
    yield* life.run(
      (exchange) => inTime(this.shake(exchange), this.timeout),
      (link) => Deferred.doneUnsafe(this.up, Effect.succeed(link)),
    )
  })

  private shake(exchange: Handshake.Exchange): Effect.Effect<Handshake.Established, Handshake.HandshakeError> {
    const { expected, join = false, stranger = false } = this.options
    return Handshake.dial(
      this.context.handshake,
      {
        ...exchange,
        commit: (peer, rank) => {
          this.mayAbort = false
          exchange.commit(peer, rank)
        },
      },
      { address: this.address, epoch: this.epoch, expected, join, stranger },
    )
  }
}

const closedError = new Handshake.HandshakeFailed({ reason: "lost", message: "the connection was abandoned" })
