/**
 * Pause that is shorter for a node without any live link. Such a node repeats all attempts to return to the cluster at
 * the `intervalAlone` of `Discovery`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Discovery from "../Discovery.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"

export class LonelyPause {
  private readonly loop: Pick<MembershipLoop, "state">
  private readonly interval: Duration.Duration

  constructor(loop: Pick<MembershipLoop, "state">, { intervalAlone }: Pick<Discovery.Policy, "intervalAlone">) {
    this.loop = loop
    this.interval = intervalAlone
  }

  /** Returns whether this node has no live link. */
  isAlone(): boolean {
    return this.loop.state().linked.size === 0
  }

  /**
   * Sleeps for the duration. Ends early at a multiple of `intervalAlone` at which the node has no link. A node that
   * loses its last link during the pause waits for at most one more `intervalAlone`.
   */
  readonly sleep = (duration: Duration.Duration): Effect.Effect<void> => {
    if (Duration.isLessThanOrEqualTo(duration, this.interval)) return Effect.sleep(duration)
    return Effect.flatMap(Effect.sleep(this.interval), () =>
      this.isAlone() ? Effect.void : this.sleep(Duration.subtract(duration, this.interval)),
    )
  }
}
