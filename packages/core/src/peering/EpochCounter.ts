/**
 * Counter for the epochs of a node's connections (docs/protocol.md, section "Simultaneous connections"), and the epochs
 * of its own connections in the handshake.
 */

/** First epoch of a peer that this node's counter does not follow, so that a faulty peer cannot exhaust the counter. */
export const followedEpochs = 2 ** 31

export class EpochCounter {
  /** Epochs of this node's own connections in the handshake. They show whether this node has dialed itself. */
  readonly dialing: ReadonlySet<number>
  private readonly open = new Set<number>()
  private last: number

  /** `random` sets the start of the counter, so that an earlier process of this host is not mistaken for this one. */
  constructor(random: number) {
    this.dialing = this.open
    this.last = random >>> 2
  }

  /** Returns the epoch of a new connection. */
  next(): number {
    return ++this.last >>> 0
  }

  /** Raises the counter to the epoch of a connection with a peer. */
  follow(epoch: number): void {
    if (epoch < followedEpochs) this.last = Math.max(this.last, epoch)
  }

  startHandshake(epoch: number): void {
    this.open.add(epoch)
  }

  endHandshake(epoch: number): void {
    this.open.delete(epoch)
  }
}
