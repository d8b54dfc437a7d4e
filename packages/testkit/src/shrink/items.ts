/** Attempts of a shrinker, and the parts that it may leave out or simplify: single faults and single draws. */
import type { Fault } from "../FaultPlan.ts"
import type { Deviations } from "../kernel/Draws.ts"
import { Hash } from "../kernel/Hash.ts"

/**
 * Faults and draws of one run. Draws that are missing are benign.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  readonly timeline: ReadonlyArray<Fault>
  readonly deviations: Deviations
}

/**
 * Size of an attempt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Size {
  readonly faults: number
  readonly draws: number
}

interface FaultItem {
  readonly side: "faults"
  /** Identifier by the place in the attempt. */
  readonly id: string
  readonly fault: Fault
}

interface DrawItem {
  readonly side: "draws"
  readonly id: string
  readonly stream: string
  readonly index: number
  readonly value: number
}

export type Item = FaultItem | DrawItem
export type Items = ReadonlyArray<Item>

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Returns the kind of a stream: the first word of its name. */
export const kindOf = (stream: string): string => stream.split(" ", 1)[0] ?? stream

/** Returns the draws that are not benign, by stream and in the order of their places. */
export const streamsOf = (
  deviations: Deviations,
): ReadonlyArray<readonly [string, ReadonlyArray<readonly [number, number]>]> =>
  Object.entries(deviations)
    .map(([stream, draws]) => {
      const entries = Object.entries(draws).flatMap(([index, value]) =>
        value === 0 ? [] : [[Number(index), value] as const],
      )
      // JavaScript keeps keys that are whole numbers in ascending order.
      return [stream, entries] as const
    })
    .filter(([, draws]) => draws.length > 0)
    .sort(([a], [b]) => byText(a, b))

/** Returns the last place of each stream. */
export const endsOf = (deviations: Deviations): ReadonlyMap<string, number> =>
  new Map(streamsOf(deviations).map(([stream, draws]) => [stream, draws.at(-1)?.[0] ?? 0]))

/**
 * Returns the faults in the order of time, then the draws of all streams in about the order of time, so that neighbours
 * happened at about the same time. Draws have no time. The draws of a stream are assumed to be spread over the whole
 * run, up to the last place of the stream in `ends`.
 */
export const itemsOf = (attempt: Attempt, ends: ReadonlyMap<string, number>): Items => {
  const faults = attempt.timeline
    .toSorted((a, b) => a.at - b.at)
    .map((fault, i): FaultItem => ({ side: "faults", id: `fault ${i}`, fault }))
  const draws = streamsOf(attempt.deviations).flatMap(([stream, entries]) =>
    entries.map(([index, value]) => {
      const item: DrawItem = { side: "draws", id: `${stream} #${index}`, stream, index, value }
      return { item, when: index / ((ends.get(stream) ?? index) + 1) }
    }),
  )
  return [...faults, ...draws.sort((a, b) => a.when - b.when).map(({ item }) => item)]
}

export const attemptOf = (items: Items): Attempt => {
  const timeline: Array<Fault> = []
  const streams = new Map<string, Record<string, number>>()
  for (const item of items) {
    if (item.side === "faults") {
      timeline.push(item.fault)
      continue
    }
    const draws = streams.get(item.stream)
    if (draws === undefined) streams.set(item.stream, { [item.index]: item.value })
    else draws[item.index] = item.value
  }
  return { timeline, deviations: Object.fromEntries(streams) }
}

/**
 * Returns a key that is the same for equal attempts. The key is a hash, because five hundred attempts of a hundred
 * thousand draws would need too much memory.
 */
export const keyOf = ({ deviations, timeline }: Attempt): string => {
  const hash = new Hash()
  for (const fault of timeline) {
    hash.text(JSON.stringify(Object.entries(fault).sort(([a], [b]) => byText(a, b))))
  }
  for (const [stream, draws] of streamsOf(deviations)) {
    hash.text(stream)
    hash.add(draws.length)
    for (const [index, value] of draws) {
      hash.add(index)
      hash.add(value)
    }
  }
  return hash.digest()
}

export const sizeOf = (items: Items): Size => {
  const faults = items.filter(({ side }) => side === "faults").length
  return { faults, draws: items.length - faults }
}
