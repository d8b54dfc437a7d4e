/**
 * The one value that says how a peer broke the protocol. `wire`, `flow` and `link` return it; nothing throws it, because
 * the loops over frames and messages have no Effect around each step. It ends the link: the link sends a Bye with the same
 * code and message, and metrics count it by its code (docs/protocol.md, section "How a link ends").
 */

/**
 * Rule that the peer broke.
 *
 * - `oversize`: a frame, message or list is larger than its limit.
 * - `malformed`: bytes that do not follow the layout, or a value that is out of bounds.
 * - `creditExceeded`: more data than credit on a lane.
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
 * Maximum length of a message, in characters. Messages end up in logs and in Bye frames and may quote what the peer sent,
 * so a long name there must not become a long line here.
 */
const maxMessageLength = 160

/** Shortens text from outside to at most `max` characters, in one line without control characters. */
export const clip = (text: string, max: number): string => {
  const line = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ")
  return line.length <= max ? line : `${line.slice(0, max - 3).toWellFormed()}...`
}

/** Breach of the protocol by the peer. Nothing that the peer sends after it can be trusted. */
export class ProtocolViolation {
  readonly _tag = "ProtocolViolation"
  readonly code: ViolationCode
  /** Explanation for people: one line of at most 160 characters. */
  readonly message: string

  constructor(code: ViolationCode, message: string) {
    this.code = code
    this.message = clip(message, maxMessageLength)
  }
}
