/** Interface that a system implements to be measured. */
import type { Seen, User } from "../Seen.ts"

export interface Setup {
  readonly name: string
  /** Addresses of other nodes, or of the server. */
  readonly seeds: ReadonlyArray<string>
  /** Time between two renewals of a key in seconds. A key expires after three of them. Coterie renews nothing. */
  readonly renewal: number
  /** `true` if a user may have an entry at several nodes. */
  readonly moves: boolean
}

/** A node of the system, which reports to its `Seen` whom it knows. */
export interface Node {
  /** Address for the nodes after it. */
  readonly address: string
  /** Lets a user join. Resolves when the node may go on with other users. */
  readonly join: (user: User) => Promise<void>
  /** Lets a user of this node leave. */
  readonly leave: (user: User) => Promise<void>
  /** Returns the number of entries that this node has of nodes. */
  readonly entriesOf: (names: ReadonlySet<string>) => Promise<number>
  /** Ends the node as a process does that stops. Its users have not left before. */
  readonly end: () => Promise<void>
  /** Returns the bytes that the node has written, or 0 if the server counts them. */
  readonly bytes: () => number
}

export interface Driver {
  readonly start: (setup: Setup, seen: Seen) => Promise<Node>
}
