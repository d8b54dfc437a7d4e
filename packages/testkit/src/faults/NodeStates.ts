/** States of the nodes, including the changes by the faults of this moment. */

/** Name and state of a node. A `paused` node is up. */
export interface NodeState {
  readonly name: string
  readonly state: "up" | "down" | "paused"
}

export class NodeStates {
  private readonly spare: number
  private readonly states = new Map<string, NodeState["state"]>()
  /** Offset of each wall clock. */
  readonly offsets = new Map<string, number>()
  /** Time until which each node is slow. A slow node gets no second `slow` fault, which would end with the first. */
  readonly slowUntil = new Map<string, number>()

  /** Leaves at least `spare` nodes up. */
  constructor(spare: number) {
    this.spare = spare
  }

  /** Replaces the states by those of this moment. */
  update(nodes: ReadonlyArray<NodeState>): void {
    this.states.clear()
    for (const { name, state } of nodes) this.states.set(name, state)
  }

  /** Sets the state of a node that a fault hits. */
  set(name: string, state: NodeState["state"]): void {
    this.states.set(name, state)
  }

  /** Returns the nodes in one of the states. */
  in(...states: ReadonlyArray<NodeState["state"]>): ReadonlyArray<string> {
    return [...this.states].flatMap(([name, state]) => (states.includes(state) ? [name] : []))
  }

  /**
   * Returns the nodes in one of the states that a fault may take down. Includes nodes that are up only if more than
   * `spare` nodes are up.
   */
  expendable(...states: ReadonlyArray<NodeState["state"]>): ReadonlyArray<string> {
    const enough = this.in("up").length > this.spare
    return this.in(...states.filter((state) => enough || state !== "up"))
  }
}
