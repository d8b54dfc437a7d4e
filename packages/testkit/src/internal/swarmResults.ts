/** Results of one seed and of a whole swarm. `Swarm.ts` exports them. */
import type * as Artifact from "../Artifact.ts"
import type { Report } from "../Scenario.ts"
import type * as SimulationError from "../SimulationError.ts"
import type { Trace } from "../Trace.ts"

/**
 * Failure that a seed found, with everything that a replay needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly failure: SimulationError.Failure
  readonly artifact: Artifact.Artifact
  /** Trace of the shrunk run, or of the run itself if it was not shrunk. */
  readonly trace: Trace
}

/**
 * Result of one seed.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedResult extends Pick<
  Report,
  "seed" | "explore" | "traceHash" | "steps" | "virtualSeconds" | "faultsFired" | "marks"
> {
  readonly found: Found | undefined
}

/**
 * Summary of a swarm over all its seeds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  /** Number of seeds that were run. */
  readonly seeds: number
  readonly failures: ReadonlyArray<Found>
  /** Configured faults that never occurred, and marks that were never reached. */
  readonly never: ReadonlyArray<SimulationError.NeverHappened>
  readonly virtualSeconds: number
  readonly steps: number
  /** Hash over the trace hashes of all seeds in their order. */
  readonly traceHash: string
  readonly faultsFired: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, boolean>>
}
