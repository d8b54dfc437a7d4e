/**
 * The events as lines of the log.
 */
import * as Effect from "effect/Effect"
import type { ClusterEvent } from "../ClusterEvent.ts"

/** Writes the line of an event; one about a peer says in its annotations which life of which peer. */
export const logEvent = (event: ClusterEvent): Effect.Effect<void> =>
  "peer" in event
    ? Effect.annotateLogs(line(event), { peer: event.peer.name, generation: event.peer.generation })
    : line(event)

/** Membership is rare and worth a line; what repeats goes to debug. */
const line = (event: ClusterEvent): Effect.Effect<void> => {
  switch (event._tag) {
    case "Joined":
    case "Left":
    case "Recovered":
    case "Parted":
      return Effect.logInfo(`${event.peer.name} ${event._tag.toLowerCase()}`)
    case "Replaced":
      return Effect.logInfo(`${event.peer.name} is back as a new generation`)
    case "Failed":
      return Effect.logWarning(`${event.peer.name} failed`)
    case "Suspected":
    case "Unreachable":
    case "Reachable":
    case "MetadataChanged":
      return Effect.logDebug(`${event.peer.name}: ${event._tag}`)
    case "SeedUnavailable":
      return Effect.logWarning(`nobody to join at ${event.address}: ${event.reason}; trying again`)
    case "SlowPeer":
      return Effect.logWarning(`${event.peer.name} reads too slowly; a broadcast went on without it`)
    case "Superseded":
      return Effect.logError("another peer took this node's name; this node has stopped")
    case "Evicted":
      return Effect.logError("the cluster holds this node for one that left; this node has stopped")
    case "Diagnostic":
      return Effect.logWarning(event.message)
    case "Snapshot":
    case "Lagged":
      return Effect.void
  }
}
