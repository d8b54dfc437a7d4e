/** Metrics of a map (docs/metrics.md). */
import type { Counter, NodeMetrics } from "@coterie/core/NodeMetrics"
import type { CountedEvent } from "./Replica.ts"
import type { OwnerState } from "./Service.ts"
import type { AskReason } from "./replication/Mirrors.ts"

/** Numbers that are read when the metrics are read. */
export interface Sizes {
  readonly ownSize: () => { readonly entries: number; readonly bytes: number }
  readonly copiesSize: () => { readonly entries: number; readonly bytes: number }
  readonly behind: () => number
  /** Returns the number of other owners in a state. */
  readonly ownersIn: (state: OwnerState) => number
}

const ownerStates: ReadonlyArray<OwnerState> = ["live", "stale", "syncing", "absent", "refused"]

/** Returns the label of a map. It is bounded as the label of the lane of the map. */
export const mapLabel = (metrics: NodeMetrics, laneName: string, name: string): string =>
  metrics.laneLabel(laneName) === laneName ? name : "other"

/** Registers the series of a map. */
export const addMetrics = (metrics: NodeMetrics, laneName: string, name: string) => {
  const map = mapLabel(metrics, laneName, name)
  const counter = (id: string, description: string, labels: Record<string, string> = {}): Counter =>
    metrics.counter({ id, description, labels: { map, ...labels } })
  const batches = "Batches of changes that this node began to send, by kind."
  const requests = "Requests of this node for the entries of another node, by reason."
  const asks = (reason: AskReason) => counter("coterie_state_requests_total", requests, { reason })
  const ignored = "Parts of batches that answer no current request, and batches that do not fit, by reason."
  const counters: Readonly<Record<CountedEvent, Counter>> = {
    full: counter("coterie_state_batches_total", batches, { kind: "full" }),
    delta: counter("coterie_state_batches_total", batches, { kind: "delta" }),
    parts: counter("coterie_state_parts_total", "Parts of batches that this node sent."),
    "asks opened": asks("opened"),
    "asks unanswered": asks("unanswered"),
    "asks notSent": asks("notSent"),
    "asks gap": asks("gap"),
    "asks diverged": asks("diverged"),
    refused: counter("coterie_state_refused_total", "Owners that this node refused, because they exceed its limits."),
    diverged: counter("coterie_state_diverged_total", "Copies without the checksum of their owner."),
    ignored: counter("coterie_state_ignored_parts_total", ignored, { reason: "notAsked" }),
    gaps: counter("coterie_state_ignored_parts_total", ignored, { reason: "gap" }),
  }
  return {
    count: (what: CountedEvent): void => counters[what].increment(),
    /** Adds the gauges. Returns a function that removes them. */
    observe: (sizes: Sizes): (() => void) => {
      const gauge = (id: string, description: string, labels: Record<string, string>, read: () => number) =>
        metrics.observe({ id, description, labels: { map, ...labels }, read })
      const entries = "Entries of the map at this node: own entries, and copies of the entries of others."
      const bytes = "Bytes of the encoded entries of the map at this node."
      const owners = "Members except this node, by the state of their entries at this node."
      const removals = [
        ...ownerStates.map((state) => gauge("coterie_state_owners", owners, { state }, () => sizes.ownersIn(state))),
        gauge("coterie_state_entries", entries, { of: "own" }, () => sizes.ownSize().entries),
        gauge("coterie_state_entries", entries, { of: "others" }, () => sizes.copiesSize().entries),
        gauge("coterie_state_bytes", bytes, { of: "own" }, () => sizes.ownSize().bytes),
        gauge("coterie_state_bytes", bytes, { of: "others" }, () => sizes.copiesSize().bytes),
        gauge("coterie_state_behind", "Steps of this node that its slowest reader does not have.", {}, sizes.behind),
      ]
      return () => {
        for (const remove of removals) remove()
      }
    },
  }
}
