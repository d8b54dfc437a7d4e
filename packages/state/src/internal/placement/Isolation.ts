/** Tells whether this node may be cut off from others, which then go on without it. */
import type { View } from "@coterie/core/ClusterEvent"

export class Isolation {
  /** Greatest number of other members since this node last reached one. */
  private others = 0

  /**
   * Returns `true` if this node reaches no member and knows more than one. Of two nodes, neither can tell whether it is
   * cut off or the other one has failed. The failure detector does not wait longer in this case either (R5).
   */
  update({ isolated, peers }: Pick<View, "isolated" | "peers">): boolean {
    this.others = isolated ? Math.max(this.others, peers.size) : peers.size
    return isolated && this.others > 1
  }
}
