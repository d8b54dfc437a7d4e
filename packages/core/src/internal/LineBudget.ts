/**
 * The number of log lines of one kind that may be written in a period, in all and about one subject: a peer, a host or an address.
 * Others decide how often a peer joins or a connection fails, and must not fill a disk.
 */

/** Length of a period, in milliseconds. */
export const periodMillis = 60_000

/** Lines of one kind in a period: one a second, and enough for every member of a cluster that starts. */
export const linesPerPeriod = 60

/** Lines of one kind about one subject in a period, if the kind has no other number, so that one that comes and goes leaves room for the others. */
export const linesPerSubject = 10

export class LineBudget {
  private end = Number.NEGATIVE_INFINITY
  private written = 0
  /** Lines about each subject. Holds only subjects with a line, so there are no more than {@link linesPerPeriod}. */
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
