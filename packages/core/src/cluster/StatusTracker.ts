/**
 * Tracks the status of a node. Decides when the node has settled, which is when its first attempts are over, and when a
 * refusal ends it.
 */
import type { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Address } from "../Address.ts"
import type { StoppedError } from "../ClusterError.ts"
import { LatestValue } from "../internal/LatestValue.ts"
import { monotonicMillis } from "../internal/time.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import type { HandshakeError } from "../link/Handshake.ts"
import type * as State from "../membership/State.ts"
import type { SeedOutcomes } from "./SeedOutcomes.ts"
import type { Status } from "./Status.ts"

export interface Options {
  readonly clock: Clock
  readonly outcomes: SeedOutcomes
  readonly state: () => State.State
}

export class StatusTracker {
  /** The current status, and the status after each change. Ends after `Stopped`. */
  readonly statuses: Stream.Stream<Status>
  private readonly options: Options
  private readonly latest = new LatestValue<Status>({ _tag: "Starting", reason: "notStarted" })
  private readonly refusal = Deferred.makeUnsafe<StoppedError>()
  private readonly settlement = Deferred.makeUnsafe<void>()
  private isStarted = false
  private isSettled = false
  private wasLinked = false
  private end: { readonly isOver: boolean; readonly error: StoppedError | undefined } | undefined

  constructor(options: Options) {
    this.options = options
    this.statuses = this.latest.changes
  }

  get status(): Status {
    return this.latest.value
  }

  /** `true` if the node has had a link. */
  get everLinked(): boolean {
    return this.wasLinked
  }

  /** Waits until the node has settled, and returns its status. Fails if the node stopped because of an error. */
  readonly settled: Effect.Effect<Status, StoppedError> = Effect.suspend(() =>
    Effect.flatMap(awaitDeferred(this.settlement), () => {
      const { status } = this
      const error = status._tag === "Stopped" || status._tag === "Leaving" ? status.error : undefined
      return error === undefined ? Effect.succeed(status) : Effect.fail(error)
    }),
  )

  /** Waits for a refusal that ends this node. */
  readonly refused: Effect.Effect<StoppedError> = Effect.suspend(() => awaitDeferred(this.refusal))

  /** Records that the node dials and accepts. */
  started(): void {
    this.isStarted = true
    this.update()
  }

  /** Records a change of the membership. */
  changed(): void {
    if (this.options.state().linked.size > 0) this.wasLinked = true
    this.update()
  }

  /** Records addresses that the discovery found. */
  discovered(addresses: ReadonlyArray<Address>): void {
    this.options.outcomes.setDiscovered(addresses)
    this.update()
  }

  /** Records that the discovery has ended. */
  discoveryEnded(): void {
    this.options.outcomes.endDiscovery()
    this.update()
  }

  /** Records the outcome of a dial. `answeredBy` is the name of the peer that last answered there with a link, if any. */
  tried(address: Address, error: HandshakeError | undefined, answeredBy?: string): void {
    const now = this.now()
    this.options.outcomes.note(address, error, now, answeredBy)
    // The configuration of a node that has had a link fits the cluster, whatever a single address answers later.
    const fatal = this.wasLinked ? undefined : this.options.outcomes.fatal(now)
    if (fatal !== undefined) Deferred.doneUnsafe(this.refusal, Effect.succeed(fatal))
    this.update()
  }

  /**
   * Records that an older process with this node's name dialed, which stops once it knows this node. Returns `false` if
   * this node itself stops.
   */
  outlivesNamesake(): boolean {
    if (this.end !== undefined || Deferred.isDoneUnsafe(this.refusal)) return false
    this.options.outcomes.noteOlder(this.now())
    return true
  }

  /** Records that the first attempts have timed out. */
  timedOut(): void {
    this.isSettled = true
    this.update()
  }

  /** Records that the shutdown has started. */
  stopping(error: StoppedError | undefined): void {
    this.end ??= { isOver: false, error }
    this.update()
  }

  /** Records that the shutdown is complete. */
  stopped(error: StoppedError | undefined): void {
    this.end = { isOver: true, error }
    this.update()
    this.latest.end()
  }

  private update(): void {
    const status = this.compute()
    if (!isSame(status, this.latest.value)) this.latest.set(status)
    if (status._tag !== "Starting") Deferred.doneUnsafe(this.settlement, Effect.void)
  }

  private compute(): Status {
    const { outcomes, state } = this.options
    const { linked, phase, view } = state()
    if (this.end !== undefined || phase._tag !== "Running") {
      const error = this.end?.error
      return { _tag: this.end?.isOver === true ? "Stopped" : "Leaving", ...(error === undefined ? {} : { error }) }
    }
    if (!this.isStarted) return { _tag: "Starting", reason: "notStarted" }
    if (linked.size > 0) return { _tag: "Member", peers: view.peers.size }
    this.isSettled ||= this.wasLinked || outcomes.isTried(this.now())
    if (!this.isSettled) return { _tag: "Starting", reason: "joining" }
    // A node that is cut off marks all members as failed after a while, and is still isolated.
    if (view.peers.size > 0 || view.isolated)
      return { _tag: "Alone", reason: "isolated", message: "this node has no link to any member" }
    if (outcomes.isEmpty)
      return { _tag: "Alone", reason: "noSeeds", message: "there is no seed or discovered address to dial" }
    const message = outcomes.lastError ?? "no address leads to another node"
    return { _tag: "Alone", reason: "unavailable", message }
  }

  private now(): number {
    return monotonicMillis(this.options.clock)
  }
}

const isSame = (a: Status, b: Status): boolean => {
  switch (a._tag) {
    case "Member":
      return b._tag === "Member" && a.peers === b.peers
    case "Alone":
      return b._tag === "Alone" && a.reason === b.reason && a.message === b.message
    case "Starting":
      return b._tag === "Starting" && a.reason === b.reason
    case "Leaving":
    case "Stopped":
      return b._tag === a._tag && a.error === b.error
  }
}
