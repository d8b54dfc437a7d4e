/**
 * Events and messages of all nodes of a simulation, recorded outside of the nodes, and the guarantees of the membership
 * and of the messages that they break (docs/protocol.md).
 */
import { DeliveryLog } from "./DeliveryLog.ts"
import { Observer } from "./Observer.ts"

export class ClusterRecorder {
  /** Broken guarantees, in the order of their detection. */
  readonly wrong: Array<string> = []
  /** Number of events of each kind on all nodes. */
  readonly counts = new Map<string, number>()
  readonly deliveries: DeliveryLog = new DeliveryLog((wrong) => void this.wrong.push(wrong))

  private readonly hasBabblers: boolean
  private healthy: ReadonlySet<string> = new Set()

  constructor(
    options: {
      /** `true` if some members babble. Defaults to `false`. */
      readonly hasBabblers?: boolean
    } = {},
  ) {
    this.hasBabblers = options.hasBabblers ?? false
  }

  /**
   * Declares that from now on these nodes are healthy and reach each other. A guarantee is broken if an event reports
   * one of them as suspected, lost or removed, or if one of them stops.
   */
  declareHealthy(names: ReadonlyArray<string>): void {
    this.healthy = new Set(names)
  }

  /** Starts a new life of a node. */
  observe(name: string): Observer {
    const observer = new Observer({
      name,
      hasBabblers: this.hasBabblers,
      isHealthy: (other) => this.healthy.has(other),
      complain: (wrong) => void this.wrong.push(wrong),
      count: (tag) => void this.counts.set(tag, this.count(tag) + 1),
    })
    this.deliveries.begin(observer)
    return observer
  }

  /** Returns the number of events with this tag on all nodes. */
  count(tag: string): number {
    return this.counts.get(tag) ?? 0
  }
}
