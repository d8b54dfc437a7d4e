/**
 * Observer of all links of a node, which the metrics implement.
 */
import type { Traffic } from "../wire/Traffic.ts"
import type { Link } from "./Link.ts"
import type { LinkEnd } from "./LinkEnd.ts"

export interface LinkObserver {
  /** Counters of all valid frames that arrived. */
  readonly received: Traffic
  /** Counters of all frames that were handed to the network. */
  readonly sent: Traffic
  /** Called when an attempt to make a link ends. `outcome` is `up`, or the reason of the failure in one word. */
  readonly connected: (direction: "in" | "out", outcome: string) => void
  /** Called when a link has ended. */
  readonly ended: (link: Link, end: LinkEnd) => void
}
