/**
 * What a simulated network needs of the world that it is in. There are two worlds: any Effect program with its
 * `Clock` and `Random` (the plain `SimNetwork`), and the simulation kernel.
 */
import type { Draws } from "../kernel/Draws.ts"

/** Something that will happen unless it is cancelled. */
export interface Event {
  readonly cancel: () => void
}

/**
 * What is to happen, in the order of time; at one instant in the order in which it was scheduled. Times are whole
 * microseconds.
 */
export interface Timeline {
  readonly now: () => number
  readonly schedule: (at: number, run: () => void) => Event
}

/** The process that a transport was built in: one life of a node. */
export interface Process {
  /**
   * Runs a task as part of the process, soon and in a turn of its own: a process that has died drops it, one that stands
   * still keeps it until it goes on.
   */
  readonly enqueue: (task: () => void) => void
}

/** What the network tells of itself. `id`s are counted from 1, per network. */
export type Observation =
  | { readonly _tag: "Dialed"; readonly connection: number; readonly from: string; readonly to: string }
  | { readonly _tag: "Accepted"; readonly connection: number }
  | {
      readonly _tag: "Sent"
      readonly connection: number
      readonly segment: number
      readonly from: string
      readonly to: string
      readonly bytes: Uint8Array
    }
  /** The segment was lost so many times on its way, and is sent again. */
  | { readonly _tag: "Lost"; readonly segment: number; readonly times: number }
  | { readonly _tag: "Arrived"; readonly segment: number }
  /** It never will arrive. */
  | { readonly _tag: "Dropped"; readonly segment: number; readonly why: string }
  /** What the side `by` did to the connection; `vanished` is without a word to the other side. */
  | {
      readonly _tag: "Ended"
      readonly connection: number
      readonly by: string
      readonly how: "end" | "reset" | "refused" | "vanished"
    }

/** The surroundings of a network. */
export interface World {
  readonly timeline: Timeline
  readonly draws: Draws
  /** The process that builds a transport at the host now. */
  readonly process: (host: string) => Process
  /** Told at once, inside of whatever happens. Without one, nothing is made to be told. */
  readonly observe?: ((observation: Observation) => void) | undefined
}
