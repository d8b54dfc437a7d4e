/**
 * The events and messages of all nodes of a simulation, recorded outside of the nodes, and what of them breaks a guarantee of
 * the membership or of the messages (docs/protocol.md).
 */
import { DeliveryLog } from "./DeliveryLog.ts"
import { Observer } from "./Observer.ts"

export class ClusterRecorder {
  /** Broken guarantees, in the order in which they were found. */
  readonly wrong: Array<string> = []
  /** Number of events of each kind, of all nodes. */
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
   * Declares that from now on these nodes are well and reach each other. An event that calls one of them suspected, lost or
   * gone, or with which one of them stops, breaks a guarantee.
   */
  declareHealthy(names: ReadonlyArray<string>): void {
    this.healthy = new Set(names)
  }

  /** Begins a new life of a node. */
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

  /** Returns how often an event was seen, by all nodes together. */
  count(tag: string): number {
    return this.counts.get(tag) ?? 0
  }
}
