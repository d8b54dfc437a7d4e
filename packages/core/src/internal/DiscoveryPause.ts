/**
 * The pause between two runs of a polled discovery. A node replaces it with a pause that is short while the node has no
 * link. Without a node it is a plain sleep.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export type Pause = (duration: Duration.Duration) => Effect.Effect<void>

export const DiscoveryPause = Context.Reference<Pause>("@coterie/core/internal/DiscoveryPause", {
  defaultValue: () => Effect.sleep,
})
