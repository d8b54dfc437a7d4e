/** Cell of the result: one measure of one system. */
import type * as Effect from "effect/Effect"
import type { Cores } from "../../harness/cores.ts"
import type { Failed } from "../../harness/Process.ts"
import type { Mode, Setup } from "../systems/Driver.ts"
import type { System } from "../systems/index.ts"

/** Numbers of a measurement. A number that does not apply is `null`. */
export interface Figures {
  readonly msgsPerSecond: number | null
  readonly mbPerSecond: number | null
  readonly p50us: number | null
  readonly p99us: number | null
  /** Resident set of the sender before its receiver stopped, and at the end. */
  readonly rssBeforeMb: number | null
  readonly rssAfterMb: number | null
}

export const nothing: Figures = {
  msgsPerSecond: null,
  mbPerSecond: null,
  p50us: null,
  p99us: null,
  rssBeforeMb: null,
  rssAfterMb: null,
}

export interface Cell {
  readonly bench: string
  readonly system: string
  readonly size: number
  readonly mode: Mode
  readonly measure: Effect.Effect<Figures, Failed>
}

/** Durations of the phases in milliseconds. */
export interface Timing {
  readonly warmUp: number
  readonly measured: number
  /** Time for which a receiver is stopped. */
  readonly stopped: number
}

/** Input from which a measure makes its cells. */
export interface Plan {
  readonly systems: ReadonlyArray<readonly [name: string, system: System]>
  readonly timing: Timing
  readonly cores: Cores | undefined
  /** Returns the setup of a node of the system. */
  readonly setup: (system: string, mode: Mode, size: number) => Setup
}
