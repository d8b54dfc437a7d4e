/** Secret and certificate of a run. Both ends of a connection have them. */
import * as Crypto from "node:crypto"
import { Authority } from "../../packages/node-transport/test/Authority.ts"

export interface Proofs {
  /** Certificate of both ends in PEM. */
  readonly certificate: string
  readonly key: string
  /** Certificate of the authority in PEM. */
  readonly authority: string
  /** 32 bytes in base64. */
  readonly secret: string
}

/** Name in the certificate. */
export const name = "node.bench"

/** Makes a secret, and a certificate of an authority. All keys are of P-256. */
export const make = (): Proofs => {
  const authority = Authority.root()
  const { certificate, key } = authority.issue({ names: [`DNS:${name}`] })
  return { certificate, key, authority: authority.certificate, secret: Crypto.randomBytes(32).toString("base64") }
}
