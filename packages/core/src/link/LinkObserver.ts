/**
 * What the links of a node count as they go. Whoever makes them says where to.
 */
import type { Traffic } from "../wire/Traffic.ts"
import type { Link, LinkEnd } from "./Link.ts"

export interface LinkObserver {
  /** All frames that came, whole and right, and all that were handed to the network. */
  readonly received: Traffic
  readonly sent: Traffic
  /** An attempt to make a link is over: `up`, or in a word why not. */
  readonly connected: (direction: "in" | "out", outcome: string) => void
  /** A link is over. */
  readonly ended: (link: Link, end: LinkEnd) => void
}
