/** What a system has to do to be measured. The harness is the same for all of them. */

/**
 * How messages are given to a system and taken from it: as many at once as it lets one, or one at a time. A system that
 * knows one way only has the mode `message`.
 */
export type Mode = "batch" | "message"

/** What a driver has to know. */
export interface Setup {
  readonly system: string
  readonly mode: Mode
  /** The bytes of one message. */
  readonly size: number
  /** For mutual TLS: both ends have it, and trust it alone. */
  readonly certificate?: Certificate
  /** Where nats-server listens. */
  readonly natsPort?: number
}

/** In PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** Called with each message that arrived, whole. */
export type Take = (message: { readonly length: number }) => void

export interface Receiver {
  readonly address: string
  /** Reads no more; of systems that have a way to say so. */
  readonly pause?: () => void
}

export interface Sender {
  /**
   * Sends the same payload for as long as `more()`, as fast as the system takes it, and waits where a careful program
   * would. Asks at least once a batch.
   */
  readonly pump: (payload: Uint8Array, more: () => boolean) => Promise<void>
  /** The same, waiting only where the API itself makes a program wait. Default: `pump`. */
  readonly flood?: (payload: Uint8Array, more: () => boolean) => Promise<void>
  /** Sends the payload to an echo and, when it is back, again, for as long as `again()`; asks once an answer. */
  readonly ping: (payload: Uint8Array, again: () => boolean) => Promise<void>
}

/** A node that others join, and that sends to all of them. */
export interface Hub {
  readonly address: string
  readonly pump: Sender["pump"]
}

export interface Driver {
  /** Starts a node that takes messages. */
  readonly receive: (take: Take) => Promise<Receiver>
  /** Starts a node that sends back what it gets; gives its address. */
  readonly echo: () => Promise<string>
  /** Starts a node that is connected to the one at the address. */
  readonly connect: (address: string) => Promise<Sender>
  /** For broadcasts, of systems that have them. */
  readonly hub?: () => Promise<Hub>
  /** Starts as many nodes as there are takers; resolves when all are connected to the hub. */
  readonly join?: (hub: string, takes: ReadonlyArray<Take>) => Promise<void>
}

export const host = "127.0.0.1"

/** How much a sender has on the way before it waits, where it is left to the program. */
export const windowBytes = 1024 * 1024

/** How many messages are so many bytes, at least one. */
export const countOf = (bytes: number, size: number): number => Math.max(1, Math.floor(bytes / size))

/** Lets everything else of the process have its turn: sockets, timers, the harness. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
