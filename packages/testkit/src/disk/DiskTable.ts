/** Disks of a simulation by the names of their nodes. */
import type { Draws } from "../kernel/Draws.ts"
import { type Conditions, type Counters, Disk } from "./Disk.ts"

interface Options {
  readonly draws: Draws
  readonly now: () => number
  readonly conditions: Conditions
}

export class DiskTable {
  private readonly options: Options
  private readonly disks = new Map<string, Disk>()
  private readonly counters: Counters = { diskLost: 0, diskTorn: 0 }
  private conditions: Conditions

  constructor(options: Options) {
    this.options = options
    this.conditions = options.conditions
  }

  /** Returns the disk of a node. Makes it if it does not exist. */
  get(name: string): Disk {
    const known = this.disks.get(name)
    if (known !== undefined) return known
    const { draws, now } = this.options
    const disk = new Disk({ name, draws, now, counters: this.counters, conditions: () => this.conditions })
    this.disks.set(name, disk)
    return disk
  }

  /** Ends the conditions: from now on, a loss of power loses nothing. */
  heal(): void {
    this.conditions = {}
  }

  /** Returns the number of effects of each condition. */
  fired(): Readonly<Record<string, number>> {
    return { ...this.counters }
  }
}
