/** Calls of the parent to a child, which is one node of one system. */
import type { Changes, Reached } from "./Seen.ts"
import type { Setup } from "./systems/Driver.ts"

/** Changes that a node has made. */
export interface Made {
  readonly changes: number
  readonly perSecond: number
}

export interface Calls {
  /** Imports a system. */
  readonly load: (system: string) => Promise<void>
  /** Starts the node. Returns its address for the nodes after it. */
  readonly start: (setup: Setup) => Promise<string>
  /** Lets users join. */
  readonly fill: (users: { readonly count: number }) => Promise<void>
  /**
   * Makes changes evenly for a time: in turn a user joins, and the user of this node that joined first leaves. At its
   * end a user joins with the status `last`.
   */
  readonly change: (load: { readonly perSecond: number }, millis: number) => Promise<Made>
  /** Lets users of another node that has ended join evenly in a time, with the names that they had there. */
  readonly reconnect: (users: { readonly of: string; readonly count: number }, millis: number) => Promise<void>
  /** Waits until the node knows a number of users, and `last` users with that status. Fails after a time. */
  readonly settled: (users: { readonly count: number; readonly last: number }, millis: number) => Promise<void>
  /** Waits until a number of users is left. Fails after a time. */
  readonly gone: (users: { readonly count: number }, millis: number) => Promise<Reached>
  /** Starts a node, and waits until it knows a number of users. Returns the time of both in milliseconds. */
  readonly join: (setup: Setup, users: { readonly count: number }, millis: number) => Promise<number>
  /** Returns the times from the joins of others until they were known here, in microseconds, and forgets them. */
  readonly samples: () => Promise<Float64Array>
  /** Returns the changes that the application has seen since the last call. */
  readonly changes: () => Promise<Changes>
  /** Returns the number of entries that the node has of other nodes. */
  readonly entriesOf: (names: ReadonlyArray<string>) => Promise<number>
  /** Ends the node. The process continues. */
  readonly end: () => Promise<void>
  /** Returns the time of the processor in microseconds, and the bytes that the node has written, if it counts them. */
  readonly spent: () => Promise<{ readonly cpu: number; readonly bytes: number }>
  /** Returns the bytes of heap and buffers after garbage collection. */
  readonly memory: () => Promise<number>
}
