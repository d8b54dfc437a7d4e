/**
 * Certificate authority of the tests. Node cannot sign certificates, so this file writes their DER: it makes any name, any time and any
 * revocation list, within milliseconds and without another program.
 */
import * as Crypto from "node:crypto"

const seconds = 1_000
const day = 24 * 3_600 * seconds

/** Encodes a value of DER: its tag, its length and its content. */
const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)
const set = (...parts: ReadonlyArray<Uint8Array>) => der(0x31, ...parts)
const bool = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]))
const octets = (content: Uint8Array) => der(0x04, content)
const bits = (content: Uint8Array) => der(0x03, Buffer.from([0]), content)
/** Encodes a number of 0 to 2^47, or the bytes of a greater one whose first bit is 0. */
const integer = (value: number | Uint8Array) => {
  if (typeof value !== "number") return der(0x02, value)
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex")
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

const oid = (text: string) => {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number)
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const groups = [part & 0x7f]
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

/** Encodes a time. Certificates have whole seconds. */
const time = (millis: number) => {
  const text = new Date(millis)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "")
  const is2050 = text >= "2050"
  return der(is2050 ? 0x18 : 0x17, Buffer.from(is2050 ? text : text.slice(2), "ascii"))
}

const commonName = (text: string) => sequence(set(sequence(oid("2.5.4.3"), der(0x0c, Buffer.from(text, "utf8")))))

const extension = (id: string, isCritical: boolean, value: Uint8Array) =>
  sequence(oid(id), ...(isCritical ? [bool(true)] : []), octets(value))

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"))

const pem = (label: string, content: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(content).toString("base64").replace(/.{64}/g, "$&\n").trimEnd()}\n-----END ${label}-----\n`

export const serverAuth = "1.3.6.1.5.5.7.3.1"
export const clientAuth = "1.3.6.1.5.5.7.3.2"

export interface Request {
  /** Common name. Defaults to `node`. */
  readonly commonName?: string
  /** Names, such as `DNS:web-1` or `URI:spiffe://example.org/a`. */
  readonly names?: ReadonlyArray<string>
  /** Purposes, or `undefined` for a certificate without a list of them. */
  readonly purposes?: ReadonlyArray<string> | undefined
  /** Milliseconds from now. */
  readonly from?: number
  readonly to?: number
  readonly isAuthority?: boolean
}

/** A certificate with its key, both in PEM. */
export interface Issued {
  readonly certificate: string
  readonly key: string
  /** Bytes of the serial number. */
  readonly serial: Uint8Array
}

const tagOf: Record<string, number> = { email: 0x81, DNS: 0x82, URI: 0x86, IP: 0x87 }

const alternativeNames = (names: ReadonlyArray<string>) =>
  sequence(
    ...names.map((name) => {
      const [kind = "", ...rest] = name.split(":")
      const text = rest.join(":")
      return der(tagOf[kind] ?? 0x82, kind === "IP" ? Buffer.from(text.split(".").map(Number)) : Buffer.from(text))
    }),
  )

export class Authority {
  /** Certificate of the authority in PEM. */
  readonly certificate: string
  private readonly name: string
  private readonly key: Crypto.KeyObject

  private constructor(name: string, key: Crypto.KeyObject, certificate: string) {
    this.name = name
    this.key = key
    this.certificate = certificate
  }

  /** Makes an authority that signs itself. */
  static root(name = "authority", options: Pick<Request, "from" | "to"> = {}): Authority {
    const { privateKey, publicKey } = Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" })
    const { certificate } = sign(name, privateKey, publicKey, { ...options, commonName: name, isAuthority: true })
    return new Authority(name, privateKey, certificate)
  }

  /** Makes an authority that this one has signed. */
  intermediate(name = "intermediate", options: Pick<Request, "from" | "to"> = {}): Authority {
    const { privateKey, publicKey } = Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" })
    const { certificate } = sign(this.name, this.key, publicKey, { ...options, commonName: name, isAuthority: true })
    return new Authority(name, privateKey, certificate)
  }

  /** Makes a certificate of a new key. */
  issue(request: Request = {}): Issued {
    const { privateKey, publicKey } = Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" })
    const issued = sign(this.name, this.key, publicKey, request)
    return { ...issued, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() }
  }

  /** Makes a revocation list. The times are milliseconds from now. */
  revoke(revoked: ReadonlyArray<Issued>, { from = -day, to = day }: Pick<Request, "from" | "to"> = {}): string {
    const now = Date.now()
    const entries = revoked.map(({ serial }) => sequence(integer(serial), time(now)))
    const list = sequence(
      integer(1),
      ecdsaWithSha256,
      commonName(this.name),
      time(now + from),
      time(now + to),
      ...(entries.length === 0 ? [] : [sequence(...entries)]),
      der(0xa0, sequence(extension("2.5.29.20", false, integer(1)))),
    )
    return pem("X509 CRL", signed(list, this.key))
  }
}

const signed = (content: Uint8Array, key: Crypto.KeyObject) =>
  sequence(content, ecdsaWithSha256, bits(Crypto.sign("sha256", content, key)))

const sign = (
  issuer: string,
  issuerKey: Crypto.KeyObject,
  publicKey: Crypto.KeyObject,
  { commonName: subject = "node", from = -day, isAuthority = false, names = [], to = 30 * day, ...request }: Request,
) => {
  const now = Date.now()
  // The first bit of a positive number is 0, and the first byte is not 0.
  const serial = Crypto.randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const purposes = "purposes" in request ? request.purposes : isAuthority ? undefined : [serverAuth, clientAuth]
  const content = sequence(
    der(0xa0, integer(2)),
    integer(serial),
    ecdsaWithSha256,
    commonName(issuer),
    sequence(time(now + from), time(now + to)),
    commonName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        extension("2.5.29.19", true, isAuthority ? sequence(bool(true)) : sequence()),
        // keyCertSign and cRLSign, or digitalSignature.
        extension("2.5.29.15", true, der(0x03, Buffer.from(isAuthority ? [0x01, 0x06] : [0x07, 0x80]))),
        ...(names.length === 0 ? [] : [extension("2.5.29.17", false, alternativeNames(names))]),
        ...(purposes === undefined ? [] : [extension("2.5.29.37", false, sequence(...purposes.map(oid)))]),
      ),
    ),
  )
  return { certificate: pem("CERTIFICATE", signed(content, issuerKey)), serial }
}
