/**
 * Observer of all links of a node. The metrics implement it.
 */
import type { Traffic } from "../wire/Traffic.ts"
import type { Link } from "./Link.ts"
import type { LinkEnd } from "./LinkEnd.ts"

/** Observer of the links of a node. */
export interface LinkObserver {
  /** Counters of all valid frames that arrived. */
  readonly received: Traffic
  /** Counters of all frames that this node handed to the network. */
  readonly sent: Traffic
  /** Reports the end of an attempt to establish a link. `outcome` is `up`, `renewed`, or the reason of the failure in one word. */
  readonly connected: (direction: "in" | "out", outcome: string) => void
  /** Reports a measured round-trip time of a link, in milliseconds. */
  readonly measured: (link: Link, millis: number) => void
  /** Reports that a link has ended. */
  readonly ended: (link: Link, end: LinkEnd) => void
}
