/** Calls of the parent to a child, which is the client or the server of one system. */

/** Requests of the client that had a response. */
export interface Called {
  readonly requests: number
  readonly seconds: number
  /** Time of a request in microseconds, with one request at a time. */
  readonly p50: number | null
  readonly p99: number | null
}

export interface Calls {
  readonly setup: (system: string) => Promise<void>
  readonly serve: () => Promise<string>
  readonly connect: (address: string) => Promise<void>
  /** Keeps a number of requests in flight. */
  readonly request: (inFlight: { readonly atOnce: number }, millis: number) => Promise<Called>
  /** Returns the time of the processor that the process has used, in microseconds. */
  readonly cpu: () => Promise<number>
}
