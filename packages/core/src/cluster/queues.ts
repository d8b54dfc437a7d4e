/** The bounded queues of a node and of a link, with their limits. Metrics and inspections show them. */
import type { Limits } from "../Limits.ts"
import type { Gauges } from "../link/Link.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { EventHub } from "./EventHub.ts"

/** Parts of a node that have queues. */
export interface Sources {
  readonly loop: Pick<MembershipLoop, "waiting" | "largestShare">
  readonly links: Pick<LinkManager, "all" | "gauges">
  readonly hub: Pick<EventHub, "waiting">
  readonly limits: Limits
}

/** A bounded queue whose size `read` returns from `Source`. */
export interface Queue<in Source> {
  readonly name: string
  readonly limit: (limits: Limits) => number
  readonly read: (source: Source) => number
}

/** Queues of one link. */
export const ofLink: ReadonlyArray<Queue<Gauges>> = [
  { name: "inbox_bytes", limit: (limits) => limits.inboxWindowBytes, read: ({ inbox }) => inbox },
  { name: "lane_bytes", limit: (limits) => limits.laneWindowBytes, read: ({ lane }) => lane },
  { name: "outbox_bytes", limit: (limits) => limits.outboxBytes, read: ({ data }) => data },
  { name: "control_outbox", limit: (limits) => limits.controlOutbox, read: ({ control }) => control },
  {
    name: "control_outbox_bytes",
    limit: (limits) => limits.controlOutboxBytes,
    read: ({ controlBytes }) => controlBytes,
  },
]

/** Queues of a node. The size of a queue that every link has is the largest size among the links. */
export const ofNode: ReadonlyArray<Queue<Sources>> = [
  { name: "membership", limit: (limits) => limits.membershipQueue, read: ({ loop }) => loop.waiting() },
  { name: "membership_share", limit: (limits) => limits.membershipShare, read: ({ loop }) => loop.largestShare() },
  { name: "events", limit: (limits) => limits.eventBuffer, read: ({ hub }) => hub.waiting() },
  ...ofLink.map(({ limit, name, read }): Queue<Sources> => ({ name, limit, read: ({ links }) => most(links, read) })),
  { name: "links", limit: (limits) => limits.links, read: ({ links }) => links.gauges().links },
  { name: "handshakes", limit: (limits) => limits.handshakes, read: ({ links }) => links.gauges().handshakes },
  { name: "dials", limit: (limits) => limits.dials, read: ({ links }) => links.gauges().dials },
]

/** Returns the largest value among the links, or 0 without links. */
export const most = (links: Pick<LinkManager, "all">, read: (gauges: Gauges) => number): number => {
  let found = 0
  for (const link of links.all()) found = Math.max(found, read(link.gauges()))
  return found
}
