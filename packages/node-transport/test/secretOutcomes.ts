/**
 * Outcomes of connections between a node with a secret and strangers of many kinds, for both directions. Run as a program, it prints
 * the outcomes as JSON, so that a test can compare them under other variables of the environment.
 */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { keyOf } from "../src/internal/secret/ring.ts"
import { serve } from "./rawServer.ts"

export const secret = Redacted.make("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")
export const otherSecret = Redacted.make("00112233445566778899aabbccddeeff")

/** Makes a transport with secrets on a free port of the loopback. */
export const nodeOf = (
  secrets: Redacted.Redacted<string> | Keyring.Keyring["Service"] = secret,
  options: NodeTransport.SecretOptions = {},
): Effect.Effect<Transport.Transport["Service"], never, Scope.Scope> => {
  const keyring = Redacted.isRedacted(secrets)
    ? Layer.orDie(Keyring.layer(secrets))
    : Layer.succeed(Keyring.Keyring)(secrets)
  return Layer.build(
    NodeTransport.layerSecret({ host: "127.0.0.1", port: 0, ...options }).pipe(
      Layer.provide(keyring),
      Layer.provide(Logger.layer([])),
    ),
  ).pipe(Effect.map(Context.get(Transport.Transport)))
}

const { id, psk } = Result.getOrThrow(keyOf(secret))
const identity = `coterie1:${id}`
const key = Redacted.value(psk)
const otherKey = new Uint8Array(32).fill(7)
const file = (name: string) => readFileSync(new URL(`certificates/${name}`, import.meta.url))
const certificate = { cert: file("server.pem"), key: file("server.key") }
const tls13 = { minVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256" } as const
const tls12 = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const
const aes256 = { minVersion: "TLSv1.3", ciphers: "TLS_AES_256_GCM_SHA384" } as const

/** Peers that a node with the secret dials. */
const acceptors: Record<string, (() => (raw: Net.Socket) => void) | "node" | "other node" | "nobody"> = {
  "the same secret": "node",
  "another secret": "other node",
  nobody: "nobody",
  "the same id with another key": () => tlsPeer({ ...tls13, pskCallback: () => otherKey }),
  "no key": () => tlsPeer(tls13),
  "TLS 1.2": () => tlsPeer({ ...tls12, ...certificate }),
  "TLS 1.2 with the key": () => tlsPeer({ ...tls12, ciphers: "PSK-AES128-GCM-SHA256", pskCallback: () => key }),
  "AES-256 only": () => tlsPeer({ ...aes256, pskCallback: () => key }),
  "a certificate": () => tlsPeer({ ...tls13, ...certificate }),
  "a certificate, and no such key": () => tlsPeer({ ...tls13, ...certificate, pskCallback: () => null }),
  "plain bytes": () => (raw) => void raw.write("GET / HTTP/1.1\r\n\r\n"),
  "a close at the first bytes": () => (raw) => void raw.resume().once("data", () => raw.destroy()),
  "a reset at the first bytes": () => (raw) => void raw.resume().once("data", () => raw.resetAndDestroy()),
  "an end": () => (raw) => void raw.resume().end(),
  silence: () => () => {},
}

const tlsPeer = (options: Tls.TlsOptions) => {
  const server = new Tls.Server(options)
  server.on("secureConnection", (socket) => socket.on("error", () => {}))
  server.on("tlsClientError", () => {})
  return (raw: Net.Socket) => void server.emit("connection", raw)
}

/** Dials a peer. Returns the reason of the failure, or the identity. */
const dial = (peer: (typeof acceptors)[string]) =>
  Effect.gen(function* () {
    const node = yield* nodeOf(secret, { connectTimeout: peer === acceptors["silence"] ? "200 millis" : "1 minute" })
    const address =
      typeof peer === "function"
        ? (yield* serve(peer())).address
        : peer === "nobody"
          ? (yield* Effect.scoped(node.listen)).addresses[0]
          : (yield* (yield* nodeOf(peer === "node" ? secret : otherSecret)).listen).addresses[0]
    return yield* Effect.match(node.connect(address), {
      onFailure: ({ message, reason }) => ({ outcome: reason, message: message.replaceAll(address, "ADDRESS") }),
      onSuccess: ({ identity }) => ({
        outcome: identity?._tag === "Secret" ? identity.key : "no identity",
        message: "",
      }),
    })
  }).pipe(Effect.scoped)

const context = (options: Tls.SecureContextOptions) => Tls.createSecureContext(options)

/** Strangers that dial a node with the secret. */
const dialers: Record<string, (port: number) => Net.Socket> = {
  "the same secret": (port) => tlsDial(port, { ...tls13, pskCallback: () => ({ identity, psk: key }) }),
  "another secret": (port) =>
    tlsDial(port, { ...tls13, pskCallback: () => ({ identity: "coterie1:AAAAAAAAAAAA", psk: otherKey }) }),
  "the id without its prefix": (port) => tlsDial(port, { ...tls13, pskCallback: () => ({ identity: id, psk: key }) }),
  "the same id with another key": (port) =>
    tlsDial(port, { ...tls13, pskCallback: () => ({ identity, psk: otherKey }) }),
  "no key": (port) => tlsDial(port, tls13),
  "a certificate": (port) => tlsDial(port, { ...tls13, ...certificate }),
  "TLS 1.2": (port) => tlsDial(port, tls12),
  "TLS 1.2 with the key": (port) =>
    tlsDial(port, { ...tls12, ciphers: "PSK-AES128-GCM-SHA256", pskCallback: () => ({ identity, psk: key }) }),
  "AES-256 only": (port) => tlsDial(port, { ...aes256, pskCallback: () => ({ identity, psk: key }) }),
  HTTP: (port) => plainDial(port, (socket) => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
  "a plain Hello": (port) => plainDial(port, (socket) => socket.write(Buffer.from("000000f201a9656c6162656c", "hex"))),
  silence: (port) => plainDial(port, () => {}),
  "half a handshake": (port) => plainDial(port, (socket) => socket.write(Buffer.from("16030105dd010005d90303", "hex"))),
  "a reset": (port) => plainDial(port, (socket) => socket.resetAndDestroy()),
  "a close at once": (port) => plainDial(port, (socket) => socket.destroy()),
  "an end": (port) => plainDial(port, (socket) => socket.end()),
}

const tlsDial = (port: number, options: Tls.ConnectionOptions) =>
  Tls.connect({ host: "127.0.0.1", port, ...options, secureContext: context(options), rejectUnauthorized: false })

const plainDial = (port: number, connected: (socket: Net.Socket) => void) => {
  const socket = Net.connect({ host: "127.0.0.1", port, allowHalfOpen: true }, () => connected(socket))
  return socket
}

/** Lets a stranger dial a node, and waits until the node has handed the connection out or cut it. */
const accept = (stranger: (port: number) => Net.Socket) =>
  Effect.gen(function* () {
    // Longer than the handshake of a member on a busy machine, and than it takes to refuse what can be refused at once.
    const isSlow = stranger === dialers["silence"] || stranger === dialers["half a handshake"]
    const node = yield* nodeOf(secret, { handshakeTimeout: isSlow ? "1 second" : "1 minute" })
    const listener = yield* node.listen
    const handed = yield* Queue.unbounded<string>()
    yield* Effect.forkScoped(
      listener.run(({ identity, pull }) =>
        Effect.andThen(
          Queue.offer(handed, identity?._tag === "Secret" ? identity.key : "no identity"),
          // The connection ends when its handler does.
          Effect.catch(Effect.forever(pull), (end) => (Cause.isDone(end) ? Effect.void : Effect.void)),
        ),
      ),
    )
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => stranger(Address.port(listener.addresses[0]))),
      (socket) => Effect.sync(() => socket.destroy()),
    )
    socket.on("error", () => {})
    socket.resume()
    const cut = Effect.callback<string>((resume) => {
      socket.on("end", () => void socket.end())
      if (socket.destroyed) return resume(Effect.succeed("cut"))
      socket.on("close", () => resume(Effect.succeed("cut")))
    })
    const outcome = yield* Effect.race(Queue.take(handed), cut)
    if (outcome !== "cut") return outcome
    // A member comes in after a stranger, and nothing has come in before.
    yield* (yield* nodeOf()).connect(listener.addresses[0])
    yield* Queue.take(handed)
    return (yield* Queue.size(handed)) === 0 ? "cut" : "handed out"
  }).pipe(Effect.scoped)

export const outcomes = Effect.gen(function* () {
  const dialed: Record<string, { readonly outcome: string; readonly message: string }> = {}
  for (const [name, peer] of Object.entries(acceptors)) dialed[name] = yield* dial(peer)
  const accepted: Record<string, string> = {}
  for (const [name, stranger] of Object.entries(dialers)) accepted[name] = yield* accept(stranger)
  return { accepted, dialed }
}).pipe(Effect.provide(Logger.layer([])))

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(await Effect.runPromise(outcomes)))
