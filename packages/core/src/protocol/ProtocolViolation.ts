/**
 * Breach of the protocol by a peer, as a value. `wire`, `flow` and `link` return it. No function throws it, because the
 * loops over frames and messages have no Effect around each step. It ends the link: the link sends a Bye with the same
 * code and message, and metrics count it by its code (docs/protocol.md, section "How a link ends").
 */

/**
 * Rule that the peer broke.
 *
 * - `oversize`: a frame, message or list exceeds its limit.
 * - `malformed`: bytes that do not follow the layout, or a value that is out of bounds.
 * - `creditExceeded`: data that exceeds the credit of a lane.
 * - `laneUnknown`: a frame about a lane that is not open.
 * - `unexpectedFrame`: a kind that this version neither knows nor may skip, or a frame in the wrong phase.
 * - `rate`: more control frames than the limit allows.
 */
export type ViolationCode = "oversize" | "malformed" | "creditExceeded" | "laneUnknown" | "unexpectedFrame" | "rate"

/** All violation codes, in the order of their listing in docs. */
export const violationCodes: ReadonlyArray<ViolationCode> = [
  "oversize",
  "malformed",
  "creditExceeded",
  "laneUnknown",
  "unexpectedFrame",
  "rate",
]

/**
 * Maximum length of a message, in characters. Messages appear in logs and in Bye frames and may quote the peer, so a
 * long name must not produce a long line.
 */
const maxMessageLength = 160

/** Shortens a text from outside to one line of at most `max` characters without control characters. */
export const clip = (text: string, max: number): string => {
  const line = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ")
  return line.length <= max ? line : `${line.slice(0, max - 3).toWellFormed()}...`
}

/** Breach of the protocol by the peer. Frames that the peer sends after it cannot be trusted. */
export class ProtocolViolation {
  readonly _tag = "ProtocolViolation"
  readonly code: ViolationCode
  /** Explanation in one line of at most 160 characters. */
  readonly message: string

  constructor(code: ViolationCode, message: string) {
    this.code = code
    this.message = clip(message, maxMessageLength)
  }
}
