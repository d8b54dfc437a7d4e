/** Handshakes with certificates at the node that is dialed, and its descriptions of those that it refuses. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { certificateHandshakes } from "../../../src/internal/certificates/certificateHandshakes.ts"
import { CertificateSessions } from "../../../src/internal/certificates/CertificateSessions.ts"
import { credentialsOf } from "../../../src/internal/certificates/credentials.ts"
import { trustOf } from "../../../src/internal/certificates/names.ts"
import { Authority, type Issued } from "../../Authority.ts"
import { issue, materialOf, trust } from "../../certificateNodes.ts"
import { serve } from "../../rawServer.ts"

const hour = 3_600_000
const root = Authority.root("root")
const middle = root.intermediate("middle")
const other = Authority.root("other")
const gone = issue(root)

const sessionsOf = (revoked?: string) =>
  Effect.acquireRelease(
    Effect.sync(
      () =>
        new CertificateSessions({
          credentials: Result.getOrThrow(
            credentialsOf(materialOf(issue(root), [root], revoked === undefined ? {} : { revoked }), Date.now()),
          ),
          isTrusted: Result.getOrThrow(trustOf(trust)),
          times: { renewAfter: hour, withdrawWithin: 20 },
          cutExpired: false,
          wall: Date.now,
        }),
    ),
    (sessions) => Effect.sync(() => sessions.close()),
  )

/** Lets a stranger dial, and returns the outcome of its handshake. */
const outcomeOf = (dial: (socket: Net.Socket) => void, sessions: CertificateSessions) =>
  Effect.gen(function* () {
    const { handshakes } = certificateHandshakes(sessions)
    const outcomes = yield* Queue.unbounded<string>()
    const { port } = yield* serve((raw) => {
      raw.once("close", () => Queue.offerUnsafe(outcomes, "no outcome"))
      handshakes.start(raw, (outcome) => {
        const text = outcome._tag === "Refused" ? outcome.reason : outcome.arrival.proof.identity.names.join()
        const detail = outcome._tag === "Refused" ? outcome.detail : undefined
        Queue.offerUnsafe(outcomes, detail === undefined ? text : `${text}: ${detail}`)
        raw.destroy()
      })
    })
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect({ host: "127.0.0.1", port })),
      (socket) => Effect.sync(() => socket.destroy()),
    )
    socket.on("error", () => {})
    socket.once("connect", () => dial(socket))
    return yield* Queue.take(outcomes)
  }).pipe(Effect.scoped)

const tls = (options: Tls.ConnectionOptions) => (socket: Net.Socket) => {
  const dialer = Tls.connect({
    socket,
    rejectUnauthorized: false,
    secureContext: Tls.createSecureContext({ minVersion: "TLSv1.3", ...options }),
  })
  dialer.on("error", () => {})
}

const as = ({ certificate, key }: Issued, ...above: ReadonlyArray<Authority>) =>
  tls({ cert: [certificate, ...above.map(({ certificate }) => certificate)].join(""), key })

describe("a server with certificates", () => {
  it.live("trusts the authorities alone that it has read, and no block of another kind in their text", () =>
    Effect.gen(function* () {
      const material = materialOf(issue(root), [root])
      const hidden = other.certificate.replaceAll(" CERTIFICATE-----", " X509 CERTIFICATE-----")
      const credentials = Result.getOrThrow(
        credentialsOf({ ...material, authorities: `${material.authorities}${hidden}` }, Date.now()),
      )
      assert.strictEqual(credentials.authorities.length, 1)
      const sessions = yield* sessionsOf()
      sessions.use(credentials)
      assert.match(yield* outcomeOf(as(issue(other)), sessions), /^certificate: .* is not accepted by the authorities/)
    }),
  )

  it.live("tells who dialed, or why it refuses, in words of its own", () =>
    Effect.gen(function* () {
      const sessions = yield* sessionsOf()
      const expired = issue(root, "ann", { to: -hour })
      const { validToDate } = new Crypto.X509Certificate(expired.certificate)
      const to = validToDate.toISOString().replace(".000", "")
      const cases: ReadonlyArray<readonly [string, (socket: Net.Socket) => void, RegExp]> = [
        ["a trusted peer", as(issue(root, "ann")), /^spiffe:\/\/example.org\/shop\/ann$/],
        [
          "a peer with an intermediate certificate",
          as(issue(middle, "bob"), middle),
          /^spiffe:\/\/example.org\/shop\/bob$/,
        ],
        ["no certificate", tls({}), /^certificate: it presented no certificate$/],
        [
          "an expired certificate",
          as(expired),
          new RegExp(`^certificate: its certificate [0-9A-F:]{23} is valid to ${to}, and it is .* here$`),
        ],
        [
          "a certificate of tomorrow",
          as(issue(root, "ann", { from: hour })),
          /^certificate: .* is valid from .*, and it is .* here$/,
        ],
        [
          "another authority",
          as(issue(other, "ann")),
          /^certificate: .* is not accepted by the authorities of this node \([A-Z_]+\)$/,
        ],
        ["an intermediate certificate that is missing", as(issue(middle, "ann")), /^certificate: .* is not accepted/],
        [
          "another name",
          as(root.issue({ names: ["DNS:a\u0007b.example"] })),
          /^certificate: .* a name that imitates another$/,
        ],
        [
          "one purpose",
          as(issue(root, "ann", { purposes: ["1.3.6.1.5.5.7.3.2"] })),
          /^certificate: .* is not for serverAuth$/,
        ],
        ["TLS 1.2", tls({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }), /^protocol$/],
        ["HTTP", (socket) => socket.write("GET / HTTP/1.1\r\n\r\n"), /^protocol$/],
        ["a dialer that went away", (socket) => socket.resetAndDestroy(), /^no outcome$/],
      ]
      for (const [name, dial, expected] of cases) assert.match(yield* outcomeOf(dial, sessions), expected, name)
    }),
  )

  it.live("refuses a certificate that is on a revocation list", () =>
    Effect.gen(function* () {
      const sessions = yield* sessionsOf(root.revoke([gone]))
      assert.match(yield* outcomeOf(as(gone), sessions), /^certificate: .* \(CERT_REVOKED\)$/)
      assert.match(yield* outcomeOf(as(issue(root, "ann")), sessions), /ann$/)
    }),
  )

  it.live("presents and trusts the credentials of each time", () =>
    Effect.gen(function* () {
      const sessions = yield* sessionsOf()
      assert.match(yield* outcomeOf(as(issue(other, "ann")), sessions), /^certificate/)
      const { handshakes } = certificateHandshakes(sessions)
      const next = Result.getOrThrow(credentialsOf(materialOf(issue(other), [other]), Date.now()))
      sessions.use(next)
      const shown = yield* Queue.unbounded<string>()
      const { port } = yield* serve((raw) => handshakes.start(raw, ({ _tag }) => Queue.offerUnsafe(shown, _tag)))
      const { certificate, key } = issue(other, "ann")
      const dialer = Tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false, cert: certificate, key })
      dialer.on("error", () => {})
      dialer.once("secureConnect", () =>
        Queue.offerUnsafe(shown, dialer.getPeerX509Certificate()?.fingerprint256 ?? "none"),
      )
      assert.deepStrictEqual(
        [yield* Queue.take(shown), yield* Queue.take(shown)].sort(),
        ["Proved", next.certificate.fingerprint256].sort(),
      )
      dialer.destroy()
    }).pipe(Effect.scoped),
  )

  it.live("resumes no session, with which a dialer could come back after its authority was removed", () =>
    Effect.gen(function* () {
      const sessions = yield* sessionsOf()
      const { handshakes } = certificateHandshakes(sessions)
      const ends = yield* Queue.unbounded<string>()
      const { port } = yield* serve((raw) =>
        handshakes.start(raw, (outcome) => {
          Queue.offerUnsafe(ends, outcome._tag === "Refused" ? `${outcome.reason} ${outcome.detail}` : outcome._tag)
          if (outcome._tag === "Refused") raw.destroy()
          else outcome.arrival.socket.write("hello")
        }),
      )
      const { certificate: cert, key } = issue(root, "ann")
      const dial = (options: Tls.ConnectionOptions) =>
        Tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options }).on("error", () => {})
      const first = dial({ cert, key }).resume()
      const session = yield* Effect.promise(() => new Promise<Buffer>((resolve) => first.once("session", resolve)))
      assert.strictEqual(yield* Queue.take(ends), "Proved")
      const second = dial({ session })
      assert.strictEqual(yield* Queue.take(ends), "certificate it presented no certificate")
      first.destroy()
      second.destroy()
    }).pipe(Effect.scoped),
  )
})
