/** Landmarks of a trace: the events that a reader looks for first. */
import type { Event } from "../../../Trace.ts"

/** States of a node that the scenario may have caused itself. */
const downStates: ReadonlySet<string> = new Set(["crashed", "died", "stopped", "paused"])

const isLandmark = (event: Event): boolean => {
  switch (event._tag) {
    case "Fault":
    case "Failed":
      return true
    case "Note":
      // Log lines and recorded calls are left out, because there may be thousands.
      return event.kind !== "log" && event.kind !== "history"
    case "Node":
      return downStates.has(event.state)
    default:
      return false
  }
}

/**
 * Returns `true` if a fault of the node began at the same time as the change of the node, and so describes it already.
 */
const isFromFault = (events: ReadonlyArray<Event>, index: number): boolean => {
  const event = events[index]
  if (event?._tag !== "Node") return false
  for (const step of [-1, 1]) {
    for (let other = index + step; events[other]?.at === event.at; other += step) {
      const fault = events[other]
      if (fault?._tag === "Fault" && fault.state === "began" && fault.nodes.includes(event.node)) return true
    }
  }
  return false
}

/** Lists the notes of the scenario, the faults, the nodes that went down, and the failure, in the order of time. */
export const landmarksOf = (events: ReadonlyArray<Event>): ReadonlyArray<number> =>
  [...events.keys()].filter((index) => {
    const event = events[index]
    return event !== undefined && isLandmark(event) && !isFromFault(events, index)
  })
