/** Interface that a system implements to be measured. */
import type { Proofs } from "../../harness/proofs.ts"

/**
 * Connections of a system. The acceptor writes one byte to each connection. A connection is complete when the dialer
 * has read this byte: then both ends have accepted the proof of the other.
 */
export interface Driver {
  /** Listens, and closes each connection after the dialer has. Returns the address. */
  readonly listen: () => Promise<string>
  /**
   * Opens and closes connections while `more()` returns `true`, with a number of dials at a time. Returns the number of
   * complete connections. Fails if a dial fails.
   */
  readonly cycle: (address: string, dials: number, more: () => boolean) => Promise<number>
  /** Opens a number of connections, one after the other, and keeps them. Both ends keep reading. */
  readonly hold: (address: string, count: number) => Promise<void>
}

export type MakeDriver = (proofs: Proofs) => Driver
