/**
 * The counter from which the connections of a node get their epochs (docs/protocol.md, section "Simultaneous
 * connections"), and the epochs of its own connections that are in the handshake.
 */

/** First epoch of a peer that this node's counter does not follow, so that no liar can exhaust the counter. */
export const followedEpochs = 2 ** 31

export class EpochCounter {
  /** Epochs of this node's own connections that are in the handshake: how a node recognizes that it dialed itself. */
  readonly dialing: ReadonlySet<number>
  private readonly open = new Set<number>()
  private last: number

  /** `random` makes the counter start anywhere, so that an earlier process of this host is not taken for this one. */
  constructor(random: number) {
    this.dialing = this.open
    this.last = random >>> 2
  }

  /** Returns the epoch of a new connection. */
  next(): number {
    return ++this.last >>> 0
  }

  /** Moves the counter beyond the epoch of a connection with a peer. */
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
