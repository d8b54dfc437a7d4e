/**
 * Limits the number of log lines of one kind in a period, in total and about one subject: a peer, a host or an address.
 * Other processes decide how often a peer joins or a connection fails, and must not fill the disk.
 */

/** Length of a period, in milliseconds. */
export const periodMillis = 60_000

/**
 * Maximum number of lines of one kind in a period: one per second, and enough for every member of a starting cluster.
 */
export const linesPerPeriod = 60

/**
 * Default maximum number of lines of one kind about one subject in a period. An unstable subject therefore leaves room
 * for the others.
 */
export const linesPerSubject = 10

export class LineBudget {
  private end = Number.NEGATIVE_INFINITY
  private written = 0
  /**
   * Number of lines about each subject. Only subjects with a line have an entry, so there are at most
   * {@link linesPerPeriod}.
   */
  private readonly bySubject = new Map<string, number>()
  private omitted = 0
  private readonly perSubject: number

  constructor(perSubject = linesPerSubject) {
    this.perSubject = perSubject
  }

  /** Tests whether a line may be written at the time `now`, in milliseconds. Counts it as written or as omitted. */
  take(now: number, subject: string | undefined): boolean {
    if (now >= this.end) {
      this.end = now + periodMillis
      this.written = 0
      this.bySubject.clear()
    }
    const ofSubject = subject === undefined ? 0 : (this.bySubject.get(subject) ?? 0)
    if (this.written >= linesPerPeriod || ofSubject >= this.perSubject) {
      this.omitted++
      return false
    }
    this.written++
    if (subject !== undefined) this.bySubject.set(subject, ofSubject + 1)
    return true
  }

  /** Returns the time until the period ends, in milliseconds. */
  remaining(now: number): number {
    return Math.max(0, this.end - now)
  }

  /** Returns the number of lines that were omitted since the last call of {@link takeOmitted}. */
  size(): number {
    return this.omitted
  }

  /** Returns the number of lines that were omitted since the last call. */
  takeOmitted(): number {
    const { omitted } = this
    this.omitted = 0
    return omitted
  }
}
