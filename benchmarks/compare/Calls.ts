/** Calls of the parent to a child, which is one end of a link of one revision. */
import type { Mode } from "../messages/systems/Driver.ts"
import type { Usage } from "./usage.ts"

export interface Setup {
  readonly mode: Mode
  /** Size of a message in bytes. */
  readonly size: number
  /** `true` if the receiver gives the memory of each payload back. */
  readonly releases?: boolean
}

/** Round trips of one window. */
export interface Trips {
  readonly trips: number
  /** Percentiles of their time, in microseconds. */
  readonly p10: number
  readonly p50: number
}

export interface Calls {
  /** Starts a node that counts the messages that it receives. Returns its address. */
  readonly receive: (setup: Setup) => Promise<string>
  /** Starts a node that sends back each message. Returns its address. */
  readonly echo: (setup: Setup) => Promise<string>
  /** Starts a node with a link to the node at the address. */
  readonly connect: (setup: Setup, address: string) => Promise<void>
  /** Sends for a time. Returns the number of messages, all of which the link has accepted. */
  readonly pump: (millis: number) => Promise<number>
  /** Waits until this number of messages has arrived since the start. */
  readonly arrived: (total: { readonly messages: number }) => Promise<void>
  /** Makes round trips for a time. */
  readonly ping: (millis: number) => Promise<Trips>
  /** Returns the time of the threads of the process since its start. */
  readonly usage: () => Promise<Usage>
}
