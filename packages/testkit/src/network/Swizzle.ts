/** Fault that isolates hosts one after the other, each for its own time. */
import type { Timeline } from "./Environment.ts"
import { isolation, type Partitions } from "./Partitions.ts"

interface Options {
  readonly timeline: Timeline
  readonly partitions: Partitions
  /** Called when directions may be open again. */
  readonly opened: () => void
  /** Called when the last isolation has ended. */
  readonly ended: () => void
}

export class Swizzle {
  private readonly options: Options
  private readonly began: number
  /** Functions that each end an isolation that is scheduled or has begun. */
  private readonly ends = new Set<() => void>()

  constructor(options: Options) {
    this.options = options
    this.began = options.timeline.now()
  }

  /** Isolates the host between two times, in microseconds since the beginning of the swizzle. */
  schedule(host: string, from: number, to: number): void {
    const { opened, partitions, timeline } = this.options
    const block = isolation(host)
    const begin = timeline.schedule(this.began + from, () => partitions.add(block))
    const end = (): void => {
      begin.cancel()
      over.cancel()
      partitions.remove(block)
      this.ends.delete(end)
    }
    const over = timeline.schedule(this.began + to, () => {
      end()
      opened()
      if (this.ends.size === 0) this.options.ended()
    })
    this.ends.add(end)
  }

  /** Ends all isolations, including those that have not begun. */
  undo(): void {
    this.options.ended()
    for (const end of this.ends) end()
    this.options.opened()
  }
}
