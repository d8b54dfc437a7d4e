/** Errors of certificates. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * Failure of the certificates of a node. The message says what to do, and holds no key.
 *
 * - `unreadable`: a file cannot be read, is too long, or changes while it is read.
 * - `invalid`: a text is not PEM of the kind that is needed, or TLS cannot use it.
 * - `mismatch`: the key does not belong to the certificate.
 * - `expired`: the certificate, another certificate of its chain, or a revocation list has expired.
 * - `notYetValid`: one of these is not valid yet. The clock of this machine may be wrong.
 * - `purpose`: the certificate is not for both ends of a connection. It needs `serverAuth` and `clientAuth`.
 * - `untrusted`: the chain of the certificate does not end at a self-signed authority, or OpenSSL does not accept it.
 * - `names`: the certificate has no usable name, or none that `trust` allows.
 * - `trust`: a pattern of `trust` has an invalid form.
 * - `revoked`: a certificate of the chain is on a revocation list.
 * - `unlisted`: there are revocation lists, and one of the authorities has none.
 *
 * @category errors
 * @since 0.1.0
 */
export class CertificatesError extends Schema.TaggedError<CertificatesError>()("CertificatesError", {
  reason: Schema.Literals([
    "unreadable",
    "invalid",
    "mismatch",
    "expired",
    "notYetValid",
    "purpose",
    "untrusted",
    "names",
    "trust",
    "revoked",
    "unlisted",
  ]),
  message: Schema.String,
}) {
  // A stack trace into this library would not help to find a configuration mistake.
  override readonly stack: string = `${this.name}: ${this.message}`
}

/** Fails with a `CertificatesError`. */
export const fail = (reason: CertificatesError["reason"], message: string): Result.Result<never, CertificatesError> =>
  Result.fail(new CertificatesError({ reason, message }))
