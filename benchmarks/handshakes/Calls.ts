/** Calls of the parent to a child, which is one end of the connections of one system. */
import type { Proofs } from "../harness/proofs.ts"

/** Connections that were opened and closed within a time. */
export interface Cycled {
  readonly connections: number
  readonly seconds: number
}

export interface Calls {
  readonly setup: (system: string, proofs: Proofs) => Promise<void>
  readonly listen: () => Promise<string>
  readonly cycle: (address: string, dials: { readonly atOnce: number }, millis: number) => Promise<Cycled>
  readonly hold: (address: string, connections: { readonly count: number }) => Promise<void>
  /** Returns the time of the processor that the process has used, in microseconds. */
  readonly cpu: () => Promise<number>
  /** Collects garbage. Returns the resident set in bytes. */
  readonly memory: () => Promise<number>
}
