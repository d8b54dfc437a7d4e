/**
 * The reconnect policy: when to dial a peer or seed again after an attempt has failed. Every sequence of attempts has a schedule
 * of its own, which starts afresh once a link has been healthy for the link timeout. So an hour of health is not followed by a
 * minute of waiting. A peer that rejects a dial and asks for a longer pause gets it, up to a minute.
 *
 * The policy has no effect on the detection of failures: the first attempt after a lost link is made at once. The longest pause
 * bounds how long a link takes to come back after the network has, and how long a partition takes to heal. Each attempt is one
 * connection; all nodes together make about one per pause to each peer that failed.
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
 * Any schedule. Its output is not used. When it ends the attempts end, until something changes.
 *
 * @category models
 * @since 0.1.0
 */
export type Policy = Schedule.Schedule<unknown>

/** First delay of the default schedule, and its cap. */
const initialDelay = Duration.seconds(1)
const maxDelay = Duration.seconds(60)

/**
 * Draws each delay evenly between zero and the delay of the schedule ("full jitter"), so that peers that lost each other at one
 * moment do not come back at one moment.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fullJitter = <Out, In, E, R>(
  schedule: Schedule.Schedule<Out, In, E, R>,
): Schedule.Schedule<Out, In, E, R> =>
  Schedule.modifyDelay(schedule, ({ duration }) => Effect.map(Random.next, (draw) => Duration.times(duration, draw)))

/**
 * Exponential schedule from 1 second to 60 seconds with full jitter, for ever.
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
