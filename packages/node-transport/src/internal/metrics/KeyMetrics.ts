/**
 * Metrics of the ring and of the open connections by their key (docs/metrics.md). They show an operator how far the nodes are with the
 * replacement of a secret. A key has series while it is in the ring, and after that while a connection that was made with it is open.
 */
import type { NodeMetrics, ObservedOptions } from "@coterie/core/NodeMetrics"
import type { Key } from "../secret/ring.ts"
import { ChangingGauges } from "./ChangingGauges.ts"

/** Gets each change of the ring, and each change of the open connections. */
export interface KeyObserver {
  readonly ringChanged: (ring: ReadonlyArray<Key>) => void
  readonly opened: (key: string) => void
  readonly closed: (key: string) => void
}

export class KeyMetrics implements KeyObserver {
  private ring: ReadonlyArray<Key> = []
  /** Number of open connections by key. */
  private readonly open = new Map<string, number>()
  private readonly gauges = new ChangingGauges(() => this.series())

  readonly ringChanged = (ring: ReadonlyArray<Key>): void => {
    this.ring = ring
    this.gauges.update()
  }

  readonly opened = (key: string): void => {
    const before = this.openWith(key)
    this.open.set(key, before + 1)
    // All other connections change no label.
    if (before === 0) this.gauges.update()
  }

  readonly closed = (key: string): void => {
    const after = this.openWith(key) - 1
    if (after > 0) return void this.open.set(key, after)
    this.open.delete(key)
    this.gauges.update()
  }

  /** Shows the metrics to a node until the scope closes. */
  readonly addMetrics = (metrics: NodeMetrics) => this.gauges.addMetrics(metrics)

  private openWith(key: string): number {
    return this.open.get(key) ?? 0
  }

  private series(): ReadonlyArray<ObservedOptions> {
    const ids = new Set([...this.ring.map(({ id }) => id), ...this.open.keys()])
    return [
      ...this.ring.map(({ id }, i) => ({
        id: "coterie_keys",
        description: "1 for each key of the ring.",
        labels: { key: id, use: i === 0 ? "dials" : "accepted" },
        read: () => 1,
      })),
      ...[...ids].map((key) => ({
        id: "coterie_sessions",
        description: "Open connections by the key that they were made with.",
        labels: { key },
        read: () => this.openWith(key),
      })),
    ]
  }
}
