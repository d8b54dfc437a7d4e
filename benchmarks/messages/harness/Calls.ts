/** Calls of the parent to a child, which runs one part of one system. */
import type { Setup } from "../systems/Driver.ts"

/** Messages that arrived within a time. */
export interface Counted {
  readonly messages: number
  readonly bytes: number
  readonly seconds: number
  /** Number of receivers that got no message. */
  readonly idle: number
}

/** Latency of round trips in microseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
}

/** Pace of a sender. `pump` waits as a careful program does, and `flood` only where the API makes it wait. */
export type Pace = "pump" | "flood"

export interface Calls {
  readonly setup: (setup: Setup) => Promise<void>
  /** Starts a node that counts the messages that it receives. Returns its address. */
  readonly receive: () => Promise<string>
  readonly echo: () => Promise<string>
  readonly hub: () => Promise<string>
  /** Starts a number of counting nodes that are connected to a hub. */
  readonly join: (hub: string, count: number) => Promise<void>
  /** Connects and keeps sending. */
  readonly send: (address: string, pace: Pace) => Promise<void>
  /** Makes the hub keep sending. */
  readonly broadcast: () => Promise<void>
  readonly count: (millis: number) => Promise<Counted>
  readonly ping: (address: string, warmUpMillis: number, millis: number) => Promise<Latency>
  /** Stops reading. */
  readonly pause: () => Promise<void>
  /** Returns the resident set in bytes. */
  readonly memory: () => Promise<number>
}
