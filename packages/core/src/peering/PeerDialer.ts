/**
 * Dials of peers: one fiber for each peer that needs a link (docs/protocol.md, R1, R3, R10).
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { yieldTurn } from "../internal/MicrotaskScheduler.ts"
import { monotonicMillis } from "../internal/time.ts"
import { claimInterval } from "../membership/Settings.ts"
import type { DialTarget } from "../membership/State.ts"
import * as State from "../membership/State.ts"
import { compareNames } from "../protocol/PeerName.ts"
import type * as Reconnect from "../Reconnect.ts"
import type { AddressDialer } from "./AddressDialer.ts"
import { DialFailures } from "./DialFailures.ts"
import { FiberTable } from "./FiberTable.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import { PeerAttempts } from "./PeerAttempts.ts"
import * as RetrySchedule from "./RetrySchedule.ts"

/** Time for which the peer with the higher name waits for the other peer to dial after both learn of each other. */
const dutyMillis = 2_000

/**
 * Maximum number of peers whose fibers start or stop in one turn. A step may change a thousand peers and must not block
 * the event loop.
 */
const updatesAtOnce = 64

export interface Options {
  readonly loop: MembershipLoop
  readonly addresses: AddressDialer
  readonly reconnect: Reconnect.Policy
  /** Age from which a link counts as healthy, in milliseconds. */
  readonly healthy: number
  readonly clock: Clock
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

export class PeerDialer {
  /** Last failed dial of each peer without a link. */
  readonly failures = new DialFailures()
  private readonly options: Options
  private readonly attempts = new Map<string, PeerAttempts>()
  private readonly fibers: FiberTable<string>
  /** Names of peers whose update waits for a later turn, because a step changed many peers. */
  private readonly postponed = new Set<string>()
  private isCatchingUp = false

  constructor(options: Options) {
    this.options = options
    this.fibers = new FiberTable(options.fork, (name) => this.update(options.loop.state(), name))
  }

  /** Starts and stops fibers after a step, so that exactly the dial targets of the state are dialed. */
  reconcile(state: State.State): void {
    if (state.phase._tag !== "Running") {
      for (const name of this.fibers.keys()) this.fibers.stop(name)
      return
    }
    let count = 0
    for (const name of state.touched) {
      if (++count > updatesAtOnce) this.postponed.add(name)
      else this.update(state, name)
    }
    if (this.postponed.size === 0 || this.isCatchingUp) return
    this.isCatchingUp = true
    this.options.fork(this.catchUp())
  }

  /** Updates the postponed peers, some in each turn of the event loop. */
  private readonly catchUp = Effect.fnUntraced(function* (this: PeerDialer) {
    while (this.postponed.size > 0) {
      yield* yieldTurn
      let count = 0
      for (const name of this.postponed) {
        if (++count > updatesAtOnce) break
        this.postponed.delete(name)
        this.update(this.options.loop.state(), name)
      }
    }
    this.isCatchingUp = false
  })

  /** Starts or stops the fiber of one peer. */
  private update(state: State.State, name: string): void {
    const target = State.dialTarget(state, name)
    const isKnown = target !== undefined || state.members.has(name) || state.candidates.has(name)
    const isLinked = State.hasLink(state, name)
    if (!isKnown || isLinked) this.failures.forget(name)
    if (!isKnown) this.attempts.delete(name)
    else if (isLinked) this.attempts.get(name)?.linked(monotonicMillis(this.options.clock))
    if (target === undefined) return this.fibers.stop(name)
    // Claims about this node's name take turns, and a claim of a higher generation does not restart the attempts.
    if (name !== state.self.name && this.attempts.get(name)?.isFor(target) === false) {
      this.fibers.stop(name)
      this.attempts.delete(name)
    }
    if (this.attempts.get(name)?.isOver !== true) this.fibers.start(name, this.keepDialing(name, target.generation))
  }

  private readonly keepDialing = Effect.fnUntraced(function* (this: PeerDialer, name: string, generation: number) {
    const { loop } = this.options
    const attempts = yield* this.startAttempts(name, generation)
    let isRetry = false
    while (!attempts.isOver) {
      const target = State.dialTarget(loop.state(), name)
      if (target === undefined) return
      // The whole cluster makes about one attempt per interval to reach a failed member (R10).
      const chance = target.kind === "failed" ? 1 / Math.max(1, loop.state().linked.size) : 1
      if ((yield* Random.next) < chance) {
        const outcome = yield* this.dialOnce(target, isRetry)
        isRetry = true
        if (outcome !== "done") yield* loop.submit({ _tag: "DialFailed", name, refused: outcome === "refused" })
        // A link that the membership refuses, such as the link of an older life, is not a reason to dial again at once.
        else if (State.dialTarget(loop.state(), name) === undefined) return
      }
      yield* this.pause(name, attempts)
      yield* this.options.addresses.awaitAny(target.addresses)
    }
  })

  /**
   * Pauses by the schedule. Pauses for a shorter time between two claims about this node's name, because each claim
   * expires soon.
   */
  private pause(name: string, attempts: PeerAttempts): Effect.Effect<void> {
    return name === this.options.loop.state().self.name
      ? attempts.schedule.pauseAtMost(Duration.millis(claimInterval))
      : Effect.map(attempts.schedule.pause(), (more) => attempts.continued(more))
  }

  /**
   * Continues the attempts after a link that ended at once, or restarts them. Waits before the first attempt if the
   * other peer should dial.
   */
  private readonly startAttempts = Effect.fnUntraced(function* (this: PeerDialer, name: string, generation: number) {
    const { clock, healthy, loop, reconnect } = this.options
    const self = loop.state().self.name
    const known = this.attempts.get(name)
    const health = known?.linkHealth(monotonicMillis(clock), healthy)
    if (known !== undefined && health !== "healthy") {
      if (health === "flapping") {
        known.forgetLink()
        known.continued(yield* known.schedule.pause())
      }
      return known
    }
    const target = State.dialTarget(loop.state(), name)
    const fresh = new PeerAttempts(generation, target?.kind, yield* RetrySchedule.make(reconnect))
    this.attempts.set(name, fresh)
    if (target?.kind === "candidate" && compareNames(self, name) > 0) yield* Effect.sleep(dutyMillis)
    return fresh
  })

  /**
   * Dials each address of the peer that may be dialed now. Returns `done` if the peer needs no further dial, and
   * `refused` if every address refused the connection.
   */
  private readonly dialOnce = Effect.fnUntraced(function* (this: PeerDialer, target: DialTarget, isRetry: boolean) {
    const { addresses, name } = target
    const hearsay = target.kind === "candidate" ? { announcer: target.announcer, isRetry } : undefined
    let refusals = 0
    for (const address of addresses) {
      if (this.options.addresses.waitFor(address) > 0) continue
      const result = yield* Effect.result(this.options.addresses.dial(address, { expected: name, hearsay }))
      if (result._tag === "Success") return "done"
      const error = result.failure
      this.failures.note(target, address, error, monotonicMillis(this.options.clock))
      if (error._tag === "TransportError" && error.reason === "refused") refusals++
    }
    return addresses.length > 0 && refusals === addresses.length ? "refused" : "failed"
  })
}
