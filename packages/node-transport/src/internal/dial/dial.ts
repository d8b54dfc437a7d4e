/** Dials of TCP, and of TLS with a secret or with certificates. */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type * as Tls from "node:tls"
import { errorCode } from "../socket/errorCode.ts"
import type { HostLookups } from "../dns/HostLookups.ts"
import { startTls as startCertificateTls } from "../certificates/certificateTls.ts"
import type { CertificateSessions } from "../certificates/CertificateSessions.ts"
import { type Credentials, describeOwn } from "../certificates/credentials.ts"
import type { KeySessions } from "../secret/KeySessions.ts"
import type { KnownHosts } from "../accept/KnownHosts.ts"
import type { Exclusions } from "./Exclusions.ts"
import { awaitConnected, openSocket } from "./openSocket.ts"
import type { Key } from "../secret/ring.ts"
import { isProved, startTls } from "../secret/secretTls.ts"
import * as SocketConnection from "../socket/SocketConnection.ts"

/** A dial: its address, and how the transport dials. */
export interface Dial {
  readonly address: Address.Address
  readonly lookups: HostLookups
  readonly exclusions: Exclusions
  /** Gets the hosts that prove themselves. */
  readonly known: KnownHosts
  /** Time of the whole dial. */
  readonly timeout: Duration.Duration
  /** Milliseconds that a connection has to send the rest after it was closed. */
  readonly linger: number
}

type Connect = Effect.Effect<Transport.Connection, Transport.TransportError, Scope.Scope>

const ignore = () => {}

/** Opens a connection of TCP. */
export const dialTcp = (dial: Dial): Connect =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const limit = yield* timeLimit(dial)
      const observe = yield* Transport.DialObserver
      const hosts = yield* restore(limit(lookup(dial)))
      const socket = openSocket({ hosts, port: Address.port(dial.address) })
      yield* guard(socket, restore(limit(connected(dial.address, socket, observe))))
      return yield* SocketConnection.make(socket, dial.linger, undefined, refusesPlain)
    }),
  )

const refusesPlain =
  " before its first byte: the peer has a secret or certificates and takes no plain TCP, or it has no room or excludes this host"

/** Opens a connection of TLS. Tries the keys of the ring one after the other, a connection each, until the peer accepts one. */
export const dialSecret = (dial: Dial, sessions: KeySessions): Connect =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { address } = dial
      const limit = yield* timeLimit(dial)
      const observe = yield* Transport.DialObserver
      const hosts = yield* restore(limit(lookup(dial)))
      const tried: Array<string> = []
      const { ring } = sessions
      for (const key of ring) {
        tried.push(key.id)
        const raw = openSocket({ hosts, port: Address.port(address) })
        const secured = Effect.andThen(connected(address, raw, observe), secure(raw, key))
        const outcome = yield* Effect.result(guard(raw, restore(limit(secured))))
        if (Result.isSuccess(outcome)) {
          const tls = outcome.success
          observe(securedStep(tls))
          dial.known.follow(raw)
          return yield* SocketConnection.make(tls, dial.linger, sessions.open(key.id, tls, raw))
        }
        if (outcome.failure instanceof Transport.TransportError) return yield* outcome.failure
        const { cause, phase } = outcome.failure
        if (tried.length === ring.length || phase !== "refused") {
          return yield* unauthenticated(secretMessage(address, phase, tried.join(", ")), cause)
        }
      }
      return yield* Effect.die("a ring has a key")
    }),
  )

/** Opens a connection of TLS in which both sides present a certificate. */
export const dialCertificates = (dial: Dial, sessions: CertificateSessions): Connect =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { address } = dial
      const limit = yield* timeLimit(dial)
      const observe = yield* Transport.DialObserver
      const hosts = yield* restore(limit(lookup(dial)))
      const { credentials } = sessions
      const raw = openSocket({ hosts, port: Address.port(address) })
      const shaken = Effect.andThen(
        connected(address, raw, observe),
        Effect.mapError(
          handshake(raw, () => startCertificateTls(raw, credentials)),
          (failure) => unauthenticated(handshakeMessage(address, failure.phase), failure.cause),
        ),
      )
      const proved = Effect.flatMap(shaken, (tls) => {
        observe(securedStep(tls))
        const verdict = sessions.judge(tls, credentials)
        return verdict._tag === "Trusted"
          ? Effect.succeed({ tls, proof: verdict.proof })
          : Effect.fail(
              unauthenticated(`${address} answered, and this node does not accept it: ${verdict.detail}`, null),
            )
      })
      const { proof, tls } = yield* guard(raw, restore(limit(proved)))
      dial.known.follow(raw)
      return yield* SocketConnection.make(tls, dial.linger, {
        ...sessions.open(proof, tls, raw),
        unanswered: (cause) => unauthenticated(unansweredMessage(address, credentials), cause),
      })
    }),
  )

/** Destroys the socket unless the effect succeeds. `acquireRelease` would leak it if an interrupt arrives together with the answer. */
const guard = <A, E>(socket: Net.Socket, effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  // Registered first, because an error without a listener ends the process.
  socket.on("error", ignore)
  return Effect.onExit(effect, (exit) => Effect.sync(() => (Exit.isSuccess(exit) ? undefined : socket.destroy())))
}

/** Returns a limit for the parts of a dial that begins now. Its error reports the time limit of the whole dial. */
const timeLimit = ({ address, timeout }: Dial) =>
  Effect.map(
    Clock.currentTimeNanos,
    (start) =>
      <A, E>(part: Effect.Effect<A, E>): Effect.Effect<A, E | Transport.TransportError> =>
        Effect.flatMap(Clock.currentTimeNanos, (now) =>
          Effect.timeoutOrElse(part, {
            duration: Duration.subtract(timeout, Duration.nanos(now - start)),
            orElse: () =>
              Effect.fail(
                new Transport.TransportError({
                  reason: "unreachable",
                  message: `${address} did not answer within ${Duration.format(timeout)}`,
                }),
              ),
          }),
        ),
  )

/** Returns the addresses to connect to. They are checked after the lookup, so that no name leads into a network that is excluded. */
const lookup = ({ address, exclusions, lookups }: Dial) =>
  Effect.mapError(
    lookups.find(Address.host(address)),
    (cause) =>
      new Transport.TransportError({
        reason: "unreachable",
        message: `${address} cannot be reached: ${cause.message}`,
        cause,
      }),
  ).pipe(
    Effect.flatMap((hosts) => exclusions.permitted(address, hosts)),
    Effect.tap((hosts) =>
      Effect.map(Transport.DialObserver, (observe) => observe({ _tag: "Resolved", hosts: [...hosts] })),
    ),
  )

const connected = (
  address: Address.Address,
  socket: Net.Socket,
  observe: (step: Transport.DialStep) => void,
): Effect.Effect<void, Transport.TransportError> =>
  Effect.mapBoth(awaitConnected(socket), {
    onSuccess: () => observe({ _tag: "Connected", host: socket.remoteAddress ?? "" }),
    onFailure: (cause) => dialError(address, cause),
  })

const securedStep = (tls: Tls.TLSSocket): Transport.DialStep => ({
  _tag: "Secured",
  protocol: tls.getProtocol() ?? "",
  cipher: tls.getCipher().name,
})

const dialError = (address: Address.Address, cause: Error): Transport.TransportError => {
  const code = errorCode(cause)
  // A connection that was cut before it was open says nothing about the process, for a device between the two may have cut it.
  const refused = code === "ECONNREFUSED"
  return new Transport.TransportError({
    reason: refused ? "refused" : "unreachable",
    message: refused
      ? `${address} refused the connection: nobody listens there`
      : `${address} cannot be reached: ${code ?? cause.message}`,
    cause,
  })
}

// TLS

/**
 * Failure of TLS at a peer that is connected, by its phase. The codes of TLS errors differ between versions of OpenSSL.
 *
 * - `refused`: the peer answered with bytes, and not with a proof.
 * - `closed`: the peer closed the connection without a byte.
 */
class TlsFailure {
  readonly phase: "refused" | "closed"
  readonly cause: Error | null

  constructor(phase: TlsFailure["phase"], cause: Error | null) {
    this.phase = phase
    this.cause = cause
  }
}

/** Starts TLS with a key on a socket that is connected, and waits for the proof of the peer. */
const secure = (raw: Net.Socket, key: Key): Effect.Effect<Tls.TLSSocket, TlsFailure> =>
  Effect.flatMap(
    handshake(raw, () => startTls(raw, key)),
    (tls) => (isProved(tls) ? Effect.succeed(tls) : Effect.fail(tlsFailure(raw, null))),
  )

/** Starts TLS on a socket that is connected, and waits for the end of the handshake. */
const handshake = (raw: Net.Socket, start: () => Tls.TLSSocket): Effect.Effect<Tls.TLSSocket, TlsFailure> =>
  Effect.callback((resume) => {
    // The scheduler can delay a fiber between any two steps.
    if (raw.destroyed) return resume(Effect.fail(new TlsFailure("closed", raw.errored)))
    const tls = start()
    const failed = (cause: Error | null) => resume(Effect.fail(tlsFailure(raw, cause)))
    tls.on("error", failed)
    tls.on("close", () => failed(null))
    tls.on("secureConnect", () => resume(Effect.succeed(tls)))
  })

const tlsFailure = (raw: Net.Socket, cause: Error | null) =>
  new TlsFailure(raw.bytesRead > 0 ? "refused" : "closed", cause)

const unauthenticated = (message: string, cause: Error | null): Transport.TransportError =>
  new Transport.TransportError({ reason: "unauthenticated", message, ...(cause === null ? {} : { cause }) })

const secretMessage = (address: Address.Address, phase: TlsFailure["phase"], tried: string): string =>
  phase === "closed"
    ? `${address} closed the connection at the first bytes of TLS: it has no secret, or no room for a connection`
    : `${address} answered and does not accept the secret of this node (tried ${tried}): ` +
      `compare with the ids in its log, and check that it is a node with a secret`

const handshakeMessage = (address: Address.Address, phase: TlsFailure["phase"]): string =>
  phase === "closed"
    ? `${address} closed the connection at the first bytes of TLS: it has no certificate, or no room for a connection`
    : `${address} answered and did not complete a TLS handshake with certificates: ` +
      `check that it is a node with certificates; its log may say more`

const unansweredMessage = (address: Address.Address, credentials: Credentials): string =>
  `${address} closed the connection after the TLS handshake: most likely it does not accept the certificate of this node ` +
  `(${describeOwn(credentials)}); its log says why`
