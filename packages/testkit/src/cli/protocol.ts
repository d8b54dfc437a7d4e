/**
 * What the command and its threads say to each other. All of it is plain data, which is copied from one to the other.
 */
import type * as FaultPlan from "../FaultPlan.ts"
import type { Explore } from "../Scenario.ts"
import type { SimulationError } from "../SimulationError.ts"
import type { SeedResult } from "../Swarm.ts"
import type { Trace } from "../Trace.ts"

/** What a thread is started with. */
export interface Setup {
  /** The path of the module that exports the scenarios. */
  readonly file: string
  /** Only the scenario of this name. */
  readonly scenario: string | undefined
  readonly explore: Explore | undefined
  readonly shrink: boolean
}

export type Request =
  /** Runs the scenarios with one seed. */
  | { readonly _tag: "Seed"; readonly seed: number }
  /** Runs the text of an artifact. */
  | { readonly _tag: "Replay"; readonly artifact: string }

/** A scenario without what cannot be copied. */
export interface Known {
  readonly name: string
  readonly faults: FaultPlan.Input | undefined
}

/** How a scenario went with one seed. */
export interface Ran extends Omit<SeedResult, "found"> {
  readonly scenario: string
  /** The artifact is its text, since the classes of errors cannot be copied. */
  readonly found: { readonly artifact: string; readonly trace: Trace } | undefined
}

/** How the replay of an artifact went. */
export interface Replayed {
  /** Whether the same check failed as is recorded. */
  readonly asRecorded: boolean
  readonly failure: { readonly tag: string; readonly message: string; readonly stack: string | undefined } | undefined
  readonly traceHash: string
  readonly trace: Trace
}

export type Reply =
  /** The first of each thread, unless it is refused: the scenarios, in the order of their names. */
  | { readonly _tag: "Loaded"; readonly scenarios: ReadonlyArray<Known> }
  | { readonly _tag: "Done"; readonly runs: ReadonlyArray<Ran> }
  | ({ readonly _tag: "Replayed" } & Replayed)
  /** It was asked for something that cannot be. */
  | { readonly _tag: "Refused"; readonly reason: SimulationError["reason"]; readonly message: string }
