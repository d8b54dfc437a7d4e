/** Names of certificates, and the patterns of the names that a node trusts. */
import * as Result from "effect/Result"
import { type CertificatesError, fail } from "./errors.ts"

/**
 * Returns the DNS names, in lower case, and the URIs of a certificate, as Node writes its alternative names. Returns `undefined` if a
 * name is quoted: Node quotes exactly the names that could imitate others.
 *
 * A DNS name never has a colon and a URI always has one, so that neither can pass for the other.
 */
export const namesOf = (subjectAltName: string | undefined): ReadonlyArray<string> | undefined => {
  if (subjectAltName === undefined || subjectAltName === "") return []
  if (subjectAltName.includes('"')) return undefined
  const names = new Set<string>()
  for (const entry of subjectAltName.split(", ")) {
    const name = entry.slice(entry.indexOf(":") + 1)
    if (entry.startsWith("DNS:") && !/[:/]/.test(name)) names.add(name.toLowerCase())
    if (entry.startsWith("URI:") && isUri(name)) names.add(name)
  }
  return [...names]
}

const isUri = (text: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)

/** A test of a name. */
export type Trusted = (name: string) => boolean

/** Reads the patterns of `trust`. */
export const trustOf = (patterns: ReadonlyArray<string>): Result.Result<Trusted, CertificatesError> =>
  patterns.length === 0
    ? fail("trust", "the option `trust` is empty, so that no peer could connect: add the names of the nodes")
    : Result.map(
        Result.all(patterns.map(patternOf)),
        (tests): Trusted =>
          (name) =>
            tests.some((test) => test(name)),
      )

const patternOf = (pattern: string): Result.Result<Trusted, CertificatesError> =>
  pattern.includes(":") || pattern.includes("/") ? uriPattern(pattern) : dnsPattern(pattern)

const uriPattern = (pattern: string): Result.Result<Trusted, CertificatesError> => {
  const prefix = pattern.endsWith("/*") ? pattern.slice(0, -1) : undefined
  // The authority of a URI is never part of a wildcard: `spiffe://*` and `spiffe:/*` would trust every domain.
  const isOpen = prefix !== undefined && /^[^/]*:\/+$/.test(prefix)
  if (!isUri(pattern) || (prefix ?? pattern).includes("*") || isOpen || prefix?.endsWith("//") === true) {
    return invalid(
      pattern,
      "a URI such as spiffe://example.org/shop/web-1, with `*` only at the end, after the `/` of a path",
    )
  }
  return Result.succeed(
    prefix === undefined
      ? (name) => name === pattern
      : (name) => name.length > prefix.length && name.startsWith(prefix),
  )
}

const label = "[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
const dnsForm = new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`)

const dnsPattern = (pattern: string): Result.Result<Trusted, CertificatesError> => {
  const lower = pattern.toLowerCase()
  if (!dnsForm.test(lower))
    return invalid(pattern, "a DNS name such as web-1.example.org, with `*` only as the whole first label")
  if (!lower.startsWith("*.")) return Result.succeed((name) => name === lower)
  const suffix = lower.slice(1)
  return Result.succeed((name) => {
    const dot = name.indexOf(".")
    return dot > 0 && name.slice(dot) === suffix
  })
}

const invalid = (pattern: string, form: string) =>
  fail("trust", `the option \`trust\` has ${quote(pattern)}, and needs ${form}`)

/** Characters of a name that a message shows. */
const maxCharacters = 100

/** Names that a message shows. */
const maxNames = 4

/** Quotes a text that somebody else wrote: on one line, without control characters, and bounded. */
export const quote = (text: string): string => {
  const shown = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text
  return JSON.stringify(shown.replace(/[^\x20-\x7e…]/g, "?"))
}

/** Describes the names of a certificate for a message. */
export const describeNames = (names: ReadonlyArray<string>): string => {
  if (names.length === 0) return "no DNS name and no URI"
  const shown = names.slice(0, maxNames).map(quote).join(", ")
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : ""
  return `the ${names.length === 1 ? "name" : "names"} ${shown}${more}`
}
