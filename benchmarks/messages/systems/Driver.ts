/** Interface that a system implements to be measured. The harness is the same for all systems. */
import type { Proofs } from "../../harness/proofs.ts"

/**
 * Mode of passing messages to a system and taking them from it: as many at once as the system allows, or one at a time.
 * A system with one way only has the mode `message`.
 */
export type Mode = "batch" | "message"

/** Settings of a driver. */
export interface Setup {
  readonly system: string
  readonly mode: Mode
  /** Size of a message in bytes. */
  readonly size: number
  readonly proofs: Proofs
  /** Port of the nats-server. */
  readonly natsPort?: number
}

/** Function that is called with each complete message. */
export type Take = (message: { readonly length: number }) => void

export interface Receiver {
  readonly address: string
  /** Stops reading. Absent if the system cannot. */
  readonly pause?: () => void
}

export interface Sender {
  /**
   * Sends the same payload while `more()` returns `true`, as fast as the system takes it, and waits where a careful
   * program does. Calls `more` at least once per batch.
   */
  readonly pump: (payload: Uint8Array, more: () => boolean) => Promise<void>
  /** Sends in the same way, but waits only where the API itself makes a program wait. Defaults to `pump`. */
  readonly flood?: (payload: Uint8Array, more: () => boolean) => Promise<void>
  /** Sends the payload to an echo, and again after each answer while `again()` returns `true`. */
  readonly ping: (payload: Uint8Array, again: () => boolean) => Promise<void>
}

/** Node that other nodes join and that sends to all of them. */
export interface Hub {
  readonly address: string
  readonly pump: Sender["pump"]
}

export interface Driver {
  /** Starts a node that takes messages. */
  readonly receive: (take: Take) => Promise<Receiver>
  /** Starts a node that sends back each message. Returns its address. */
  readonly echo: () => Promise<string>
  /** Starts a node that is connected to the node at the address. */
  readonly connect: (address: string) => Promise<Sender>
  /** Starts a hub. Absent if the system has no broadcasts. */
  readonly hub?: () => Promise<Hub>
  /** Starts a node for each of the functions. Resolves when all are connected to the hub. */
  readonly join?: (hub: string, takes: ReadonlyArray<Take>) => Promise<void>
}

export { host } from "../../harness/sockets.ts"

/** Number of bytes in transit at which a sender waits, if the system leaves this to the program. */
export const windowBytes = 1024 * 1024

/** Returns the number of messages of a size that make a number of bytes, at least one. */
export const countOf = (bytes: number, size: number): number => Math.max(1, Math.floor(bytes / size))

/** Yields to the rest of the process: sockets, timers and the harness. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
