/** Chains of certificates. */
import type * as Crypto from "node:crypto"
import { common, type Period } from "./validity.ts"

type Certificate = Crypto.X509Certificate

/** Returns the intermediate certificates that the other end of a connection presented with its certificate. */
export const issuersOf = (certificate: Certificate): ReadonlyArray<Certificate> => {
  const above: Array<Certificate> = []
  let next = certificate.issuerCertificate
  while (next !== undefined && above.length < maxLength) {
    above.push(next)
    next = next.issuerCertificate
  }
  return above
}

/** Maximum number of certificates of a chain. Real chains have two to four. */
const maxLength = 10

/**
 * Returns the chain from a certificate to a self-signed authority, both included. Returns `undefined` if there is none. Tries each
 * certificate once. `above` has the intermediate certificates.
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
