/**
 * Every decision that the environment takes is a named draw: the third loss from a to b is `loss a>b` #3.
 * Its value is a whole number, and 0 is the benign choice: not lost, not delayed, in turn. So a run is
 * described by the draws that were not 0, a replay takes these and no chance at all, and a shrinker may set
 * any of them to 0 without moving the others.
 */
import * as Prng from "./prng.ts"

/** One kind of decision at one place. The first word of its name is the kind: `loss a>b`, `delay a>b`, `pick`. */
export interface Stream {
  /** The next decision: a whole number that is not negative, from the generator of this stream. */
  readonly draw: (sample: (random: Prng.Prng) => number) => number
}

/** The draws that were not 0, by the name of the stream and their place in it, counted from 0. */
export interface Deviations {
  readonly [stream: string]: { readonly [index: string]: number }
}

/** All decisions of one run. */
export interface Draws {
  /** The stream with this name; always the same one. */
  readonly stream: (name: string) => Stream
  /** What was drawn so far and was not 0. */
  readonly deviations: () => Deviations
}

interface Entry {
  readonly values: Array<number>
  readonly places: Array<number>
}

const collect = (entries: ReadonlyMap<string, Entry>): Deviations =>
  Object.fromEntries(
    [...entries]
      .filter(([, { places }]) => places.length > 0)
      .map(([name, { places, values }]) => [
        name,
        Object.fromEntries(places.map((place, i) => [place, values[i] ?? 0])),
      ]),
  )

const make = (decide: (name: string) => Stream["draw"]): Draws => {
  const entries = new Map<string, Entry>()
  const streams = new Map<string, Stream>()
  return {
    stream: (name) => {
      const known = streams.get(name)
      if (known !== undefined) return known
      const entry: Entry = { values: [], places: [] }
      const draw = decide(name)
      let index = 0
      const stream: Stream = {
        draw: (sample) => {
          const value = draw(sample)
          if (value !== 0) {
            entry.places.push(index)
            entry.values.push(value)
          }
          index++
          return value
        },
      }
      entries.set(name, entry)
      streams.set(name, stream)
      return stream
    },
    deviations: () => collect(entries),
  }
}

/** Decisions by chance, the same for the same seed. */
export const seeded = (seed: number): Draws =>
  make((name) => {
    const random = Prng.make(seed, name)
    return (sample) => sample(random)
  })

/** Decisions as they were recorded; all others are benign. */
export const replaying = (deviations: Deviations): Draws =>
  make((name) => {
    const recorded = Object.hasOwn(deviations, name) ? deviations[name] : undefined
    if (recorded === undefined) return () => 0
    let index = 0
    return () => recorded[index++] ?? 0
  })
