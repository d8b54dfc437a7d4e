/**
 * The policy of trying again: when to dial a peer or seed after an attempt failed. Every sequence of
 * attempts has a schedule of its own, started afresh once a link has been healthy for the link timeout,
 * so an hour of health is not followed by a minute of waiting.
 *
 * It has no effect on how soon a death is known: the first attempt after a lost link is made at once. The longest pause is how long
 * a link may take to come back after the network has, and how long a partition takes to heal. Each attempt is one connection;
 * all nodes together make about one in a pause to each peer that failed.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/** Any schedule; what it gives out is not used, and when it ends the attempts end until something changes. */
export type Policy = Schedule.Schedule<unknown>

/** The first delay of the default, and its cap. */
const initialDelay = Duration.seconds(1)
const maxDelay = Duration.seconds(60)

/**
 * Draws each delay evenly between nothing and what the schedule says, so that peers that lost each other
 * at one moment do not come back at one moment ("full jitter").
 */
export const fullJitter = <Out, In, E, R>(
  schedule: Schedule.Schedule<Out, In, E, R>,
): Schedule.Schedule<Out, In, E, R> =>
  Schedule.modifyDelay(schedule, ({ duration }) => Effect.map(Random.next, (draw) => Duration.times(duration, draw)))

/** Exponential from 1 s to 60 s with full jitter, for ever. */
export const defaultSchedule: Policy = fullJitter(
  Schedule.min([Schedule.exponential(initialDelay), Schedule.spaced(maxDelay)]),
)

/** The policy in use; {@link defaultSchedule} unless a layer says otherwise. */
export const Reconnect = Context.Reference<Policy>("@coterie/core/Reconnect", { defaultValue: () => defaultSchedule })

export const layer = (schedule: Policy): Layer.Layer<never> => Layer.succeed(Reconnect, schedule)
