/** Calls of the parent to a child, which is one end of the links of one system. */

/** Memory of a process, in bytes. */
export interface Memory {
  /** Resident set. */
  readonly rss: number
  /** Live objects of JavaScript. */
  readonly heap: number
}

export interface Calls {
  /** Starts the node under test. Returns the number of its port. */
  readonly listen: (system: string) => Promise<number>
  /** Opens links to the node under test, in addition to those that exist, and answers its heartbeats. */
  readonly connect: (
    system: string,
    port: number,
    peers: { readonly from: number; readonly to: number },
  ) => Promise<void>
  /** Ends the links to the node under test. */
  readonly disconnect: () => Promise<void>
  /** Returns the number of links of the node under test. */
  readonly links: () => Promise<number>
  /** Returns the CPU time of this process since its start, in milliseconds. */
  readonly cpu: () => Promise<number>
  /** Collects garbage. Returns the memory of this process. */
  readonly memory: () => Promise<Memory>
}
