/**
 * Rules for the names of peers, clusters, lanes and formats (docs/protocol.md, section "Identity").
 */
import { maxFormatBytes, maxNameBytes } from "./constants.ts"
import { isLonger } from "./textSize.ts"

// oxlint-disable-next-line no-control-regex -- the pattern must match control characters, because names appear in logs
const control = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Returns the problem of a text that cannot be a name, or `undefined`. A name is 1 to 128 bytes of well-formed Unicode
 * without control characters.
 */
export const nameProblem = (name: string): string | undefined => textProblem("name", name, maxNameBytes)

/**
 * Returns the problem of a text that cannot be the name of a format, or `undefined`. A format follows the rules of
 * names, with at most 64 bytes.
 */
export const formatProblem = (format: string): string | undefined => textProblem("format", format, maxFormatBytes)

const textProblem = (what: string, text: string, maxBytes: number): string | undefined => {
  if (text.length === 0) return `a ${what} must not be empty`
  if (!text.isWellFormed()) return `a ${what} must be well-formed Unicode`
  if (control.test(text)) return `a ${what} must not contain control characters`
  return isLonger(text, maxBytes) ? `a ${what} is at most ${maxBytes} bytes of UTF-8` : undefined
}

export { compareNames } from "../Peer.ts"
