/**
 * TLS 1.3 with a pre-shared key, as docs/protocol.md specifies in the chapter "Transport with a secret". Both sides prove that they
 * have the key, and nobody is trusted by certificate.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import { type Duplex, duplexPair } from "node:stream"
import * as Tls from "node:tls"
import { isId, type Key } from "./ring.ts"

/** Returns the key of an id, or `undefined` if this node does not accept it. */
export type FindKey = (id: string) => Key | undefined

const prefix = "coterie1:"

const ignore = () => {}

/** Node's key callbacks cannot name a hash, and OpenSSL takes SHA-256. AES comes first, because processors have instructions for it. */
const ciphers = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"

const versions = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const

/** Options of the dialing side, whose context is made once. */
const dialOptions = {
  ...versions,
  // An empty list, because the roots of the system are trusted without one.
  secureContext: Tls.createSecureContext({ ...versions, ciphers, ca: [] }),
  // Written out, because an environment variable changes the default.
  rejectUnauthorized: true,
  // TLS asks this only if the other side has presented a certificate, and Node would take a certificate in place of the key.
  checkServerIdentity: () => new Error("the other side presented a certificate"),
} satisfies Tls.ConnectionOptions

const listenOptions = {
  ...versions,
  ciphers,
  ca: [],
  // A ticket would let its holder in after the key has been removed. OpenSSL then sends the id of a session, which Node does not keep.
  secureOptions: Crypto.constants.SSL_OP_NO_TICKET,
} satisfies Tls.TlsOptions

/** A server that is given its sockets and never listens. */
export interface SecretServer {
  readonly tls: Tls.Server
  /** Returns the id of the key that the other side has proved, or `undefined` if it has proved none. */
  readonly provedKey: (socket: Tls.TLSSocket) => string | undefined
  /** Returns the last key that the other side has named: its id if this node has the key, and `unknown` if it has not. */
  readonly namedKey: (socket: Tls.TLSSocket) => string | undefined
}

/** Stands for every key that this node does not have. No id is as short. */
const unknownKey = "unknown"

export const makeServer = (findKey: FindKey): SecretServer => {
  const named = new WeakMap<object, string>()
  const tls = new Tls.Server({
    ...listenOptions,
    // Asked for everything that a stranger sends, thousands of times for one connection: an exception ends the process before 22.22.
    pskCallback: (socket, identity) => {
      const key = keyOf(findKey, identity)
      named.set(socket, key?.id ?? unknownKey)
      return key === undefined ? null : Redacted.value(key.psk)
    },
  })
  return {
    tls,
    provedKey: (socket) => {
      // TLS asks no more once it has a key, so that the last key is the one of the handshake.
      const id = isProved(socket) ? named.get(socket) : undefined
      return id === unknownKey ? undefined : id
    },
    namedKey: (socket) => named.get(socket),
  }
}

const keyOf = (findKey: FindKey, identity: unknown): Key | undefined => {
  if (typeof identity !== "string" || !identity.startsWith(prefix)) return undefined
  const id = identity.slice(prefix.length)
  return isId(id) ? findKey(id) : undefined
}

/** Starts TLS on a socket that is connected. The key is the same however often TLS asks for it. */
export const startTls = (socket: Duplex, key: Key): Tls.TLSSocket =>
  Tls.connect({
    ...dialOptions,
    socket,
    pskCallback: () => ({ identity: `${prefix}${key.id}`, psk: Redacted.value(key.psk) }),
  })

/** Tests whether the other side has proved a key: the handshake used the key, and no certificate. */
export const isProved = (socket: Tls.TLSSocket): boolean =>
  socket.isSessionReused() && socket.getPeerX509Certificate() === undefined

/**
 * Time of the handshake with itself, which takes some milliseconds. A process that is busy for longer than this at its start has
 * other problems.
 */
const selfTestMillis = 5_000

/**
 * Tests whether TLS of this runtime has pre-shared keys, by a handshake with itself. BoringSSL, as in Electron, ignores the key, so
 * that the handshake fails.
 */
export const hasPresharedKeys: Effect.Effect<boolean> = Effect.callback<boolean>((resume) => {
  const key: Key = { id: "AAAAAAAAAAAA", psk: Redacted.make(new Uint8Array(Crypto.randomBytes(32)), { label: "psk" }) }
  const [near, far] = duplexPair()
  const finish = (works: boolean) => {
    clearTimeout(timer)
    near.destroy()
    far.destroy()
    resume(Effect.succeed(works))
  }
  const timer = setTimeout(() => finish(false), selfTestMillis)
  const server = makeServer(() => key)
  server.tls.on("secureConnection", (socket) => {
    socket.on("error", ignore)
    finish(server.provedKey(socket) === key.id)
  })
  server.tls.on("tlsClientError", () => finish(false))
  server.tls.emit("connection", far)
  const dialer = startTls(near, key)
  dialer.on("error", () => finish(false))
  return Effect.sync(() => finish(false))
})

/** Names the runtime of this process, for an error. */
export const runtimeName = (versions: Readonly<Record<string, string | undefined>> = process.versions): string => {
  for (const name of ["bun", "deno", "electron"]) if (versions[name] !== undefined) return `${name} ${versions[name]}`
  return `Node ${versions["node"]} with OpenSSL ${versions["openssl"]}`
}
