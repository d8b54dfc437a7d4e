/**
 * The events of a node as lines of its log.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ClusterEvent, SlowPeer } from "../ClusterEvent.ts"
import type { Line, LogBudget } from "../internal/LogBudget.ts"
import type { PeerId } from "../Peer.ts"
import { inboxName } from "../protocol/constants.ts"

/** Number of names that one line shows. */
const shownNames = 10

/** Returns the names of the peers for a line of the log: the first few, if they are many. */
const names = (peers: ReadonlyArray<PeerId>): string => {
  if (peers.length === 0) return "nobody"
  const shown = peers.slice(0, shownNames).map(({ name }) => name)
  return peers.length > shown.length ? `${shown.join(", ")} and ${peers.length - shown.length} more` : shown.join(", ")
}

/** Returns what stands still, and what to look at: the reader there and, if it waits for this node, the reader here. */
const standstill = ({ bytes, lane, peer: { name }, waited }: SlowPeer): string => {
  const reader = lane === inboxName ? "reader of the inbox" : `reader of "${lane}"`
  return (
    `the ${reader} of ${name} took nothing for ${Duration.format(waited)}, and ${bytes} bytes wait for it; ` +
    `messages to many skip it until it goes on. If this node's own reader may be the one that waits, because it sends ` +
    `within its loop, fork what it does with a message (docs/messages.md, "How to answer")`
  )
}

/** Writes the line of an event. The annotations of a line about a peer name the peer and its generation. */
export const logEvent = (event: ClusterEvent, log: LogBudget): Effect.Effect<void> => {
  const said = line(event)
  if (said === undefined) return Effect.void
  const about =
    "peer" in event
      ? { subject: event.peer.name, annotations: { peer: event.peer.name, generation: event.peer.generation } }
      : { subject: undefined }
  return log.write({ ...said, kind: event._tag, ...about })
}

type Said = Pick<Line, "level" | "text">

const debug = (text: string): Said => ({ level: "Debug", text })
const info = (text: string): Said => ({ level: "Info", text })
const warning = (text: string): Said => ({ level: "Warn", text })

/** Returns the line of an event. Changes of membership are rare and worth a line; what repeats goes to debug. */
const line = (event: ClusterEvent): Said | undefined => {
  switch (event._tag) {
    case "Joined":
    case "Left":
    case "Recovered":
    case "Disconnected":
      return info(`${event.peer.name} ${event._tag.toLowerCase()}`)
    case "Replaced":
      return info(`${event.peer.name} is back as a new generation`)
    case "Failed":
      return warning(`${event.peer.name} failed`)
    case "Suspected":
    case "Unreachable":
    case "Reachable":
    case "MetadataChanged":
      return debug(`${event.peer.name}: ${event._tag}`)
    case "SlowPeer":
      return warning(standstill(event))
    case "Isolated":
      return warning("no member can be reached: this node may be cut off")
    case "Reconnected":
      return info("this node is connected again")
    case "PartitionSuspected":
      return warning(`the cluster may be in two parts: ${names(event.lost)} failed at about one time`)
    case "PartitionHealed":
      return info(`the cluster is in one part: returned: ${names(event.returned)}; missing: ${names(event.missing)}`)
    case "Diagnostic":
      return warning(event.message)
    case "SelfChanged":
      return debug("this node changed its metadata or its generation")
    // `SeedAvailability` has a line when the trouble of an address begins, changes and ends.
    case "SeedUnavailable":
    // The node stops, and its last line says why.
    case "Superseded":
    case "Snapshot":
    case "Lagged":
      return undefined
  }
}
