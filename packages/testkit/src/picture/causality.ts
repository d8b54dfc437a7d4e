/**
 * Causality of a trace: the lane of each event, and the earlier events that influence it directly (the happened-before
 * relation). The viewer and the ShiViz log share it.
 */
import type { Trace } from "../internal/traceEvents.ts"
import { type Causality, CausalityBuilder } from "./CausalityBuilder.ts"

export type { Causality } from "./CausalityBuilder.ts"

/** Computes the lanes and the causes of a trace. */
export const causalityOf = ({ events, nodes }: Pick<Trace, "nodes" | "events">): Causality => {
  const builder = new CausalityBuilder()
  for (const name of nodes) builder.addLane(name)
  for (const event of events) builder.addHosts(event)
  for (const [index, event] of events.entries()) builder.add(index, event)
  return builder.result()
}

/** Marks each event that could have influenced `event`, including `event` itself. */
export const causalPast = (causes: Causality["causes"], event: number): ReadonlyArray<boolean> => {
  const past = causes.map(() => false)
  const pending = [event]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (past[next] === true) continue
    past[next] = true
    pending.push(...(causes[next] ?? []))
  }
  return past
}
