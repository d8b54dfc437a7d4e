/** Revocation lists (RFC 5280, section 5), of which Node has no reader. TLS checks their signatures. */
import * as Result from "effect/Result"
import type * as Crypto from "node:crypto"
import { type CertificatesError, fail } from "./errors.ts"
import { blocks } from "./pem.ts"
import type { Period } from "./validity.ts"

/** A list of an authority. */
export interface RevocationList {
  readonly pem: string
  /** Name of the authority, as DER in hexadecimal. */
  readonly issuer: string
  /** Serial numbers in upper case hexadecimal without zeros in front, as Node writes them. */
  readonly serials: ReadonlySet<string>
  readonly period: Period
}

/** Reads the lists of a text of PEM. */
export const listsIn = (text: string): Result.Result<ReadonlyArray<RevocationList>, CertificatesError> => {
  const found = blocks(text, "X509 CRL")
  if (found.length === 0 || found.length !== text.split("-----BEGIN X509 CRL-----").length - 1) {
    return fail("invalid", 'the revocation lists are no whole text of PEM ("-----BEGIN X509 CRL-----")')
  }
  try {
    return Result.succeed(found.map(listOf))
  } catch {
    return fail("invalid", "a revocation list cannot be decoded")
  }
}

/** Returns the list of the authority that issued a certificate. */
export const listFor = (
  lists: ReadonlyArray<RevocationList>,
  certificate: Crypto.X509Certificate,
): RevocationList | undefined => {
  const issuer = nameIn(certificate, "issuer")
  return lists.find((list) => list.issuer === issuer)
}

/** Returns the authority's own list: the one that has its name. */
export const listBy = (
  lists: ReadonlyArray<RevocationList>,
  authority: Crypto.X509Certificate,
): RevocationList | undefined => {
  const subject = nameIn(authority, "subject")
  return lists.find((list) => list.issuer === subject)
}

/** Tests whether the authority of a certificate has revoked it. */
export const isRevoked = (lists: ReadonlyArray<RevocationList>, certificate: Crypto.X509Certificate): boolean => {
  if (lists.length === 0) return false
  const issuer = nameIn(certificate, "issuer")
  return lists.some((list) => list.issuer === issuer && list.serials.has(serialOf(certificate.serialNumber)))
}

/** Thrown within this file alone. */
class Malformed extends Error {}

/** A value of DER: its tag, its content, and the place after it. */
interface Value {
  readonly tag: number
  readonly content: Buffer
  readonly whole: Buffer
}

/** Reads the values that a content consists of. Lengths are those of DER: definite, and of at most four bytes. */
const valuesOf = (bytes: Buffer): ReadonlyArray<Value> => {
  const values: Array<Value> = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    const tag = bytes[at++] ?? 0
    let length = bytes[at++]
    if (length === undefined || length === 0x80) throw new Malformed()
    if (length > 0x80) {
      const size: number = length & 0x7f
      if (size > 4 || at + size > bytes.length) throw new Malformed()
      length = bytes.readUIntBE(at, size)
      at += size
    }
    const end = at + length
    if (end > bytes.length) throw new Malformed()
    values.push({ tag, content: bytes.subarray(at, end), whole: bytes.subarray(start, end) })
    at = end
  }
  return values
}

const tags = { integer: 0x02, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, version: 0xa0 } as const

const isTime = ({ tag }: Value): boolean => tag === tags.utcTime || tag === tags.generalizedTime

const first = (values: ReadonlyArray<Value>): Value => {
  const [value] = values
  if (value === undefined || value.tag !== tags.sequence) throw new Malformed()
  return value
}

const listOf = (pem: string): RevocationList => {
  const bytes = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64")
  const list = valuesOf(first(valuesOf(first(valuesOf(bytes)).content)).content)
  // The version is optional: version?, algorithm, issuer, this update, next update?, entries?, extensions?
  const [, issuer, thisUpdate, ...rest] = list[0]?.tag === tags.integer ? list.slice(1) : list
  if (issuer === undefined || thisUpdate === undefined || !isTime(thisUpdate)) throw new Malformed()
  const [next] = rest
  const nextUpdate = next !== undefined && isTime(next) ? next : undefined
  const entries = rest.find(({ tag }) => tag === tags.sequence)
  return {
    pem,
    issuer: issuer.whole.toString("hex"),
    period: {
      from: timeOf(thisUpdate),
      to: nextUpdate === undefined ? Number.POSITIVE_INFINITY : timeOf(nextUpdate),
    },
    serials: new Set(entries === undefined ? [] : valuesOf(entries.content).map(serialOfEntry)),
  }
}

const serialOfEntry = ({ content }: Value): string => {
  const [serial] = valuesOf(content)
  if (serial?.tag !== tags.integer) throw new Malformed()
  return serialOf(serial.content.toString("hex"))
}

const serialOf = (hex: string): string => hex.toUpperCase().replace(/^0+(?=.)/, "")

/** Reads a time. The years of the short form are 1950 to 2049. */
const timeOf = ({ content, tag }: Value): number => {
  const text = content.toString("ascii")
  const full = tag === tags.utcTime ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full)
  if (parts === null) throw new Malformed()
  const [, year, month, date, hours, minutes, seconds] = parts.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, date, hours, minutes, seconds)
}

/** Returns a name of a certificate as DER in hexadecimal. */
const nameIn = ({ raw }: Crypto.X509Certificate, which: "issuer" | "subject"): string | undefined => {
  const content = valuesOf(first(valuesOf(first(valuesOf(raw)).content)).content)
  // version?, serial, algorithm, issuer, validity, subject
  const start = content[0]?.tag === tags.version ? 1 : 0
  return content[start + (which === "issuer" ? 2 : 4)]?.whole.toString("hex")
}
