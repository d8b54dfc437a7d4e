/**
 * States of the nodes over time.
 */
import type { NodeState as NodeChange, Trace } from "../../../Trace.ts"
import type { Causality } from "../../causality.ts"
import { unknownLane } from "../../lanes.ts"
import type { Timeline } from "./timeline.ts"

/** Change of a node that begins another state. Changes of the speed or the clock do not. */
type StateChange = Exclude<NodeChange, "slow" | "clock">

/** State of a node. */
export type NodeState = Exclude<StateChange, "resumed">

/** Time that a node spends in one state. */
export interface StateSpan {
  readonly lane: number
  readonly top: number
  readonly bottom: number
  readonly state: NodeState
}

/** Guesses the state before the first recorded change, for a trace without the beginning of the run. */
const stateBefore = (change: StateChange | undefined): NodeState | undefined => {
  switch (change) {
    case "starting":
      return undefined
    case "running":
    case "died":
      return "starting"
    case "stopped":
      return "stopping"
    case "resumed":
      return "paused"
    default:
      return "running"
  }
}

interface Change {
  readonly change: StateChange
  readonly row: number
}

/** Turns the changes of one node into spans without gaps. */
const spansOf = (
  lane: number,
  changes: ReadonlyArray<Change>,
  initial: NodeState | undefined,
  height: number,
): ReadonlyArray<StateSpan> => {
  const spans: Array<StateSpan> = []
  let state = initial
  let stateBeforePause: NodeState = "running"
  let top = 0
  for (const { change, row } of [...changes, { change: undefined, row: height }]) {
    if (state !== undefined && row > top) spans.push({ lane, top, bottom: row, state })
    top = row
    if (change === "paused") stateBeforePause = state ?? "running"
    state = change === "resumed" ? stateBeforePause : change
  }
  return spans
}

/** Collects the states of all nodes, lane by lane. */
export const nodeStatesOf = (
  { events, skipped }: Pick<Trace, "events" | "skipped">,
  { laneOf, lanes }: Causality,
  { height, rowOf }: Timeline,
): ReadonlyArray<StateSpan> => {
  const changes = lanes.map((): Array<Change> => [])
  for (const [index, event] of events.entries()) {
    if (event._tag !== "Node" || event.state === "slow" || event.state === "clock") continue
    changes[laneOf[index] ?? unknownLane]?.push({ change: event.state, row: rowOf[index] ?? 0 })
  }
  return changes.flatMap((own, lane) => {
    // A host that is not a node of the scenario has no changes and counts as running.
    const initial = skipped > 0 || own.length === 0 ? stateBefore(own[0]?.change) : undefined
    return spansOf(lane, own, initial, height)
  })
}
