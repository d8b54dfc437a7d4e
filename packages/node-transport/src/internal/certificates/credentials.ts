/** Material of a node that was checked: what it presents to peers, and how it judges them. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import * as Tls from "node:tls"
import { errorCode } from "../socket/errorCode.ts"
import { pathOf, periodOf, periodOfAll } from "./chain.ts"
import { type CertificatesError, fail } from "./errors.ts"
import { describeNames, namesOf, quote, type Trusted } from "./names.ts"
import { blocks, certificatesIn, keyIn } from "./pem.ts"
import { isRevoked, listBy, listsIn, type RevocationList } from "./revocation.ts"
import { describeTime, type Period, problemOf } from "./validity.ts"

/**
 * Certificates of a node, as text in PEM.
 *
 * @category models
 * @since 0.1.0
 */
export interface Material {
  /** Certificate of this node, followed by its intermediate certificates. */
  readonly certificate: string
  /** Private key of the certificate, without a passphrase. */
  readonly key: Redacted.Redacted<string>
  /**
   * Certificates of the authorities that this node trusts. Each chain of certificates must end at a self-signed one of them.
   * Several during a change of the authority. The authorities of the system are never trusted.
   */
  readonly authorities: string
  /** Revocation lists. If there are any, each authority needs one that is in time. */
  readonly revoked?: string | undefined
}

/** Material that can be used. */
export interface Credentials {
  readonly material: Material
  readonly certificate: Crypto.X509Certificate
  readonly names: ReadonlyArray<string>
  readonly authorities: ReadonlyArray<Crypto.X509Certificate>
  readonly lists: ReadonlyArray<RevocationList>
  /** Time in which all certificates of the chain are valid. */
  readonly period: Period
  /** Context of the connections that this node dials. */
  readonly context: Tls.SecureContext
}

type Checked<A> = Result.Result<A, CertificatesError>

/** Checks the material of a node at a time. */
export const credentialsOf = (material: Material, now: number): Checked<Credentials> =>
  Result.gen(function* () {
    const [certificate, ...above] = yield* certificatesIn(material.certificate, "the certificate of this node")
    if (certificate === undefined) return yield* fail("invalid", "there is no certificate")
    yield* checkKey(certificate, above, yield* keyIn(Redacted.value(material.key)))
    const authorities = yield* certificatesIn(material.authorities, "the text of the authorities")
    const lists = isBlank(material.revoked) ? [] : yield* listsIn(material.revoked)
    const path = pathOf(certificate, above, authorities)
    if (path === undefined) return yield* untrusted(certificate)
    yield* checkTimes(path, lists, now)
    yield* checkPurpose(certificate)
    yield* checkLists(path, authorities, lists)
    const names = namesOf(certificate.subjectAltName)
    if (names === undefined || names.length === 0) return yield* noNames(names)
    const context = yield* contextOf(material, lists)
    return { material, certificate, names, authorities, lists, period: periodOfAll(path), context }
  })

const isBlank = (text: string | undefined): text is undefined => text === undefined || text.trim() === ""

const checkKey = (
  certificate: Crypto.X509Certificate,
  above: ReadonlyArray<Crypto.X509Certificate>,
  key: Crypto.KeyObject,
): Checked<void> => {
  if (certificate.checkPrivateKey(key)) return Result.void
  return fail(
    "mismatch",
    above.some((each) => each.checkPrivateKey(key))
      ? "the key belongs to a later certificate of the text: the certificate of this node must be the first"
      : "the key does not belong to the certificate: replace both together",
  )
}

const untrusted = (certificate: Crypto.X509Certificate) =>
  fail(
    "untrusted",
    `the chain of the certificate of this node does not end at a self-signed authority: its issuer is ${quote(certificate.issuer)}; ` +
      `append the intermediate certificates to the certificate, and the self-signed root to the authorities`,
  )

const checkTimes = (
  path: ReadonlyArray<Crypto.X509Certificate>,
  lists: ReadonlyArray<RevocationList>,
  now: number,
): Checked<void> => {
  for (const [i, each] of path.entries()) {
    const problem = problemOf(periodOf(each), now)
    const what = i === 0 ? "the certificate of this node" : `the certificate of the authority ${quote(each.subject)}`
    if (problem !== undefined) return fail(problem.reason, `${what} is ${problem.message}: ${adviceOf[problem.reason]}`)
  }
  for (const { period } of lists) {
    const problem = problemOf(period, now)
    if (problem !== undefined) {
      return fail(problem.reason, `a revocation list is ${problem.message}: ${adviceOf[problem.reason]}`)
    }
  }
  return Result.void
}

const adviceOf = { expired: "replace it", notYetValid: "check the clock of this machine" } as const

const serverAuth = "1.3.6.1.5.5.7.3.1"
const clientAuth = "1.3.6.1.5.5.7.3.2"

/**
 * Returns the purposes that a certificate of a node lacks, because each node dials and is dialed. A certificate without a list of
 * purposes has all of them.
 */
export const missingPurposes = (certificate: Crypto.X509Certificate): ReadonlyArray<string> => {
  const purposes: ReadonlyArray<string> | undefined = certificate.keyUsage
  if (purposes === undefined) return []
  return [
    ...(purposes.includes(serverAuth) ? [] : ["serverAuth"]),
    ...(purposes.includes(clientAuth) ? [] : ["clientAuth"]),
  ]
}

const checkPurpose = (certificate: Crypto.X509Certificate): Checked<void> => {
  const missing = missingPurposes(certificate)
  return missing.length === 0
    ? Result.void
    : fail(
        "purpose",
        `the certificate of this node is not for ${missing.join(" and ")}: a node dials and is dialed, so it needs the extended ` +
          `key usages serverAuth and clientAuth, or none`,
      )
}

/** OpenSSL refuses every peer below an authority without a list. */
const checkLists = (
  path: ReadonlyArray<Crypto.X509Certificate>,
  authorities: ReadonlyArray<Crypto.X509Certificate>,
  lists: ReadonlyArray<RevocationList>,
): Checked<void> => {
  if (lists.length === 0) return Result.void
  for (const authority of [...path.slice(1), ...authorities]) {
    if (listBy(lists, authority) === undefined) {
      return fail(
        "unlisted",
        `there is no revocation list of the authority ${quote(authority.subject)}: add one, which may be empty`,
      )
    }
  }
  return path.some((each) => isRevoked(lists, each))
    ? fail("revoked", "a certificate in the chain of this node is on a revocation list: replace it")
    : Result.void
}

const noNames = (names: ReadonlyArray<string> | undefined) =>
  fail(
    "names",
    names === undefined
      ? "the certificate of this node has a name with a character that only imitates other names need"
      : "the certificate of this node has no DNS name and no URI as a subject alternative name; the common name does not count",
  )

/** Checks that the peers of this node would accept its names, if they have the same `trust`. */
export const checkTrusted = ({ names }: Credentials, isTrusted: Trusted): Checked<void> =>
  names.some(isTrusted)
    ? Result.void
    : fail(
        "names",
        `the certificate of this node has ${describeNames(names)}, which the option \`trust\` (COTERIE_TLS_TRUST) does not allow: ` +
          "correct one of the two",
      )

/** Options of TLS with these credentials, for one side. They hold the key: nothing keeps them. */
export const tlsOptions = (material: Material, lists: ReadonlyArray<RevocationList>): Tls.SecureContextOptions => ({
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  // The blocks that this module has checked: OpenSSL also reads blocks of other kinds, such as "TRUSTED CERTIFICATE".
  cert: blocks(material.certificate, "CERTIFICATE").join(""),
  key: Redacted.value(material.key),
  // Never left out, because the authorities of the system are trusted then.
  ca: blocks(material.authorities, "CERTIFICATE").join(""),
  // OpenSSL reads one list of each text.
  ...(lists.length === 0 ? {} : { crl: lists.map(({ pem }) => pem) }),
})

const contextOf = (material: Material, lists: ReadonlyArray<RevocationList>): Checked<Tls.SecureContext> => {
  try {
    return Result.succeed(Tls.createSecureContext(tlsOptions(material, lists)))
  } catch (cause) {
    return fail(
      "invalid",
      `TLS cannot use the certificate, its key or the authorities: ${errorCode(cause) ?? "unknown reason"}`,
    )
  }
}

/** Describes the certificate of this node for the log. */
export const describeOwn = ({ certificate, names, period }: Credentials): string =>
  `${describeNames(names)}, fingerprint ${shortFingerprint(certificate)}, valid to ${describeTime(period.to)}`

/** Returns the first 8 bytes of the fingerprint, which are enough to find a certificate. */
export const shortFingerprint = ({ fingerprint256 }: Crypto.X509Certificate): string => fingerprint256.slice(0, 23)

/** Tests whether two materials are the same. */
export const isSameMaterial = (a: Material, b: Material): boolean =>
  a.certificate === b.certificate &&
  a.authorities === b.authorities &&
  a.revoked === b.revoked &&
  Redacted.value(a.key) === Redacted.value(b.key)
