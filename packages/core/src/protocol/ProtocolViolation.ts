/**
 * What is wrong with received bytes. It is a plain value because it is made inside the reader's loop,
 * which has no Effect around each frame; the link turns it into a Bye with the same code.
 */
import type { ByeCode } from "./Frame.ts"

/** The bytes are not frames of this protocol. Nothing after them can be trusted. */
export interface ProtocolViolation {
  readonly _tag: "WireError"
  /**
   * - `oversize`: a length beyond the limit of the phase.
   * - `malformed`: a frame whose bytes do not follow the layout, or say something out of bounds.
   * - `unexpectedFrame`: a kind that this version does not know and may not skip.
   */
  readonly code: Extract<ByeCode, "oversize" | "malformed" | "unexpectedFrame">
  readonly message: string
}

/**
 * The longest message. Messages end up in logs and in Bye frames and may quote what the other side sent,
 * so that a long name there must not become a long line here.
 */
const maxMessageLength = 160

/** Shortens text from outside to at most `max` characters, in one line that a terminal only prints. */
export const clip = (text: string, max: number): string => {
  const line = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ")
  return line.length <= max ? line : `${line.slice(0, max - 3).toWellFormed()}...`
}

export const make = (code: ProtocolViolation["code"], message: string): ProtocolViolation => ({
  _tag: "WireError",
  code,
  message: clip(message, maxMessageLength),
})
