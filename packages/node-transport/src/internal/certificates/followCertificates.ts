/** Keeps the credentials of a transport up to date with its certificates. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Certificates } from "../../Certificates.ts"
import type { NodeLogs } from "../NodeLogs.ts"
import type { SessionTimes } from "../sessions/Sessions.ts"
import { selfTest } from "./certificateTls.ts"
import { CertificateSessions } from "./CertificateSessions.ts"
import {
  checkTrusted,
  type Credentials,
  credentialsOf,
  describeOwn,
  isSameMaterial,
  type Material,
} from "./credentials.ts"
import { CertificatesError } from "./errors.ts"
import { ExpiryWarnings } from "./ExpiryWarnings.ts"
import { type Trusted, trustOf } from "./names.ts"
import { describeTime } from "./validity.ts"

export interface Options {
  readonly trust: ReadonlyArray<string>
  readonly times: SessionTimes
  readonly cutExpired: boolean
  /** Called for each change of the certificates that this transport cannot use. */
  readonly rejected: () => void
  readonly logs: NodeLogs
}

/** Interval of the looks at the expiry. The warnings are an hour apart at least. */
const expiryInterval = Duration.minutes(1)

/** Makes the sessions of a transport, which have the certificates until the scope closes. */
export const followCertificates = (
  certificates: Certificates["Service"],
  { cutExpired, logs, rejected, times, trust }: Options,
): Effect.Effect<CertificateSessions, CertificatesError, Scope.Scope> =>
  Effect.gen(function* () {
    const isTrusted = yield* Effect.fromResult(trustOf(trust))
    const clock = yield* Clock.Clock
    const wall = () => clock.currentTimeMillisUnsafe()
    const credentials = yield* accept(yield* certificates.material, isTrusted)
    const sessions = yield* Effect.acquireRelease(
      Effect.sync(() => new CertificateSessions({ credentials, cutExpired, isTrusted, times, wall })),
      (sessions) => Effect.sync(() => sessions.close()),
    )
    const update = (material: Material) =>
      isSameMaterial(material, sessions.credentials.material)
        ? Effect.void
        : Effect.matchEffect(accept(material, isTrusted), {
            onSuccess: (credentials) =>
              Effect.suspend(() => {
                const isSameOwn =
                  credentials.certificate.fingerprint256 === sessions.credentials.certificate.fingerprint256
                sessions.use(credentials)
                return logs.write(
                  Effect.logInfo(
                    `certificates: replaced${isSameOwn ? " authorities or revocation lists" : ""}; this node has ${describeOwn(credentials)}`,
                  ),
                )
              }),
            onFailure: ({ message }) => {
              rejected()
              return logs.write(Effect.logWarning(`certificates: ${message}; the certificates before stay in use`))
            },
          })
    yield* Effect.forkScoped(Stream.runForEach(certificates.changes, update))
    yield* Effect.forkScoped(warnOfExpiry(sessions, logs))
    return sessions
  })

/** Checks the material with the names that peers trust, and by a handshake with itself. */
const accept = (material: Material, isTrusted: Trusted): Effect.Effect<Credentials, CertificatesError> =>
  Effect.gen(function* () {
    const credentials = yield* Effect.fromResult(credentialsOf(material, yield* Clock.currentTimeMillis))
    yield* Effect.fromResult(checkTrusted(credentials, isTrusted))
    const problem = yield* selfTest(credentials)
    if (problem === undefined) return credentials
    return yield* new CertificatesError({
      reason: problem === "INVALID_PURPOSE" ? "purpose" : "untrusted",
      message:
        `a handshake of the certificate of this node with itself fails (${problem}), so that no peer with the same authorities ` +
        `accepts it: it needs a key usage of digitalSignature, a strong key, and a chain that OpenSSL accepts`,
    })
  })

const warnOfExpiry = (sessions: CertificateSessions, logs: NodeLogs): Effect.Effect<void> => {
  const warnings = new ExpiryWarnings()
  const look = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.forEach(
      warnings.due(sessions.credentials, now),
      (text) => logs.write(Effect.logWarning(`certificates: ${text}. It is ${describeTime(now)} here`)),
      { discard: true },
    ),
  )
  return Effect.asVoid(Effect.repeat(look, Schedule.spaced(expiryInterval)))
}

/** Logs the certificate of this node, and what it trusts. */
export const logCertificate = ({ credentials }: CertificateSessions, prefix = ""): Effect.Effect<void> =>
  Effect.logInfo(`${prefix}certificates: this node has ${describeOwn(credentials)}`)
