/**
 * Faults of a trace over time, and the sides that they cut off from each other.
 */
import type { Event } from "../../../Trace.ts"
import type { Causality } from "../../causality.ts"
import type { Timeline } from "./timeline.ts"

type FaultEvent = Extract<Event, { readonly _tag: "Fault" }>

/** Time in which a fault is active. */
export interface FaultSpan {
  readonly fault: number
  readonly kind: string
  readonly text: string
  readonly top: number
  readonly bottom: number
  /** Lanes of the two sides. A fault without sides has all its lanes in `from`. */
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
  readonly oneWay: boolean
}

/** Kinds of faults that cut nodes off from each other. */
const cuts = new Set(["partition", "clog", "swizzle"])

/** Returns `true` for a kind of fault that cuts nodes off from each other. */
export const isCut = (kind: string): boolean => cuts.has(kind)

/** Collects the faults of a trace, the earliest first. */
export const faultSpansOf = (
  events: ReadonlyArray<Event>,
  { lanes }: Causality,
  { height, rowOf }: Timeline,
): ReadonlyArray<FaultSpan> => {
  const laneOf = new Map(lanes.map((name, lane) => [name, lane] as const))
  const lanesOf = (names: ReadonlyArray<string>) => names.flatMap((name) => laneOf.get(name) ?? [])
  const spanOf = ({ cut, fault, kind, nodes, text }: FaultEvent, top: number, bottom: number): FaultSpan => ({
    fault,
    kind,
    text,
    top,
    bottom,
    from: lanesOf(cut?.from ?? nodes),
    to: lanesOf(cut?.to ?? []),
    oneWay: cut?.oneWay ?? false,
  })

  const active = new Map<number, { readonly top: number; readonly event: FaultEvent }>()
  const spans: Array<FaultSpan> = []
  for (const [index, event] of events.entries()) {
    if (event._tag !== "Fault") continue
    const start = active.get(event.fault)
    const row = rowOf[index] ?? 0
    if (start !== undefined) spans.push(spanOf(start.event, start.top, row))
    // The fault began before the first event of the trace.
    else if (event.state === "over") spans.push(spanOf(event, 0, row))
    if (event.state === "began") active.set(event.fault, { top: row, event })
    else active.delete(event.fault)
  }
  for (const { event, top } of active.values()) spans.push(spanOf(event, top, height))
  return spans.sort((a, b) => a.top - b.top)
}

/** Returns the lanes on whose right side the two sides of a fault meet. */
export const boundariesOf = ({ from, to }: Pick<FaultSpan, "from" | "to">): ReadonlyArray<number> => {
  const sides = [...from.map((lane) => ({ lane, side: 0 })), ...to.map((lane) => ({ lane, side: 1 }))]
  sides.sort((a, b) => a.lane - b.lane)
  return sides.flatMap(({ lane, side }, index) => {
    const next = sides[index + 1]
    return next === undefined || next.side === side ? [] : [lane]
  })
}
