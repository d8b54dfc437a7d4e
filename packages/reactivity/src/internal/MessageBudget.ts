/**
 * Bounds the messages of each peer that this node decodes in a second. A correct peer sends fewer. The messages beyond the
 * bound are not decoded, so that a peer that babbles does not take the time of the others.
 */

const windowMillis = 1_000

interface Window {
  readonly start: number
  count: number
}

export class MessageBudget {
  private readonly perSecond: number
  private readonly windows = new Map<string, Window>()

  constructor(perSecond: number) {
    this.perSecond = perSecond
  }

  /**
   * Counts a message of a peer at the time `now`, in milliseconds. Returns `read` if this node may decode it, `exhausted`
   * for the first message of a second that it must not decode, and `skip` for the others.
   */
  take(peer: string, now: number): "read" | "exhausted" | "skip" {
    const window = this.windows.get(peer)
    if (window === undefined || now - window.start >= windowMillis) {
      this.windows.set(peer, { start: now, count: 1 })
      return "read"
    }
    window.count++
    if (window.count <= this.perSecond) return "read"
    return window.count === this.perSecond + 1 ? "exhausted" : "skip"
  }

  /** Forgets a peer. */
  forget(peer: string): void {
    this.windows.delete(peer)
  }
}
