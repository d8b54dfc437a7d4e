/** Texts of PEM, as files of certificates have them. */
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import { type CertificatesError, fail } from "./errors.ts"

/** Returns the blocks of a kind. Text between blocks is a comment, and white space at the ends of lines means nothing. */
export const blocks = (text: string, kind: string): ReadonlyArray<string> => {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const found: Array<string> = []
  let begin: number | undefined = undefined
  for (const [i, line] of lines.entries()) {
    if (line === `-----BEGIN ${kind}-----`) begin = i
    if (line === `-----END ${kind}-----` && begin !== undefined) {
      found.push(`${lines.slice(begin, i + 1).join("\n")}\n`)
      begin = undefined
    }
  }
  return found
}

/** Returns the certificates of a text, at least one. `what` names the text in errors. */
export const certificatesIn = (
  text: string,
  what: string,
): Result.Result<ReadonlyArray<Crypto.X509Certificate>, CertificatesError> => {
  const found = blocks(text, "CERTIFICATE")
  // A block without an end, as in a file that is half written.
  if (found.length !== text.split("-----BEGIN CERTIFICATE-----").length - 1) {
    return fail("invalid", `${what} has a certificate without its end, so the file is not whole`)
  }
  if (found.length === 0) return fail("invalid", `${what} has no certificate in PEM ("-----BEGIN CERTIFICATE-----")`)
  try {
    return Result.succeed(found.map((block) => new Crypto.X509Certificate(block)))
  } catch {
    return fail("invalid", `${what} has a certificate that cannot be decoded`)
  }
}

/** Returns the private key of a text. */
export const keyIn = (text: string): Result.Result<Crypto.KeyObject, CertificatesError> => {
  try {
    return Result.succeed(Crypto.createPrivateKey(text.trim()))
  } catch {
    // The cause could hold a part of the text.
    return fail("invalid", "the key is no private key in PEM, or has a passphrase: decrypt it before")
  }
}
