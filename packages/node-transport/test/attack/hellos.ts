/** First messages of TLS, as a stranger sends them. */
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import { duplexPair } from "node:stream"
import { startTls } from "../../src/internal/secret/secretTls.ts"

/** Returns the ClientHello of a dialer that names a key. */
export const helloOf = (id: string): Promise<Buffer> =>
  new Promise((resolve) => {
    const [near, far] = duplexPair()
    const psk = Redacted.make(new Uint8Array(Crypto.randomBytes(32)), { label: "psk" })
    const tls = startTls(near, { id, psk })
    tls.on("error", () => {})
    far.once("data", (bytes: Buffer) => {
      tls.destroy()
      resolve(bytes)
    })
  })

/** Number of the extension with the pre-shared keys (RFC 8446, section 4.2.11). */
const pskExtension = 41

const withLength = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Replaces the identity in a ClientHello with many. OpenSSL asks for the key of each before it looks at the binders. */
export const withIdentities = (hello: Buffer, count: number): Buffer => {
  // Skips the headers of the record and of the message.
  const body = hello.subarray(9)
  let at = 2 + 32
  at += 1 + (body[at] ?? 0)
  at += 2 + body.readUInt16BE(at)
  at += 1 + (body[at] ?? 0)
  const head = body.subarray(0, at)
  const extensions: Array<Buffer> = []
  for (let next = at + 2; next < body.length;) {
    const end = next + 4 + body.readUInt16BE(next + 2)
    if (body.readUInt16BE(next) !== pskExtension) extensions.push(body.subarray(next, end))
    next = end
  }
  const identities = Buffer.concat(Array.from({ length: count }, () => Buffer.from([0, 1, 0x61, 0, 0, 0, 0])))
  const binder = Buffer.concat([Buffer.from([32]), Buffer.alloc(32)])
  const kind = Buffer.alloc(2)
  kind.writeUInt16BE(pskExtension)
  extensions.push(Buffer.concat([kind, withLength(Buffer.concat([withLength(identities), withLength(binder)]))]))
  const message = Buffer.concat([head, withLength(Buffer.concat(extensions))])
  const header = Buffer.alloc(4)
  header.writeUInt32BE(message.length)
  // A ClientHello.
  header[0] = 1
  return recordsOf(Buffer.concat([header, message]))
}

/** Divides a message into records of the handshake. */
const recordsOf = (message: Buffer): Buffer => {
  const records: Array<Buffer> = []
  for (let at = 0; at < message.length; at += 16_384) {
    records.push(Buffer.from([0x16, 3, 1]), withLength(message.subarray(at, at + 16_384)))
  }
  return Buffer.concat(records)
}
