/**
 * Sequence of links between two lives of two peers in which each link continues the one before. No message of a session
 * is lost or delivered twice between its links (docs/protocol.md, section "What a receiver may rely on").
 */
export interface Session {
  /** Number of the session on this node. Sessions with peers count from 1. */
  readonly session: number
}

/** Session of this node with itself. It lasts as long as the node. */
export const sessionWithSelf: Session = { session: 0 }
