/**
 * Rules for the names of peers, clusters and lanes (docs/protocol.md, section "Identity").
 */
import { maxNameBytes } from "./constants.ts"

const utf8 = new TextEncoder()

// oxlint-disable-next-line no-control-regex -- control characters are what this pattern is for: a name ends up in logs
const control = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Returns why the text cannot be a name, or `undefined` if it can. A name is 1 to 128 bytes of well-formed Unicode
 * without control characters.
 */
export const nameProblem = (name: string): string | undefined => {
  if (name.length === 0) return "a name must not be empty"
  if (!name.isWellFormed()) return "a name must be well-formed Unicode"
  if (control.test(name)) return "a name must not contain control characters"
  const bytes = name.length > maxNameBytes ? name.length : utf8.encode(name).length
  return bytes > maxNameBytes ? `a name is at most ${maxNameBytes} bytes of UTF-8` : undefined
}

/**
 * Compares two names by their code points, which is the order of their UTF-8 bytes. The order decides who dials and which
 * of two connections stays, so every implementation must agree on it. (`<` on strings compares UTF-16 units and differs
 * beyond U+FFFF.)
 */
export const compareNames = (a: string, b: string): number => {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      // Surrogates stand for code points above every other unit, so they are the greater.
      const surrogateX = (x & 0xf800) === 0xd800
      const surrogateY = (y & 0xf800) === 0xd800
      return surrogateX === surrogateY ? x - y : surrogateX ? 1 : -1
    }
  }
  return a.length - b.length
}
