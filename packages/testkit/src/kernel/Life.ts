/** Life of a node: one start of its process. When a life has ended, its tasks and timers are dropped, as in a crash. */
import type { Machine } from "./Machine.ts"

export class Life {
  readonly machine: Machine
  /** Number of the life, counted from 1. */
  readonly number: number
  alive = true
  /** `true` if the life ended because its machine lost power, so that nobody outside was told. */
  lostPower = false
  /** Number of fibers that have started and not ended. */
  fibers = 0
  /** Id of the fiber that was created last. Ids count from 1, as in a new process. */
  lastFiberId = 0
  /** Number of running timers. */
  timers = 0
  /** Number of operations left in the present block. One draw decides about each block. */
  opsLeft = 0
  /** Operation of the block at which the fiber is preempted. 0 means none. */
  preemptAt = 0

  constructor(machine: Machine, number: number) {
    this.machine = machine
    this.number = number
  }
}

/** Function that runs as part of a life. */
export interface Task {
  readonly run: () => void
  readonly life: Life
  readonly priority: number
}
