/** What the parent asks of a child, which plays one part of one system. */
import type { Setup } from "../systems/Driver.ts"

/** What arrived between two moments. */
export interface Counted {
  readonly messages: number
  readonly bytes: number
  readonly seconds: number
  /** Takers that never got anything. */
  readonly idle: number
}

/** Of round trips, in microseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
}

/** How a sender is to send. */
export type Pace = "pump" | "flood"

export interface Calls {
  readonly setup: (setup: Setup) => Promise<void>
  /** Starts a node that counts what it gets; gives its address. */
  readonly receive: () => Promise<string>
  readonly echo: () => Promise<string>
  readonly hub: () => Promise<string>
  /** Starts so many nodes that count, connected to a hub. */
  readonly join: (hub: string, count: number) => Promise<void>
  /** Connects, and sends from now on. */
  readonly send: (address: string, pace: Pace) => Promise<void>
  /** The hub sends from now on. */
  readonly broadcast: () => Promise<void>
  readonly count: (millis: number) => Promise<Counted>
  readonly ping: (address: string, warmUpMillis: number, millis: number) => Promise<Latency>
  /** Reads no more. */
  readonly pause: () => Promise<void>
  /** The resident set, in bytes. */
  readonly memory: () => Promise<number>
}

export interface Request {
  readonly name: keyof Calls
  readonly args: ReadonlyArray<unknown>
}

export type Answer = { readonly value: unknown } | { readonly error: string }
