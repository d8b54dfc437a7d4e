/** Paths from a certificate to an authority. */
import type * as Crypto from "node:crypto"
import { common, type Period } from "./validity.ts"

type Certificate = Crypto.X509Certificate

/** Returns the certificates above a certificate, as the other end of a connection presented them. */
export const issuersOf = (certificate: Certificate): ReadonlyArray<Certificate> => {
  const above: Array<Certificate> = []
  let next = certificate.issuerCertificate
  while (next !== undefined && above.length < maxLength) {
    above.push(next)
    next = next.issuerCertificate
  }
  return above
}

/** Certificates of a path. Real paths have two to four, and TLS follows no more than 100. */
const maxLength = 10

/**
 * Returns the path from a certificate to an authority that signs itself, both included. Returns `undefined` if the certificates above it
 * do not lead to one. Tries each certificate once.
 */
export const pathOf = (
  certificate: Certificate,
  above: ReadonlyArray<Certificate>,
  authorities: ReadonlyArray<Certificate>,
): ReadonlyArray<Certificate> | undefined => {
  const trusted = new Set(authorities.map(({ fingerprint256 }) => fingerprint256))
  const tried = new Set<string>()
  const find = (current: Certificate, length: number): ReadonlyArray<Certificate> | undefined => {
    if (trusted.has(current.fingerprint256) && isIssuer(current, current)) return [current]
    tried.add(current.fingerprint256)
    if (length === maxLength) return undefined
    for (const candidate of [...authorities, ...above]) {
      if (tried.has(candidate.fingerprint256) || !candidate.ca || !isIssuer(candidate, current)) continue
      const path = find(candidate, length + 1)
      if (path !== undefined) return [current, ...path]
    }
    return undefined
  }
  return find(certificate, 1)
}

const isIssuer = (issuer: Certificate, certificate: Certificate): boolean => {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    // A key of an algorithm that OpenSSL does not know.
    return false
  }
}

export const periodOf = ({ validFromDate, validToDate }: Certificate): Period => ({
  from: validFromDate.getTime(),
  to: validToDate.getTime(),
})

/** Returns the time in which all certificates are valid. */
export const periodOfAll = (certificates: ReadonlyArray<Certificate>): Period => common(certificates.map(periodOf))
