/**
 * Comparison of two runs that should be equal.
 *
 * @since 0.1.0
 */
import { describeEvent, formatTime } from "./picture/format.ts"
import type { Report } from "./Scenario.ts"
import { NonDeterministic } from "./SimulationError.ts"
import type { Event, Trace } from "./Trace.ts"

/**
 * First difference of two traces.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  /** Virtual time of the earlier of the two events, in microseconds. */
  readonly at: number
  /** Place of the events among all events of the run, counted from 0. */
  readonly index: number
  /** Event of the first trace at this place. `undefined` if the trace has ended before. */
  readonly first: Event | undefined
  /** Event of the second trace at this place. `undefined` if the trace has ended before. */
  readonly second: Event | undefined
  /** Description of the difference, with the nodes. */
  readonly sentence: string
}

type Sent = Extract<Event, { readonly _tag: "Sent" }>

/** Returns a text that is equal for equal events, whatever the order of their keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

/**
 * Describes an event. An arrival or a loss is described by its `Sent` event, which may be much earlier in the trace.
 */
const describe = (event: Event | undefined, { events }: Trace): string => {
  if (event === undefined) return "no more events"
  const id = event._tag === "Arrived" || event._tag === "Lost" || event._tag === "Dropped" ? event.id : undefined
  const isIt = (other: Event): other is Sent => other._tag === "Sent" && other.id === id
  return `"${describeEvent(event, id === undefined ? undefined : events.find(isIt))}" at ${formatTime(event.at)}`
}

/**
 * Returns the first difference of two traces of one scenario. Returns `undefined` if the events that both traces kept
 * are equal.
 *
 * @category comparing
 * @since 0.1.0
 */
export const difference = (first: Trace, second: Trace): Difference | undefined => {
  // A trace keeps the last events, so the trace of a longer run begins later.
  const from = Math.max(first.skipped, second.skipped)
  const to = Math.max(first.skipped + first.events.length, second.skipped + second.events.length)
  for (let index = from; index < to; index++) {
    const a = first.events[index - first.skipped]
    const b = second.events[index - second.skipped]
    if (a !== undefined && b !== undefined && (a === b || canonical(a) === canonical(b))) continue
    const at = Math.min(a?.at ?? Number.POSITIVE_INFINITY, b?.at ?? Number.POSITIVE_INFINITY)
    const where =
      index === from && from > 0
        ? "they differ at or before the first event that both traces kept: at"
        : "they first differ at"
    return {
      at,
      index,
      first: a,
      second: b,
      sentence:
        `${where} ${formatTime(at)}, event ${index + 1}: one has ${describe(a, first)}, ` +
        `the other has ${describe(b, second)}`,
    }
  }
  return undefined
}

/**
 * Fields of a report that a comparison of two runs needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Repeated = Pick<Report, "scenario" | "steps" | "trace" | "traceHash" | "virtualSeconds">

const causes =
  "Look for state that comes from outside the simulation or outlives a run: a variable of a module, a cache, real I/O, a " +
  "time or a random number that a module reads when it is loaded, the order of a HashMap whose keys are functions. " +
  "`coterie-sim swarm --isolate` runs every seed in a thread of its own, which has no state of other runs."

/**
 * Makes the failure of a seed whose second run differs from its first. The traces, if there are any, show the first
 * difference. If the two given runs are equal, an earlier run without a trace was different.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nonDeterministic = (seed: number, first: Repeated, second: Repeated): NonDeterministic => {
  const micros = (seconds: number): number => Math.round(seconds * 1_000_000)
  const end = Math.min(micros(first.virtualSeconds), micros(second.virtualSeconds))
  const found =
    first.trace === undefined || second.trace === undefined ? undefined : difference(first.trace, second.trace)
  const because = (): string => {
    if (found !== undefined) return found.sentence
    if (first.traceHash === second.traceHash) {
      return "two more runs are equal to each other but differ from the first one, which left some state behind"
    }
    if (first.trace === undefined || second.trace === undefined) {
      return "run it with a trace to see the first difference"
    }
    const steps =
      first.steps === second.steps
        ? `both took ${first.steps} steps`
        : `one took ${first.steps} steps and the other ${second.steps}`
    return `the events that both traces kept are equal, but the steps between them differ: ${steps}`
  }
  return new NonDeterministic({
    at: found?.at ?? end,
    message: `two runs of "${first.scenario}" with seed ${seed} differ: ${because()}. ${causes}`,
  })
}

/**
 * Makes the failure of a seed whose run after other seeds differs from its run before them. The two given runs are
 * later ones. If the state that outlives a run changes with each run, they differ, too, and show the first difference.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outlived = (seed: number, later: Repeated, latest: Repeated): NonDeterministic => {
  const found =
    later.trace === undefined || latest.trace === undefined ? undefined : difference(later.trace, latest.trace)
  const where = found === undefined ? "" : ` Two more runs of it differ, too: ${found.sentence}.`
  return new NonDeterministic({
    at: found?.at ?? 0,
    message:
      `seed ${seed} of "${later.scenario}" gave another run after other seeds than before them: some state outlives a run ` +
      `and changes later runs.${where} ${causes}`,
  })
}
