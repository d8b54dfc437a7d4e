/**
 * The reconnect policy: when to dial a peer or seed again after a failed attempt. Each sequence of attempts has its own
 * schedule. The schedule restarts once a link has been healthy for the link timeout, so a long healthy period is
 * followed by short pauses. A peer that rejects a dial may request a longer pause, of up to a minute.
 *
 * The policy has no effect on failure detection: this node dials at once after a lost link. The longest pause bounds
 * the time until a link returns after the network has recovered, and the time until a partition heals. Each attempt is
 * one connection. All nodes together make about one connection per pause to each failed peer.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { policyLayer } from "./internal/policyLayer.ts"

/**
 * Any schedule. Its output is ignored. When the schedule ends, this node makes no further attempt until its knowledge
 * about the peer changes.
 *
 * @category models
 * @since 0.1.0
 */
export type Policy = Schedule.Schedule<unknown>

/** First delay of the default schedule, and its cap. */
const initialDelay = Duration.seconds(1)
const maxDelay = Duration.seconds(60)

/**
 * Draws each delay uniformly between zero and the delay of the schedule ("full jitter"), so that peers that lost each
 * other at the same time do not reconnect at the same time.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fullJitter = <Out, In, E, R>(
  schedule: Schedule.Schedule<Out, In, E, R>,
): Schedule.Schedule<Out, In, E, R> =>
  Schedule.modifyDelay(schedule, ({ duration }) => Effect.map(Random.next, (draw) => Duration.times(duration, draw)))

/**
 * Unlimited exponential schedule from 1 second to 60 seconds, with full jitter.
 *
 * @category schedules
 * @since 0.1.0
 */
export const defaultSchedule: Policy = fullJitter(
  Schedule.min([Schedule.exponential(initialDelay), Schedule.spaced(maxDelay)]),
)

/**
 * Identifier of the policy in the types of layers: a layer of this module is a `Layer.Layer<Reconnect>`.
 *
 * @category services
 * @since 0.1.0
 */
export interface Reconnect {
  readonly policy: "Reconnect"
}

/**
 * The policy in use. Defaults to {@link defaultSchedule}.
 *
 * @category services
 * @since 0.1.0
 */
export const Reconnect = Context.Reference<Policy>("@coterie/core/Reconnect", { defaultValue: () => defaultSchedule })

/**
 * Uses a schedule for all attempts.
 *
 * **Example** (Dial again within 10 seconds at the latest)
 *
 * ```ts
 * import { Cluster, Reconnect } from "@coterie/core"
 * import { Schedule } from "effect"
 *
 * const schedule = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])
 *
 * const ClusterLive = Cluster.layer({
 *   cluster: "shop",
 *   policies: [Reconnect.layer(Reconnect.fullJitter(schedule))],
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (schedule: Policy): Layer.Layer<Reconnect> => provide(Reconnect, schedule)

const provide = policyLayer<Reconnect>()
