/** The check of a peer's certificate, which is the same for the side that dialed and for the side that was dialed. */
import type { Identity } from "@coterie/core/Transport"
import type * as Crypto from "node:crypto"
import type * as Tls from "node:tls"
import { issuersOf, pathOf, periodOf, periodOfAll } from "./chain.ts"
import { type Credentials, missingPurposes, shortFingerprint } from "./credentials.ts"
import { describeNames, namesOf, type Trusted } from "./names.ts"
import { isRevoked } from "./revocation.ts"
import { common, type Period, problemOf } from "./validity.ts"

/** A certificate that a peer has proved. */
export interface PeerProof {
  readonly identity: Extract<Identity, { readonly _tag: "Certificate" }>
  readonly certificate: Crypto.X509Certificate
  /** Intermediate certificates that the peer presented. Node does not always show them to the side that was dialed. */
  readonly above: ReadonlyArray<Crypto.X509Certificate>
  /** Time in which all known certificates of the chain are valid. */
  readonly period: Period
  /** Credentials that judged the peer. */
  readonly judgedBy: Credentials
}

export type Verdict =
  | { readonly _tag: "Trusted"; readonly proof: PeerProof }
  /** The detail is text of this node; names of the peer in it are quoted and bounded. */
  | { readonly _tag: "Refused"; readonly detail: string }

/** Parts of a socket after its handshake. */
export type Handshaken = Pick<
  Tls.TLSSocket,
  "authorizationError" | "authorized" | "getPeerX509Certificate" | "isSessionReused"
>

/**
 * Judges the peer of a handshake that is complete. `credentials` are those with which TLS checked the chain. TLS runs with
 * `rejectUnauthorized: false`, because it would destroy the socket before this function can say why.
 */
export const judge = (socket: Handshaken, credentials: Credentials, isTrusted: Trusted, now: number): Verdict => {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return refused("it presented no certificate")
  const which = `its certificate ${shortFingerprint(certificate)}`
  const own = periodOf(certificate)
  const above = issuersOf(certificate)
  for (const each of [certificate, ...above]) {
    const problem = problemOf(periodOf(each), now)
    if (problem === undefined) continue
    return refused(
      each === certificate ? `${which} is ${problem.message}` : `an issuer of ${which} is ${problem.message}`,
    )
  }
  // The result of OpenSSL. A session that was resumed would have skipped its check, and none is.
  if (!socket.authorized || socket.isSessionReused()) {
    return refused(`${which} is not accepted by the authorities of this node (${codeOf(socket.authorizationError)})`)
  }
  const missing = missingPurposes(certificate)
  // OpenSSL checks the purpose of one direction alone.
  if (missing.length > 0) return refused(`${which} is not for ${missing.join(" and ")}`)
  const path = pathOf(certificate, above, credentials.authorities)
  const period = path === undefined ? common([own, ...above.map(periodOf)]) : periodOfAll(path)
  const names = namesOf(certificate.subjectAltName)
  if (names === undefined) return refused(`${which} has a name that imitates another`)
  if (!names.some(isTrusted)) {
    return refused(`${which} has ${describeNames(names)}, which \`trust\` does not allow`)
  }
  const { lists } = credentials
  if ([certificate, ...above].some((each) => isRevoked(lists, each))) return refused(`${which} is revoked`)
  const { fingerprint256: fingerprint } = certificate
  return {
    _tag: "Trusted",
    proof: {
      identity: { _tag: "Certificate", names, fingerprint, validTo: own.to },
      certificate,
      above,
      period,
      judgedBy: credentials,
    },
  }
}

const refused = (detail: string): Verdict => ({ _tag: "Refused", detail })

/** The constant of OpenSSL. Its type says `Error`, and it is text. */
const codeOf = (cause: unknown): string =>
  typeof cause === "string" && /^[A-Z0-9_]{1,60}$/.test(cause) ? cause : "unknown reason"

/**
 * Tests a proof against later credentials. Returns why the connection is withdrawn, or `undefined` if it may stay.
 *
 * A proof whose chain is not known completely is withdrawn if an authority is gone. The connection is renewed then, and TLS checks the
 * chain of the new connection.
 */
export const withdrawnBy = (proof: PeerProof, credentials: Credentials): string | undefined => {
  const { above, certificate, judgedBy } = proof
  const which = `its certificate ${shortFingerprint(certificate)}`
  const path = pathOf(certificate, above, credentials.authorities)
  if (path === undefined && !hasAll(credentials, judgedBy)) return `the authority of ${which} was removed`
  return [certificate, ...above, ...(path ?? [])].some((each) => isRevoked(credentials.lists, each))
    ? `${which} was revoked`
    : undefined
}

/** Tests whether the authorities have all earlier ones. */
const hasAll = (now: Credentials, before: Credentials): boolean => {
  const known = new Set(now.authorities.map(({ fingerprint256 }) => fingerprint256))
  return before.authorities.every(({ fingerprint256 }) => known.has(fingerprint256))
}
