/** The newest round-trip times of one link, for people who look at the link. */

/**
 * Number of kept samples: about one minute of the default heartbeat. More samples would mix the present state of the
 * network with an earlier one.
 */
export const maxSamples = 64

/** Summary of the kept samples, in milliseconds. */
export interface Summary {
  readonly last: number
  readonly min: number
  /** Middle sample. Of an even number of samples, the lower one of the two in the middle. */
  readonly median: number
  readonly max: number
  /** Number of samples in this summary, from 1 to {@link maxSamples}. */
  readonly samples: number
}

export class RoundTripSamples {
  /** Ring of samples. It grows with the samples, because usually one side of a link takes none. */
  private readonly times: Array<number> = []
  /** Number of samples so far. */
  private count = 0

  /** Adds a sample in milliseconds. Replaces the oldest sample if the ring is full. */
  add(millis: number): void {
    this.times[this.count++ % maxSamples] = millis
  }

  /** Returns the summary of the kept samples, or `undefined` without samples. */
  summary(): Summary | undefined {
    const { count, times } = this
    if (count === 0) return undefined
    const samples = Math.min(count, maxSamples)
    const sorted = times.toSorted((a, b) => a - b)
    const at = (index: number): number => sorted[index] ?? 0
    return {
      last: times[(count - 1) % maxSamples] ?? 0,
      min: at(0),
      median: at(Math.ceil(samples / 2) - 1),
      max: at(samples - 1),
      samples,
    }
  }
}
