/**
 * Round-trip times to the peers that serve, for the picks of the nearest. A pick never waits: it uses the times that are
 * known, and starts a measurement in the background when they are old.
 */
import type { Cluster } from "@coterie/core/Cluster"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Candidate } from "./pickPeer.ts"

/**
 * Age in milliseconds from which the times are measured again. A node takes a new sample of a link at most that often
 * for `Cluster.rtt`, so a shorter time would return the same numbers.
 */
const maxAge = 10_000

/** Number of peers to measure at one time. It hides the round trips and sends few Pings at once. */
const concurrency = 32

export interface Options {
  readonly rtt: Cluster["Service"]["rtt"]
  readonly clock: Clock
  /** Scope of the measurements. */
  readonly scope: Scope.Scope
}

export class RoundTripTimes {
  private readonly options: Options
  private readonly millis = new Map<string, number>()
  private measured: ReadonlyArray<Candidate> | undefined
  private measuredAt = 0
  private isMeasuring = false

  constructor(options: Options) {
    this.options = options
  }

  /** Returns the last known time in milliseconds. */
  readonly of = ({ name }: Candidate): number | undefined => this.millis.get(name)

  /**
   * Measures the times to the candidates in the background, if the candidates are others than before or the times are
   * old, and no measurement runs. `candidates` is a list of `ServingPeers`, which is the same until it changes.
   */
  refresh(candidates: ReadonlyArray<Candidate>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const now = MonotonicTime.millisUnsafe(this.options.clock)
      if (this.isMeasuring || (this.measured === candidates && now - this.measuredAt < maxAge)) return Effect.void
      this.isMeasuring = true
      this.measured = candidates
      this.measuredAt = now
      return this.measure(candidates).pipe(
        Effect.ensuring(Effect.sync(() => (this.isMeasuring = false))),
        Effect.forkIn(this.options.scope),
        Effect.asVoid,
      )
    })
  }

  private measure(candidates: ReadonlyArray<Candidate>): Effect.Effect<void> {
    const names = new Set(candidates.map(({ name }) => name))
    for (const name of this.millis.keys()) if (!names.has(name)) this.millis.delete(name)
    return Effect.forEach(
      candidates,
      (candidate) =>
        Effect.map(this.options.rtt(candidate), (time) => {
          if (Option.isSome(time)) this.millis.set(candidate.name, Duration.toMillis(time.value))
        }),
      { concurrency, discard: true },
    )
  }
}
