/** The addresses of the joins in progress, with their last failed dial, for people who ask why a join does not end. */
import type { Address } from "../Address.ts"
import type { HandshakeError } from "../link/Handshake.ts"

/** Failed dials of one address. */
export interface JoinFailure {
  /** Error of the last dial. */
  readonly error: HandshakeError
  /** Time of the last dial, on the monotonic clock, in milliseconds. */
  readonly at: number
  /** Number of failed dials since the join began. */
  readonly failures: number
}

interface Entry {
  /** Number of joins of the address in progress. */
  joins: number
  failure: JoinFailure | undefined
}

export class JoinAttempts {
  private readonly entries = new Map<Address, Entry>()

  /** Records that a join dials the address. */
  start(address: Address): void {
    const entry = this.entries.get(address)
    if (entry === undefined) this.entries.set(address, { joins: 1, failure: undefined })
    else entry.joins++
  }

  /** Records a failed dial of a join. */
  failed(address: Address, error: HandshakeError, at: number): void {
    const entry = this.entries.get(address)
    if (entry !== undefined) entry.failure = { error, at, failures: (entry.failure?.failures ?? 0) + 1 }
  }

  /** Records that a join has ended. */
  end(address: Address): void {
    const entry = this.entries.get(address)
    if (entry !== undefined && --entry.joins === 0) this.entries.delete(address)
  }

  /** Yields each address of a join in progress once, with its last failure if there is one. */
  *list(): Iterable<{ readonly address: Address; readonly failure: JoinFailure | undefined }> {
    for (const [address, { failure }] of this.entries) yield { address, failure }
  }
}
