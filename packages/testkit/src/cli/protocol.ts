/** Messages between the command and its threads. All messages are plain data, which is copied. */
import type * as FaultPlan from "../FaultPlan.ts"
import type { Explore } from "../Scenario.ts"
import type { SimulationError } from "../SimulationError.ts"
import type { SeedResult } from "../Swarm.ts"
import type { Trace } from "../Trace.ts"

/** Setup of a thread. */
export interface Setup {
  /** Path of the module that exports the scenarios. */
  readonly file: string
  /** Name of the only scenario to load, or `undefined` to load all. */
  readonly scenario: string | undefined
  readonly explore: Explore | undefined
  readonly shrink: boolean
  /** `true` if the thread runs one seed only. */
  readonly isolate: boolean
}

export type Request =
  /** Runs one scenario with one seed. */
  | { readonly _tag: "Seed"; readonly seed: number; readonly scenario: string }
  /**
   * Runs the first seed of each strict scenario of the thread again. The reply has only the runs that differ from the
   * first run.
   */
  | { readonly _tag: "Repeat" }
  /** Replays an artifact from its text. */
  | { readonly _tag: "Replay"; readonly artifact: string }

/** Parts of a scenario that can be copied. */
export interface ScenarioInfo {
  readonly name: string
  readonly faults: FaultPlan.Input | undefined
}

/** Result of a scenario with one seed. */
export interface ScenarioRun extends Omit<SeedResult, "found"> {
  readonly scenario: string
  /** Failure, with the artifact as text, since the classes of errors cannot be copied. */
  readonly found: { readonly artifact: string; readonly trace: Trace } | undefined
}

/** Result of the replay of an artifact. */
export interface Replayed {
  /** `true` if the recorded check failed again. */
  readonly asRecorded: boolean
  readonly failure: { readonly tag: string; readonly message: string; readonly stack: string | undefined } | undefined
  readonly traceHash: string
  readonly trace: Trace
}

export type Reply =
  /** First reply of each thread, unless the setup is refused. The scenarios are in the order of their names. */
  | { readonly _tag: "Loaded"; readonly scenarios: ReadonlyArray<ScenarioInfo> }
  | { readonly _tag: "Done"; readonly runs: ReadonlyArray<ScenarioRun> }
  | ({ readonly _tag: "Replayed" } & Replayed)
  /** The request is impossible. */
  | { readonly _tag: "Refused"; readonly reason: SimulationError["reason"]; readonly message: string }
