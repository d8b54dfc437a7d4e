/**
 * Services that a simulated network needs from its environment. There are two environments: an Effect program with its
 * `Clock` and `Random` (`SimNetwork`), and the kernel of a simulation.
 */
import type { Draws } from "../kernel/Draws.ts"

/** Scheduled call. */
export interface Scheduled {
  /** Prevents the call. Does nothing once the call has happened. */
  readonly cancel: () => void
}

/**
 * Scheduler that calls functions in the order of time, and in the order of scheduling within one instant. Times are in
 * whole microseconds.
 */
export interface Timeline {
  readonly now: () => number
  readonly schedule: (at: number, run: () => void) => Scheduled
}

/** Process in which a transport was built: one life of a node. */
export interface Process {
  /**
   * Runs a task as part of the process, soon and in a turn of its own. A process that has ended drops the task. A
   * paused process keeps the task until it is resumed.
   */
  readonly enqueue: (task: () => void) => void
}

/**
 * Side of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type Side = "dialer" | "acceptor"

/** Event of the network. Connections and segments are numbered from 1 within a network. */
export type Observation =
  | { readonly _tag: "Dialed"; readonly connection: number; readonly from: string; readonly to: string }
  | { readonly _tag: "Accepted"; readonly connection: number }
  | {
      readonly _tag: "Sent"
      readonly connection: number
      readonly segment: number
      readonly from: string
      readonly to: string
      /** Side that sent the segment. A host can be both sides of a connection. */
      readonly side: Side
      readonly bytes: Uint8Array
    }
  /** The network lost the segment `times` times, and the sender sends it again. */
  | { readonly _tag: "Lost"; readonly segment: number; readonly times: number }
  | { readonly _tag: "Arrived"; readonly segment: number }
  /** The segment will never arrive. */
  | { readonly _tag: "Dropped"; readonly segment: number; readonly why: string }
  /** The side `by` ended the connection. `vanished` ends it without a segment to the other side. */
  | {
      readonly _tag: "Ended"
      readonly connection: number
      readonly by: string
      readonly how: "end" | "reset" | "refused" | "vanished"
    }

/** Environment of a network. */
export interface Environment {
  readonly timeline: Timeline
  readonly draws: Draws
  /** Returns the process that builds a transport at the host now. */
  readonly process: (host: string) => Process
  /** Receives each observation synchronously. Without this function the network makes no observations. */
  readonly observe?: ((observation: Observation) => void) | undefined
}
