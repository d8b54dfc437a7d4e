/**
 * Named draws. Every decision of the environment is a named draw: the third loss from a to b is `loss a>b` #3. The
 * value of a draw is a whole number, and 0 is the benign choice: not lost, not delayed, in turn. The draws that were
 * not 0 therefore describe a run. A replay uses these values and no random numbers. A shrinker may set any of them to 0
 * without changing the others.
 */
import * as Prng from "./Prng.ts"

/**
 * Sequence of decisions of one kind at one place. The first word of its name is the kind: `loss a>b`, `delay a>b`,
 * `pick`.
 */
export interface Stream {
  /** Makes the next decision: a whole number that is not negative, from the generator of this stream. */
  readonly draw: (sample: (random: Prng.Prng) => number) => number
}

/**
 * Draws that were not 0, by the name of the stream and their place in it, counted from 0.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deviations {
  readonly [stream: string]: { readonly [index: string]: number }
}

/** Decisions of one run. */
export interface Draws {
  /** Returns the stream with this name. Each call with the same name returns the same stream. */
  readonly stream: (name: string) => Stream
  /** Returns the draws so far that were not 0. */
  readonly deviations: () => Deviations
}

/** Stream that records the draws that were not 0. */
class RecordingStream implements Stream {
  private readonly decide: Stream["draw"]
  private readonly values: Array<number> = []
  private readonly places: Array<number> = []
  private index = 0

  constructor(decide: Stream["draw"]) {
    this.decide = decide
  }

  draw(sample: (random: Prng.Prng) => number): number {
    const value = this.decide(sample)
    if (value !== 0) {
      this.places.push(this.index)
      this.values.push(value)
    }
    this.index++
    return value
  }

  get isBenign(): boolean {
    return this.places.length === 0
  }

  deviations(): { readonly [index: string]: number } {
    return Object.fromEntries(this.places.map((place, i) => [place, this.values[i] ?? 0]))
  }
}

class RecordingDraws implements Draws {
  private readonly decide: (name: string) => Stream["draw"]
  private readonly streams = new Map<string, RecordingStream>()

  constructor(decide: (name: string) => Stream["draw"]) {
    this.decide = decide
  }

  stream(name: string): Stream {
    const known = this.streams.get(name)
    if (known !== undefined) return known
    const stream = new RecordingStream(this.decide(name))
    this.streams.set(name, stream)
    return stream
  }

  deviations(): Deviations {
    return Object.fromEntries(
      [...this.streams].flatMap(([name, stream]) => (stream.isBenign ? [] : [[name, stream.deviations()]])),
    )
  }
}

/** Makes random draws, which are the same for the same seed. */
export const seeded = (seed: number): Draws =>
  new RecordingDraws((name) => {
    const random = Prng.make(seed, name)
    return (sample) => sample(random)
  })

/** Makes draws with recorded values. All other draws are benign. */
export const replaying = (deviations: Deviations): Draws =>
  new RecordingDraws((name) => {
    const recorded = Object.hasOwn(deviations, name) ? deviations[name] : undefined
    if (recorded === undefined) return () => 0
    let index = 0
    return () => recorded[index++] ?? 0
  })
