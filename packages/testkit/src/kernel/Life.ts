/** One start of a node's process. Everything that belongs to a life that has ended is dropped: that is a crash. */
import type { Machine } from "./Machine.ts"

export class Life {
  readonly machine: Machine
  /** Counted from 1. */
  readonly number: number
  alive = true
  /** Fibers that have started and not ended. */
  fibers = 0
  /** Id of the fiber that was created last. Ids count from 1, as in a process that starts. */
  lastFiberId = 0
  /** Timers that are running. */
  timers = 0
  /** Operations until the next block of operations, which one draw decides. */
  opsLeft = 0
  /** Operation of the block at which the fiber is preempted; 0 is none. */
  preemptAt = 0

  constructor(machine: Machine, number: number) {
    this.machine = machine
    this.number = number
  }
}

/** A function that is ready to run as part of a life. */
export interface Task {
  readonly run: () => void
  readonly life: Life
  readonly priority: number
}
