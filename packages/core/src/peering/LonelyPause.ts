/**
 * A pause that is shorter for a node without any live link: `Discovery` gives an interval for such a node, in which everything that
 * may lead it back into the cluster is tried again.
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

  /** Tests whether this node has no live link. */
  isAlone(): boolean {
    return this.loop.state().linked.size === 0
  }

  /**
   * Sleeps for the duration, or until `intervalAlone` has passed and the node is alone at its end. A node that comes to be alone
   * during the pause waits for at most another `intervalAlone`.
   */
  readonly sleep = (duration: Duration.Duration): Effect.Effect<void> => {
    if (Duration.isLessThanOrEqualTo(duration, this.interval)) return Effect.sleep(duration)
    return Effect.flatMap(Effect.sleep(this.interval), () =>
      this.isAlone() ? Effect.void : this.sleep(Duration.subtract(duration, this.interval)),
    )
  }
}
