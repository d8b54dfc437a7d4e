/**
 * Outcomes of connections between a node with a certificate and strangers of many kinds, for both directions. Run as a program, it prints
 * the outcomes as JSON, so that a test can compare them under other variables of the environment.
 */
import * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import { readFileSync } from "node:fs"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { Authority, clientAuth, type Issued, serverAuth } from "./Authority.ts"
import { issue, materialOf, nameOf, nodeOf } from "./certificateNodes.ts"
import { serve } from "./rawServer.ts"

const hour = 3_600_000
const authority = Authority.root()
const other = Authority.root("another authority")
const middle = authority.intermediate()

const file = (name: string) => readFileSync(new URL(`certificates/${name}`, import.meta.url), "utf8")

/** A certificate of the authority that `NODE_EXTRA_CA_CERTS` adds in a test. */
const extra = { cert: file("server.pem"), key: file("server.key") }

const own = materialOf(issue(authority, "own"), [authority])

const tls13 = { minVersion: "TLSv1.3" } as const
const tls12 = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const
const psk = new Uint8Array(32).fill(7)

const as = ({ certificate, key }: Issued, ...above: ReadonlyArray<Authority>) => ({
  ...tls13,
  cert: [certificate, ...above.map(({ certificate }) => certificate)].join(""),
  key,
})

/** Certificates that a node must not accept, whichever side has them. */
const strangers: Record<string, Tls.SecureContextOptions> = {
  "another authority": as(issue(other)),
  "the authority of the environment": { ...tls13, ...extra },
  "another name": as(authority.issue({ names: ["URI:spiffe://example.org/bank/ann"] })),
  "a common name alone": as(authority.issue({ commonName: nameOf("ann"), names: [] })),
  "a DNS name in the form of a URI": as(authority.issue({ names: [`DNS:${nameOf("ann")}`] })),
  "a name that imitates another": as(authority.issue({ names: [`URI:http://x/, URI:${nameOf("ann")}`] })),
  "an expired certificate": as(issue(authority, "ann", { to: -hour })),
  "a certificate of tomorrow": as(issue(authority, "ann", { from: hour })),
  "a certificate for servers": as(issue(authority, "ann", { purposes: [serverAuth] })),
  "a certificate for clients": as(issue(authority, "ann", { purposes: [clientAuth] })),
  "a certificate without its intermediate one": as(issue(middle)),
  "TLS 1.2": { ...as(issue(authority)), ...tls12 },
}

const trusted: Record<string, Tls.SecureContextOptions> = {
  "a trusted certificate": as(issue(authority, "ann")),
  "a certificate with an intermediate one": as(issue(middle, "bob"), middle),
}

const context = (options: Tls.SecureContextOptions) => Tls.createSecureContext(options)

const tlsPeer = (options: Tls.TlsOptions) => {
  const server = new Tls.Server({ requestCert: true, rejectUnauthorized: false, ...options })
  server.on("secureConnection", (socket) => {
    socket.on("error", () => {})
    socket.write("hello")
  })
  server.on("tlsClientError", () => {})
  return (raw: Net.Socket) => void server.emit("connection", raw)
}

/** A peer that does not trust the node that dials, as Node refuses it. */
const distrustful = () => {
  const server = new Tls.Server({ ...as(issue(authority)), ca: other.certificate, requestCert: true })
  server.on("tlsClientError", () => {})
  return (raw: Net.Socket) => void server.emit("connection", raw)
}

const acceptors: Record<string, (() => (raw: Net.Socket) => void) | "nobody"> = {
  ...Object.fromEntries(
    Object.entries({ ...trusted, ...strangers }).map(([name, each]) => [name, () => tlsPeer(each)]),
  ),
  nobody: "nobody",
  "a peer that asks for no certificate": () => tlsPeer({ ...as(issue(authority, "ann")), requestCert: false }),
  "a peer that does not trust this node": distrustful,
  "a reset after the handshake": () => {
    const server = new Tls.Server(as(issue(authority)))
    return (raw) => {
      server.once("secureConnection", () => setImmediate(() => raw.resetAndDestroy()))
      server.emit("connection", raw)
    }
  },
  "an end after the handshake": () => {
    const server = new Tls.Server(as(issue(authority)))
    return (raw) => {
      server.once("secureConnection", (socket) => socket.resume().end())
      server.emit("connection", raw)
    }
  },
  "a secret": () => tlsPeer({ ...tls13, ciphers: "TLS_AES_128_GCM_SHA256", pskCallback: () => psk }),
  "no certificate": () => tlsPeer(tls13),
  "plain bytes": () => (raw) => void raw.write("GET / HTTP/1.1\r\n\r\n"),
  "a close at the first bytes": () => (raw) => void raw.resume().once("data", () => raw.destroy()),
  "a reset at the first bytes": () => (raw) => void raw.resume().once("data", () => raw.resetAndDestroy()),
  "an end": () => (raw) => void raw.resume().end(),
  silence: () => () => {},
}

const namesOf = ({ identity }: Transport.Connection) =>
  identity?._tag === "Certificate" ? identity.names.join() : "no identity"

/** Dials a peer and reads. Returns the reason of the failure, or the names of the peer. */
const dial = (peer: (typeof acceptors)[string]) =>
  Effect.gen(function* () {
    const node = yield* nodeOf(own, { connectTimeout: peer === acceptors["silence"] ? "200 millis" : "1 minute" })
    const address =
      typeof peer === "function" ? (yield* serve(peer())).address : (yield* Effect.scoped(node.listen)).addresses[0]
    const read = Effect.flatMap(node.connect(address), (connection) => Effect.as(connection.pull, namesOf(connection)))
    return yield* Effect.match(read, {
      onFailure: (end) =>
        Cause.isDone(end)
          ? { outcome: "end", message: "" }
          : { outcome: end.reason, message: end.message.replaceAll(address, "ADDRESS") },
      onSuccess: (outcome) => ({ outcome, message: "" }),
    })
  }).pipe(Effect.scoped)

const tlsDial = (options: Tls.ConnectionOptions) => (port: number) =>
  Tls.connect({ host: "127.0.0.1", port, ...options, secureContext: context(options), rejectUnauthorized: false })

const plainDial = (connected: (socket: Net.Socket) => void) => (port: number) => {
  const socket = Net.connect({ host: "127.0.0.1", port, allowHalfOpen: true }, () => connected(socket))
  return socket
}

const dialers: Record<string, (port: number) => Net.Socket> = {
  ...Object.fromEntries(Object.entries({ ...trusted, ...strangers }).map(([name, each]) => [name, tlsDial(each)])),
  "no certificate": tlsDial(tls13),
  "a secret": tlsDial({
    ...tls13,
    ciphers: "TLS_AES_128_GCM_SHA256",
    pskCallback: () => ({ identity: "coterie1:AAAAAAAAAAAA", psk }),
  }),
  HTTP: plainDial((socket) => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
  "a plain Hello": plainDial((socket) => socket.write(Buffer.from("000000f201a9656c6162656c", "hex"))),
  silence: plainDial(() => {}),
  "half a handshake": plainDial((socket) => socket.write(Buffer.from("16030105dd010005d90303", "hex"))),
  "a reset": plainDial((socket) => socket.resetAndDestroy()),
  "a close at once": plainDial((socket) => socket.destroy()),
  "an end": plainDial((socket) => socket.end()),
}

/** Lets a stranger dial a node, and waits until the node has handed the connection out or cut it. */
const accept = (stranger: (port: number) => Net.Socket) =>
  Effect.gen(function* () {
    const isSlow = stranger === dialers["silence"] || stranger === dialers["half a handshake"]
    const node = yield* nodeOf(own, { handshakeTimeout: isSlow ? "100 millis" : "1 minute" })
    const listener = yield* node.listen
    const handed = yield* Queue.unbounded<string>()
    yield* Effect.forkScoped(
      listener.run((connection) =>
        Effect.andThen(
          Queue.offer(handed, namesOf(connection)),
          // The connection ends when its handler does.
          Effect.ignore(Effect.forever(connection.pull)),
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
    yield* (yield* nodeOf(own)).connect(listener.addresses[0])
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
