/**
 * Order of proofs: a connection that proves nothing never replaces one with a proof (docs/protocol.md, section
 * "Simultaneous connections").
 */
import type { Identity } from "../Transport.ts"

/** Returns whether the first proof is worth less than the second. A secret is worth as much as a certificate. */
export const provesLess = (first: Identity | undefined, second: Identity | undefined): boolean =>
  first === undefined && second !== undefined
