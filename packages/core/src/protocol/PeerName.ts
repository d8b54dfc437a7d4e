/**
 * Rules for the names of peers, clusters, lanes and formats (docs/protocol.md, section "Identity").
 */
import { maxFormatBytes, maxNameBytes } from "./constants.ts"

const utf8 = new TextEncoder()

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
  const bytes = text.length > maxBytes ? text.length : utf8.encode(text).length
  return bytes > maxBytes ? `a ${what} is at most ${maxBytes} bytes of UTF-8` : undefined
}

/**
 * Compares two names by their code points, which is the order of their UTF-8 bytes. The order decides which peer dials
 * and which of two connections stays, so every implementation must agree on it. (`<` on strings compares UTF-16 units
 * and differs beyond U+FFFF.)
 */
export const compareNames = (a: string, b: string): number => {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      // Surrogates stand for code points above every other unit, so they are greater.
      const surrogateX = (x & 0xf800) === 0xd800
      const surrogateY = (y & 0xf800) === 0xd800
      return surrogateX === surrogateY ? x - y : surrogateX ? 1 : -1
    }
  }
  return a.length - b.length
}
