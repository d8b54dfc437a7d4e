/** The ClientHello and the ServerHello of TLS 1.3 as values, for attackers who change them. */
import * as Crypto from "node:crypto"
import { handshake } from "./Middle.ts"

export interface Extension {
  readonly type: number
  readonly data: Buffer
}

/** A ClientHello, or a ServerHello, which has one suite and one compression without their lengths. */
export interface Hello {
  /** Type of the message: 1 from the client, 2 from the server. */
  readonly message: number
  readonly version: Buffer
  readonly random: Buffer
  readonly session: Buffer
  readonly suites: Buffer
  readonly compression: Buffer
  readonly extensions: ReadonlyArray<Extension>
}

/** Types of extensions. */
export const supportedGroups = 10
export const preSharedKey = 41
export const earlyData = 42
export const supportedVersions = 43
export const keyExchangeModes = 45
export const keyShare = 51

export const clientHello = 1

/** Reads values of a length that is known or written before them. */
class Reader {
  private bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get isEmpty(): boolean {
    return this.bytes.length === 0
  }

  take(length: number): Buffer {
    const taken = this.bytes.subarray(0, length)
    if (taken.length < length) throw new Error("the message is too short")
    this.bytes = this.bytes.subarray(length)
    return taken
  }

  /** Takes a value after its length of so many bytes. */
  vector(lengthBytes: number): Buffer {
    return this.take(this.take(lengthBytes).readUIntBE(0, lengthBytes))
  }
}

/** Returns a value with its length, of so many bytes, before it. */
export const vector = (lengthBytes: number, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const content = Buffer.concat(parts)
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(content.length, 0, lengthBytes)
  return Buffer.concat([length, content])
}

/** Returns the bytes of numbers of 16 bits. */
export const uint16s = (...numbers: ReadonlyArray<number>): Buffer =>
  Buffer.from(numbers.flatMap((number) => [number >> 8, number & 0xff]))

export const decode = (record: Buffer): Hello => {
  const outer = new Reader(record)
  if (outer.take(3)[0] !== handshake) throw new Error("the record is of another type")
  const content = new Reader(outer.vector(2))
  const message = content.take(1).readUInt8(0)
  const body = new Reader(content.vector(3))
  const lists = message === clientHello
  const fields = {
    message,
    version: body.take(2),
    random: body.take(32),
    session: body.vector(1),
    suites: lists ? body.vector(2) : body.take(2),
    compression: lists ? body.vector(1) : body.take(1),
  }
  const extensions: Array<Extension> = []
  const rest = new Reader(body.vector(2))
  while (!rest.isEmpty) extensions.push({ type: rest.take(2).readUInt16BE(0), data: rest.vector(2) })
  return { ...fields, extensions }
}

const messageOf = (hello: Hello): Buffer => {
  const lists = hello.message === clientHello
  return Buffer.concat([
    Buffer.from([hello.message]),
    vector(
      3,
      hello.version,
      hello.random,
      vector(1, hello.session),
      lists ? vector(2, hello.suites) : hello.suites,
      lists ? vector(1, hello.compression) : hello.compression,
      vector(2, ...hello.extensions.map(({ data, type }) => Buffer.concat([uint16s(type), vector(2, data)]))),
    ),
  ])
}

/** Returns the record with a message. */
export const encode = (hello: Hello): Buffer =>
  Buffer.concat([Buffer.from(hello.message === clientHello ? "160301" : "160303", "hex"), vector(2, messageOf(hello))])

/** Returns the data of an extension. */
export const extension = (hello: Hello, type: number): Buffer | undefined =>
  hello.extensions.find((each) => each.type === type)?.data

/** Replaces the data of an extension that is there. */
export const replace = (hello: Hello, type: number, data: Buffer): Hello => ({
  ...hello,
  extensions: hello.extensions.map((each) => (each.type === type ? { type, data } : each)),
})

export const remove = (hello: Hello, type: number): Hello => ({
  ...hello,
  extensions: hello.extensions.filter((each) => each.type !== type),
})

const hmac = (key: Buffer | Uint8Array, data: Buffer): Buffer => Crypto.createHmac("sha256", key).update(data).digest()

const sha256 = (data: Buffer): Buffer => Crypto.createHash("sha256").update(data).digest()

/** HKDF-Expand-Label (RFC 8446, section 7.1) of a length of one hash. */
const expandLabel = (secret: Buffer, label: string, context: Buffer): Buffer =>
  hmac(
    secret,
    Buffer.concat([uint16s(32), vector(1, Buffer.from(`tls13 ${label}`)), vector(1, context), Buffer.from([1])]),
  )

/** Number of bytes of the binders of one key: two lengths, and a hash. */
const binderBytes = 2 + 1 + 32

/** Signs a ClientHello with the key again (RFC 8446, section 4.2.11.2), as only a holder of the key can. */
export const bind = (hello: Hello, psk: Uint8Array): Hello => {
  const offered = extension(hello, preSharedKey)
  if (offered === undefined) throw new Error("the message offers no key")
  const truncated = messageOf(hello).subarray(0, -binderBytes)
  const binderKey = expandLabel(hmac(Buffer.alloc(32), Buffer.from(psk)), "ext binder", sha256(Buffer.alloc(0)))
  const binder = hmac(expandLabel(binderKey, "finished", Buffer.alloc(0)), sha256(truncated))
  return replace(hello, preSharedKey, Buffer.concat([offered.subarray(0, -binderBytes), vector(2, vector(1, binder))]))
}
