/** Metric of the time until certificates expire (docs/metrics.md). */
import type { NodeMetrics, ObservedOptions } from "@coterie/core/NodeMetrics"
import { ChangingGauges } from "./ChangingGauges.ts"

/** Owner of a certificate: this node, or a peer with an open connection. */
export type Whose = "own" | "peers"

const owners: ReadonlyArray<Whose> = ["own", "peers"]

/** Returns the seconds until the first certificate expires, negative after that. Returns `undefined` if there is none. */
export type SecondsLeft = (whose: Whose) => number | undefined

export class CertificateMetrics {
  private readonly secondsLeft: SecondsLeft
  private readonly gauges = new ChangingGauges(() => this.series())

  constructor(secondsLeft: SecondsLeft) {
    this.secondsLeft = secondsLeft
  }

  /** Adds or removes a series after certificates came or went. Without a certificate there is no number to show. */
  readonly changed = (): void => this.gauges.update()

  /** Shows the metric to a node until the scope closes. */
  readonly addMetrics = (metrics: NodeMetrics) => this.gauges.addMetrics(metrics)

  private series(): ReadonlyArray<ObservedOptions> {
    return owners
      .filter((whose) => this.secondsLeft(whose) !== undefined)
      .map((whose) => ({
        id: "coterie_certificate_seconds",
        description: "Time until the first certificate expires.",
        labels: { whose },
        read: () => this.secondsLeft(whose) ?? 0,
      }))
  }
}
