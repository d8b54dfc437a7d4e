/** Log lines for the events of a node. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ClusterEvent, SlowPeer } from "../ClusterEvent.ts"
import type { Line, LogBudget } from "../internal/LogBudget.ts"
import type { PeerId } from "../Peer.ts"
import { inboxName } from "../protocol/constants.ts"

/** Maximum number of names in one line. */
const shownNames = 10

/** Returns the names of the peers for a log line: only the first ones if there are many. */
const names = (peers: ReadonlyArray<PeerId>): string => {
  if (peers.length === 0) return "none"
  const shown = peers.slice(0, shownNames).map(({ name }) => name)
  return peers.length > shown.length ? `${shown.join(", ")} and ${peers.length - shown.length} more` : shown.join(", ")
}

/**
 * Returns the description of a slow peer, and the readers to check: the peer's reader and, if it waits for this node,
 * the reader of this node.
 */
const standstill = ({ bytes, lane, peer: { name }, waited }: SlowPeer): string => {
  const reader = lane === inboxName ? "reader of the inbox" : `reader of "${lane}"`
  return (
    `the ${reader} of ${name} took nothing for ${Duration.format(waited)}, and ${bytes} bytes wait for it; ` +
    `until it makes progress, messages to many do not wait for it. If the reader of this node waits, too, because it sends ` +
    `within its loop, handle messages in another fiber (docs/messages.md, "How to reply")`
  )
}

/** Writes the log line of an event. The annotations of a line about a peer have its name and generation. */
export const logEvent = (event: ClusterEvent, log: LogBudget): Effect.Effect<void> => {
  const content = line(event)
  if (content === undefined) return Effect.void
  const about =
    "peer" in event
      ? { subject: event.peer.name, annotations: { peer: event.peer.name, generation: event.peer.generation } }
      : { subject: undefined }
  return log.write({ ...content, kind: event._tag, ...about })
}

type Content = Pick<Line, "level" | "text">

const debug = (text: string): Content => ({ level: "Debug", text })
const info = (text: string): Content => ({ level: "Info", text })
const warning = (text: string): Content => ({ level: "Warn", text })

/**
 * Returns the log line of an event. Changes of the membership are rare and get a line. Frequent events are logged at
 * the level Debug.
 */
const line = (event: ClusterEvent): Content | undefined => {
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
      return warning("this node reaches no member and may be cut off")
    case "Reconnected":
      return info("this node is connected again")
    case "PartitionSuspected":
      return warning(`the cluster may be in two parts: ${names(event.lost)} failed at about the same time`)
    case "PartitionHealed":
      return info(`the suspected partition ended: returned: ${names(event.returned)}; missing: ${names(event.missing)}`)
    case "Diagnostic":
      return warning(event.message)
    case "SelfChanged":
      return debug("this node changed its metadata or its generation")
    // `SeedAvailability` logs when the problem of an address begins, changes and ends.
    case "SeedUnavailable":
    // The last log line of the node has the reason for the stop.
    case "Superseded":
    case "Snapshot":
    case "Lagged":
      return undefined
  }
}
