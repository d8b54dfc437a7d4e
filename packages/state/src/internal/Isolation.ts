/** Tells whether this node may be cut off from others, which then go on without it. */
export class Isolation {
  /** Greatest number of other members since this node last reached one. */
  private others = 0

  /**
   * Takes `isolated` of the view and the number of its peers. Returns `true` if this node reaches no member and knows
   * more than one. Of two nodes, neither can tell whether it is cut off or the other one has failed. The failure
   * detector does not wait longer in this case either (R5).
   */
  update(isIsolated: boolean, others: number): boolean {
    this.others = isIsolated ? Math.max(this.others, others) : others
    return isIsolated && this.others > 1
  }
}
