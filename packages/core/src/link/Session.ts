/**
 * Links between two lives of two peers of which each takes over from the one before, so that no message is lost or comes
 * twice between them (docs/protocol.md, section "What a receiver may rely on").
 */
export interface Session {
  /** Number of the session on this node. */
  readonly session: number
}
