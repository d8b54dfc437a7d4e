/**
 * Limit on simultaneous dials. Dials of candidates, which this node knows from gossip alone, wait for all other dials.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import { type DialOutcome, type HearsayDial, HearsayQueue } from "./HearsayQueue.ts"

/** A dial that waits for a permit or has one. */
interface Ticket {
  readonly granted: Deferred.Deferred<void>
  readonly hearsay: HearsayDial | undefined
  hasPermit: boolean
}

interface HearsayTicket extends Ticket {
  readonly hearsay: HearsayDial
}

const isHearsay = (ticket: Ticket): ticket is HearsayTicket => ticket.hearsay !== undefined

export class DialPermits {
  private readonly limit: number
  private readonly waiting = new Set<Ticket>()
  private readonly hearsay: HearsayQueue<HearsayTicket>
  private dials = 0

  constructor(limit: number) {
    this.limit = limit
    this.hearsay = new HearsayQueue(limit)
  }

  /** Returns the number of running dials. */
  size(): number {
    return this.dials
  }

  /**
   * Runs a dial as soon as there is a permit. Calls `onExit` with the result of the dial. `hearsay` is set for a peer
   * that this node knows from gossip alone.
   */
  run<A, E>(
    dial: Effect.Effect<A, E>,
    onExit: (exit: Exit.Exit<A, E>) => void,
    hearsay?: HearsayDial,
  ): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const ticket: Ticket = { granted: Deferred.makeUnsafe(), hearsay, hasPermit: false }
        this.request(ticket)
        const granted = ticket.hasPermit
          ? Effect.void
          : Effect.onInterrupt(restore(awaitDeferred(ticket.granted)), () => Effect.sync(() => this.withdraw(ticket)))
        return Effect.andThen(granted, () =>
          Effect.onExit(restore(dial), (exit) =>
            Effect.sync(() => {
              this.release(ticket, Exit.isSuccess(exit) ? "linked" : Exit.hasInterrupts(exit) ? "stopped" : "failed")
              onExit(exit)
            }),
          ),
        )
      }),
    )
  }

  private request(ticket: Ticket): void {
    if (isHearsay(ticket)) this.hearsay.add(ticket)
    else this.waiting.add(ticket)
    this.grant()
  }

  /** Withdraws a dial that has not started. */
  private withdraw(ticket: Ticket): void {
    if (ticket.hasPermit) this.release(ticket, "stopped")
    else if (isHearsay(ticket)) this.hearsay.remove(ticket)
    else this.waiting.delete(ticket)
  }

  private release(ticket: Ticket, outcome: DialOutcome): void {
    this.dials--
    if (isHearsay(ticket)) this.hearsay.end(ticket, outcome)
    this.grant()
  }

  /** Grants the free permits. */
  private grant(): void {
    while (this.dials < this.limit) {
      const ticket = this.firstWaiting() ?? this.hearsay.take()
      if (ticket === undefined) return
      this.dials++
      ticket.hasPermit = true
      Deferred.doneUnsafe(ticket.granted, Effect.void)
    }
  }

  private firstWaiting(): Ticket | undefined {
    for (const ticket of this.waiting) {
      this.waiting.delete(ticket)
      return ticket
    }
    return undefined
  }
}
