/** The credentials of a transport over time. */
import * as Certificates from "@coterie/node-transport/Certificates"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import type { CertificateSessions } from "../../../src/internal/certificates/CertificateSessions.ts"
import { followCertificates } from "../../../src/internal/certificates/followCertificates.ts"
import { NodeLogs } from "../../../src/internal/NodeLogs.ts"
import { Authority } from "../../Authority.ts"
import { issue, materialOf, trust } from "../../certificateNodes.ts"
import * as Sockets from "../sockets.ts"

const hour = 3_600_000
const day = 24 * hour
const authority = Authority.root("authority", { from: -60 * day, to: 60 * day })

const follow = (
  certificates: Certificates.Certificates["Service"],
  rejected = () => {},
  logs: NodeLogs = new NodeLogs(),
) =>
  followCertificates(certificates, {
    logs,
    rejected,
    trust,
    times: { renewAfter: hour, withdrawWithin: 1_000 },
    cutExpired: false,
  })

const logs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
  return { layer: Logger.layer([logger]), lines }
}

const secondsLeft = (sessions: CertificateSessions) => sessions.secondsLeft("own") ?? assert.fail("no certificate")

describe("the certificates of a transport", () => {
  it.effect("are warned of before they expire, once a day and then once an hour, and after that", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.now())
      const { layer, lines } = logs()
      const certificates = yield* Certificates.make(
        materialOf(issue(authority, "node", { from: -60 * day, to: 30 * day }), [authority]),
      )
      const sessions = yield* Effect.provide(follow(certificates), layer)
      assert.approximately(secondsLeft(sessions), (30 * day) / 1_000, 2)
      yield* TestClock.adjust("22 days")
      assert.deepStrictEqual(lines, [])
      assert.approximately(secondsLeft(sessions), (8 * day) / 1_000, 2)
      yield* TestClock.adjust("36 hours")
      assert.strictEqual(lines.length, 1)
      assert.match(
        lines[0] ?? "",
        /^Warn: certificates: the certificate of this node \(.*, valid to .*\) expires soon: .* It is .* here$/,
      )
      yield* TestClock.adjust("5 days")
      assert.strictEqual(lines.length, 6)
      yield* TestClock.adjust("1 days")
      assert.isAtLeast(lines.length, 17)
      yield* TestClock.adjust("1 days")
      assert.include(lines.at(-1), "has expired, and peers refuse new connections")
      assert.isBelow(secondsLeft(sessions), 0)
    }),
  )

  it.live("are counted and logged if a change cannot be used", () =>
    Effect.gen(function* () {
      const { layer, lines } = logs()
      const certificates = yield* Certificates.make(materialOf(issue(authority), [authority]))
      let rejected = 0
      const sessions = yield* Effect.provide(
        follow(certificates, () => void rejected++),
        layer,
      )
      const { credentials } = sessions
      yield* certificates.set(materialOf(authority.issue({ names: ["DNS:other.example"] }), [authority]))
      yield* Sockets.until(() => rejected === 1)
      assert.strictEqual(sessions.credentials, credentials)
      const issued = issue(authority)
      const next = materialOf(issued, [authority])
      yield* certificates.set(next)
      yield* Sockets.until(() => sessions.credentials.material === next && lines.length === 2)
      assert.match(lines[0] ?? "", /^Warn: certificates: .* the certificates before stay in use$/)
      assert.match(lines[1] ?? "", /^Info: certificates: replaced; this node has the name/)
      yield* certificates.set(materialOf(issued, [authority, Authority.root("other")]))
      yield* Sockets.until(() => lines.length === 3)
      assert.match(
        lines[2] ?? "",
        /^Info: certificates: replaced authorities or revocation lists; this node has the name/,
      )
      yield* certificates.set(next)
      // `Certificates` refuses this change itself, so that the transport does not see it.
      const mixed = yield* Effect.flip(certificates.set({ ...next, key: materialOf(issue(authority), []).key }))
      assert.strictEqual(mixed.reason, "mismatch")
      assert.strictEqual(mixed.stack, `CertificatesError: ${mixed.message}`)
      assert.deepStrictEqual(yield* Stream.runHead(certificates.rejected), Option.some(1))
      assert.strictEqual(yield* certificates.material, next)
    }),
  )

  it.live("of open connections have a first expiry", () =>
    Effect.gen(function* () {
      const certificates = yield* Certificates.make(materialOf(issue(authority), [authority]))
      const sessions = yield* follow(certificates)
      assert.isUndefined(sessions.secondsLeft("peers"))
      const { socket } = yield* Sockets.pair
      const { credentials } = sessions
      const proof = (to: number) => ({
        identity: { _tag: "Certificate" as const, names: [], fingerprint: "", validTo: to },
        certificate: credentials.certificate,
        above: [],
        period: { from: 0, to },
        judgedBy: credentials,
      })
      sessions.open(proof(Date.now() + 2 * hour), socket, socket)
      sessions.open(proof(Date.now() + hour), socket, socket)
      assert.approximately(sessions.secondsLeft("peers") ?? 0, 3_600, 2)
      socket.destroy()
      yield* Sockets.until(() => sessions.secondsLeft("peers") === undefined)
    }),
  )
})
