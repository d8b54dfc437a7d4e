/**
 * Links between two lives of two peers of which each takes over from the one before, so that no message is lost or comes
 * twice between them (docs/protocol.md, section "What a receiver may rely on").
 */
export interface Session {
  /** Number of the session on this node, from 1 on for those with peers. */
  readonly session: number
}

/** Session of this node with itself, which lasts for as long as the node. */
export const sessionWithSelf: Session = { session: 0 }
