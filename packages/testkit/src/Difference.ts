/**
 * Where two runs that ought to be the same went different ways.
 *
 * @since 0.1.0
 */
import { describeEvent, formatTime } from "./picture/format.ts"
import type { Report } from "./Scenario.ts"
import { NonDeterministic } from "./SimulationError.ts"
import type { Event, Trace } from "./Trace.ts"

/**
 * The first place where two traces differ.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  /** The virtual time of the earlier one of the two events, in microseconds. */
  readonly at: number
  /** The place of the events among all events of the run, counted from 0. */
  readonly index: number
  /** What each of them has there; `undefined` where its trace is over. */
  readonly first: Event | undefined
  readonly second: Event | undefined
  /** Says all of this, with the nodes. */
  readonly sentence: string
}

type Sent = Extract<Event, { readonly _tag: "Sent" }>

/** Text that is the same for equal events, whatever the order of their keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

/** An event in words. What arrives or is lost is told by what was sent, which may be far back. */
const describe = (event: Event | undefined, { events }: Trace): string => {
  if (event === undefined) return "nothing more"
  const id = event._tag === "Arrived" || event._tag === "Lost" || event._tag === "Dropped" ? event.id : undefined
  const isIt = (other: Event): other is Sent => other._tag === "Sent" && other.id === id
  return `"${describeEvent(event, id === undefined ? undefined : events.find(isIt))}" at ${formatTime(event.at)}`
}

/**
 * Where two traces of the same scenario first differ; `undefined` if they do not, as far as both of them go back.
 *
 * @category comparing
 * @since 0.1.0
 */
export const difference = (first: Trace, second: Trace): Difference | undefined => {
  // A trace keeps the last events, and a longer run has lost more of the first ones.
  const from = Math.max(first.skipped, second.skipped)
  const to = Math.max(first.skipped + first.events.length, second.skipped + second.events.length)
  for (let index = from; index < to; index++) {
    const a = first.events[index - first.skipped]
    const b = second.events[index - second.skipped]
    if (a !== undefined && b !== undefined && (a === b || canonical(a) === canonical(b))) continue
    const at = Math.min(a?.at ?? Number.POSITIVE_INFINITY, b?.at ?? Number.POSITIVE_INFINITY)
    const where =
      index === from && from > 0
        ? "they differ at, or before, the first event that both kept: at"
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
 * What is known of a run that was to be repeated.
 *
 * @category models
 * @since 0.1.0
 */
export type Repeated = Pick<Report, "scenario" | "steps" | "trace" | "traceHash" | "virtualSeconds">

const causes =
  "Look for what comes from outside of the simulation or outlives a run: a variable of a module, a cache, real I/O, a " +
  "time or a chance that is taken when a module is loaded, the order of a HashMap whose keys are functions. " +
  "`coterie-sim swarm --isolate` runs every seed in a thread of its own, where nothing is left of other runs."

/**
 * The failure of a seed whose second run was not as its first. The traces, if there are, say where they parted. Two
 * equal runs mean that an earlier one, of which there is no trace, was different.
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
      return "two more runs of it are the same, but not as the first one was: something is left over from the first"
    }
    if (first.trace === undefined || second.trace === undefined) {
      return "run it with a trace to see where it parts"
    }
    const steps =
      first.steps === second.steps
        ? `both took ${first.steps} steps`
        : `one took ${first.steps} steps and the other ${second.steps}`
    return `their traces are the same as far as both go back, but the steps in between differ: ${steps}`
  }
  return new NonDeterministic({
    at: found?.at ?? end,
    message: `two runs of "${first.scenario}" with seed ${seed} are not the same: ${because()}. ${causes}`,
  })
}

/**
 * Makes the failure of a seed whose run after other seeds was not the same as before them. The two runs are later ones: they
 * say where the runs part, if what outlives a run changes with each.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outlived = (seed: number, later: Repeated, latest: Repeated): NonDeterministic => {
  const found =
    later.trace === undefined || latest.trace === undefined ? undefined : difference(later.trace, latest.trace)
  const where = found === undefined ? "" : ` Two more runs of it are not the same either: ${found.sentence}.`
  return new NonDeterministic({
    at: found?.at ?? 0,
    message:
      `seed ${seed} of "${later.scenario}" gave another run after other seeds than before them: something of a run ` +
      `outlives it, and changes the next one.${where} ${causes}`,
  })
}
