/** One cell of the result: one measure of one system. */
import type * as Effect from "effect/Effect"
import type { Mode, Setup } from "../systems/Driver.ts"
import type { System } from "../systems/index.ts"
import type { Cores } from "./cores.ts"
import type { Failed } from "./Process.ts"

/** What can come out; `null` where it does not apply. */
export interface Figures {
  readonly msgsPerSecond: number | null
  readonly mbPerSecond: number | null
  readonly p50us: number | null
  readonly p99us: number | null
  /** The sender's resident set, before its receiver stopped and at the end. */
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

/** How long things take, in milliseconds. */
export interface Timing {
  readonly warmUp: number
  readonly measured: number
  /** For how long a receiver is stopped. */
  readonly stopped: number
}

/** What a measure makes its cells of. */
export interface Plan {
  readonly systems: ReadonlyArray<readonly [name: string, system: System]>
  readonly timing: Timing
  readonly cores: Cores | undefined
  /** What a node of the system has to know. */
  readonly setup: (system: string, mode: Mode, size: number) => Setup
}
