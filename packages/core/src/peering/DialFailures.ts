/** The last failed dial of each peer without a link, for people who ask why there is no link. */
import type { Address } from "../Address.ts"
import type { HandshakeError } from "../link/Handshake.ts"
import type { PeerId } from "../Peer.ts"

export interface DialFailure {
  readonly address: Address
  readonly error: HandshakeError
  /** Time of the failure, on the monotonic clock, in milliseconds. */
  readonly at: number
  /** Number of failed dials since the peer had no link, on all of its addresses. */
  readonly attempts: number
}

interface Entry extends DialFailure {
  readonly generation: number
}

export class DialFailures {
  /** Bounded by the number of members and candidates, because the caller forgets all other peers. */
  private readonly entries = new Map<string, Entry>()

  /** Records a failed dial. A newer generation of the peer starts to count again. */
  note({ generation, name }: PeerId, address: Address, error: HandshakeError, at: number): void {
    const before = this.of({ name, generation })
    this.entries.set(name, { generation, address, error, at, attempts: (before?.attempts ?? 0) + 1 })
  }

  /** Removes the failure of a peer that has a link, or that this node does not know any more. */
  forget(name: string): void {
    this.entries.delete(name)
  }

  /** Returns the last failure, or `undefined` if no dial of this generation has failed since the last link. */
  of({ generation, name }: PeerId): DialFailure | undefined {
    const entry = this.entries.get(name)
    return entry?.generation === generation ? entry : undefined
  }
}
