/**
 * Run of the `Reconnect` schedule: the pauses between the attempts to reach one peer or address.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Reconnect from "../Reconnect.ts"

type Step = (input: unknown) => Pull.Pull<unknown, never, unknown>

export class RetrySchedule {
  private readonly step: Step

  constructor(step: Step) {
    this.step = step
  }

  /** Sleeps for the next pause of the schedule. Returns `false` if the schedule has ended. */
  pause(): Effect.Effect<boolean> {
    return Pull.matchEffect(this.step(undefined), {
      onSuccess: () => Effect.succeed(true),
      onFailure: Effect.failCause,
      onDone: () => Effect.succeed(false),
    })
  }

  /**
   * Sleeps for the next pause of the schedule, but at most for `interval`. Sleeps for `interval` if the schedule has
   * ended.
   */
  pauseAtMost(interval: Duration.Duration): Effect.Effect<void> {
    return Effect.raceFirst(
      Effect.sleep(interval),
      Effect.flatMap(this.pause(), (more) => (more ? Effect.void : Effect.never)),
    )
  }
}

/** Starts a new run of the schedule of the policy. */
export const make = (policy: Reconnect.Policy): Effect.Effect<RetrySchedule> =>
  Effect.map(Schedule.toStepWithSleep(policy), (step) => new RetrySchedule(step))
