/** The transport with certificates, on real sockets. */
import type * as Transport from "@coterie/core/Transport"
import * as Certificates from "@coterie/node-transport/Certificates"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import * as Util from "node:util"
import { Authority, type Issued, type Request } from "./Authority.ts"
import { issue, loggedNodeOf, materialOf, nameOf, nodeOf } from "./certificateNodes.ts"
import { outcomes } from "./certificateOutcomes.ts"
import { connected as connectedTransports, inTrustfulProcess } from "./transports.ts"

const a = Authority.root("a")
const b = Authority.root("b")

const managed = (issued: Issued, authorities: ReadonlyArray<Authority> = [a]) =>
  Certificates.make(materialOf(issued, authorities))

/** Connects two nodes with these certificates. The listener keeps its connections open until they end. */
const connected = Effect.fnUntraced(function* (
  acceptor: Certificates.Certificates["Service"],
  dialer: Certificates.Certificates["Service"],
  options?: Partial<NodeTransport.TlsOptions>,
) {
  const server = yield* nodeOf(acceptor, options)
  const client = yield* nodeOf(dialer, options)
  return yield* connectedTransports(server, client)
})

const fingerprintOf = ({ identity }: Transport.Connection) =>
  identity?._tag === "Certificate" ? identity.fingerprint : undefined

const fingerprint = ({ certificate }: Issued) => new Crypto.X509Certificate(certificate).fingerprint256

/** Checks that bytes of the acceptor arrive at the dialer. */
const works = Effect.fnUntraced(function* (acceptor: Transport.Connection, dialer: Transport.Connection) {
  yield* acceptor.write([Buffer.from("still here")])
  assert.strictEqual(String((yield* dialer.pull)[0]), "still here")
})

const renewal = ({ renewal }: Transport.Connection) => renewal ?? Effect.die("no renewal")

/** Waits until a time of the clock of this machine. */
const untilTime = (millis: number): Effect.Effect<void> =>
  Effect.suspend(() =>
    Date.now() > millis ? Effect.void : Effect.andThen(Effect.sleep(millis - Date.now() + 1), untilTime(millis)),
  )

const layerError = (material: Certificates.Material, options: Partial<NodeTransport.TlsOptions> = {}) =>
  Effect.flip(nodeOf({ material: Effect.succeed(material), changes: stream }, options))

const stream = Effect.runSync(Effect.map(managed(issue(a)), ({ changes }) => changes))

describe("the transport with certificates", () => {
  it.live(
    "connects holders of a trusted certificate only, in both directions, and fails with refused only if no process listens",
    () =>
      Effect.gen(function* () {
        const { accepted, dialed } = yield* outcomes
        const trusted: Record<string, string> = {
          "a trusted certificate": nameOf("ann"),
          "a certificate with an intermediate one": nameOf("bob"),
        }
        for (const [name, outcome] of Object.entries(accepted)) {
          assert.strictEqual(outcome, trusted[name] ?? "cut", name)
        }
        const expected: Record<string, string> = {
          ...trusted,
          // It proves its own certificate, and does not want to know who dials.
          "a peer that asks for no certificate": nameOf("ann"),
          nobody: "refused",
          silence: "unreachable",
        }
        for (const [name, { outcome }] of Object.entries(dialed)) {
          assert.strictEqual(outcome, expected[name] ?? "unauthenticated", name)
        }
        assert.match(
          dialed["another name"]?.message ?? "",
          /^ADDRESS answered, and this node does not accept it: its certificate [0-9A-F:]{23} has the name "spiffe:\/\/example.org\/bank\/ann", which `trust` does not allow$/,
        )
        assert.match(
          dialed["an expired certificate"]?.message ?? "",
          /its certificate [0-9A-F:]{23} is valid to [-0-9T:]{19}Z, and it is [-0-9T:]{19}Z here$/,
        )
        assert.match(
          dialed["a peer that does not trust this node"]?.message ?? "",
          /^ADDRESS closed the connection after the TLS handshake: most likely it does not accept the certificate of this node \(the name "spiffe:\/\/example.org\/shop\/own", .*\); its log says why$/,
        )
      }),
    60_000,
  )

  it.live(
    "has the same outcomes if the environment trusts more authorities and disables the checks of TLS",
    () =>
      Effect.gen(function* () {
        const reasons = ({ accepted, dialed }: Effect.Success<typeof outcomes>) => ({
          accepted,
          dialed: Object.entries(dialed).map(([name, { outcome }]) => [name, outcome]),
        })
        const here = yield* outcomes
        assert.deepStrictEqual(reasons(yield* inTrustfulProcess("certificateOutcomes.ts")), reasons(here))
      }),
    60_000,
  )

  it.live("fails the layer with the reason if the certificate of this node or `trust` cannot be used", () =>
    Effect.gen(function* () {
      const good = materialOf(issue(a), [a])
      const reason = (request: Request) =>
        Effect.map(layerError(materialOf(issue(a, "node", request), [a])), ({ reason }) => reason)
      assert.strictEqual(yield* reason({ names: ["URI:spiffe://example.org/bank/ann"] }), "names")
      assert.strictEqual(yield* reason({ to: -1_000 }), "expired")
      assert.strictEqual(yield* reason({ from: 60_000 }), "notYetValid")
      assert.strictEqual(yield* reason({ purposes: ["1.3.6.1.5.5.7.3.1"] }), "purpose")
      assert.strictEqual((yield* layerError(materialOf(issue(a), [b]))).reason, "untrusted")
      assert.strictEqual((yield* layerError({ ...good, key: Redacted.make("no key") })).reason, "invalid")
      assert.strictEqual((yield* layerError(good, { trust: ["*"] })).reason, "trust")
      // A list that only OpenSSL refuses.
      const forged = Authority.root("a").revoke([])
      const untrusted = yield* layerError({ ...good, revoked: forged })
      assert.strictEqual(untrusted.reason, "untrusted")
      assert.match(
        untrusted.message,
        /^a handshake of the certificate of this node with itself fails \([A-Z_]*CRL[A-Z_]*\)/,
      )
    }),
  )

  it.live("presents a new certificate at once, and renews the connections of the one before, which go on", () =>
    Effect.gen(function* () {
      const server = yield* managed(issue(a, "server"))
      const client = yield* managed(issue(a, "client"))
      const { acceptor, connect, dialer } = yield* connected(server, client)
      const next = issue(a, "server")
      yield* server.set(materialOf(next, [a]))
      yield* renewal(acceptor)
      yield* works(acceptor, dialer)
      assert.strictEqual(fingerprintOf(yield* connect), fingerprint(next))
      const ours = issue(a, "client")
      yield* client.set(materialOf(ours, [a]))
      yield* renewal(dialer)
      yield* works(acceptor, dialer)
    }),
  )

  it.live("keeps the certificates before a change that it cannot use, and logs why", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.layer([Logger.make(({ message }) => lines.push(String(message)))])
      const server = yield* managed(issue(a, "server"))
      const listener = yield* Effect.flatMap(Effect.provide(loggedNodeOf(server), logger), ({ listen }) =>
        Effect.provide(listen, logger),
      )
      assert.match(
        lines.join("\n"),
        /certificates: this node has the name "spiffe:\/\/example.org\/shop\/server", fingerprint/m,
      )
      // `Certificates` knows no `trust`.
      yield* server.set(materialOf(a.issue({ names: ["DNS:other.example"] }), [a]))
      const warned: Effect.Effect<void> = Effect.suspend(() =>
        lines.some((line) =>
          line.includes(
            "which the option `trust` (COTERIE_TLS_TRUST) does not allow: correct one of the two; the certificates before stay in use",
          ),
        )
          ? Effect.void
          : Effect.andThen(Effect.yieldNow, warned),
      )
      yield* warned
      const client = yield* nodeOf(materialOf(issue(a), [a]))
      const { identity } = yield* client.connect(listener.addresses[0])
      assert.deepStrictEqual(identity?._tag === "Certificate" ? identity.names : [], [nameOf("server")])
    }),
  )

  it.live("renews the connections of an authority that is removed, cuts them after the bound, and no others", () =>
    Effect.gen(function* () {
      const server = yield* managed(issue(a), [a, b])
      const old = yield* managed(issue(b), [a, b])
      const fresh = yield* managed(issue(a), [a, b])
      const options = { withdrawWithin: 50 }
      const first = yield* connected(server, old, options)
      const second = yield* connected(server, fresh, options)
      yield* server.set(materialOf(issue(a), [a]))
      yield* renewal(first.acceptor)
      yield* works(first.acceptor, first.dialer)
      assert.include(yield* Effect.flip(first.dialer.pull), { reason: "closed" })
      const error = yield* Effect.flip(first.acceptor.write([Buffer.from("x")]))
      assert.strictEqual(error.reason, "closed")
      assert.match(error.message, /was lost: the authority of its certificate [0-9A-F:]{23} was removed$/)
      yield* works(second.acceptor, second.dialer)
      // The side that was dialed now refuses connections, after the handshake.
      const again = yield* first.connect
      assert.include(yield* Effect.flip(again.pull), { reason: "unauthenticated" })
    }),
  )

  it.live("renews and cuts the connection of a certificate that is revoked, and lets it in no more", () =>
    Effect.gen(function* () {
      const [good, bad] = [issue(a, "good"), issue(a, "bad")]
      const server = yield* managed(issue(a))
      const first = yield* connected(server, yield* managed(bad), { withdrawWithin: 50 })
      const second = yield* connected(server, yield* managed(good), { withdrawWithin: 50 })
      yield* server.set(materialOf(issue(a), [a], { revoked: a.revoke([bad]) }))
      yield* renewal(first.acceptor)
      yield* Effect.ignore(Effect.forever(first.dialer.pull))
      assert.match((yield* Effect.flip(first.acceptor.write([Buffer.from("x")]))).message, /was revoked$/)
      yield* works(second.acceptor, second.dialer)
      const again = yield* first.connect
      assert.include(yield* Effect.flip(again.pull), { reason: "unauthenticated" })
      yield* second.connect
      // A node with the list does not accept it as a peer that it dials, either.
      const revoked = yield* Effect.flatMap(nodeOf(materialOf(bad, [a])), ({ listen }) => listen)
      const careful = yield* nodeOf(materialOf(issue(a), [a], { revoked: a.revoke([bad]) }))
      const error = yield* Effect.flip(careful.connect(revoked.addresses[0]))
      assert.strictEqual(error.reason, "unauthenticated")
      assert.include(error.message, "CERT_REVOKED")
    }),
  )

  it.live("has no key in any line of the log, error, or inspection", () =>
    Effect.gen(function* () {
      const texts: Array<string> = []
      const show = (value: unknown) => {
        texts.push(Util.inspect(value, { depth: 20, showHidden: true }), String(value))
        if (Exit.isExit(value) && Exit.isFailure(value)) texts.push(Cause.pretty(value.cause))
      }
      const [one, two, foreign] = [issue(a, "one"), issue(a, "two"), issue(b, "three")]
      yield* Effect.gen(function* () {
        const server = yield* managed(one)
        const client = yield* managed(two)
        const node = yield* loggedNodeOf(server)
        const { acceptor, dialer } = yield* connected(server, client, { withdrawWithin: 1 })
        const mixed = yield* Effect.exit(server.set({ ...materialOf(one, [a]), key: Redacted.make(two.key) }))
        yield* server.set(materialOf(foreign, [b]))
        const lost = yield* Effect.exit(Effect.forever(dialer.pull))
        const refused = yield* Effect.exit(connected(server, client))
        for (const value of [server, node, acceptor, dialer, mixed, lost, refused, yield* Effect.context()]) show(value)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Logger.layer([
            Logger.make((options) => show(options)),
            Logger.formatJson.pipe(Logger.map((line) => show(line))),
          ]),
        ),
      )
      const all = texts.join("\n")
      assert.include(all, "fingerprint")
      assert.notInclude(all, "PRIVATE KEY")
      for (const { key } of [one, two, foreign]) {
        for (const line of key.split("\n").filter((line) => line !== "" && !line.startsWith("-"))) {
          assert.notInclude(all, line)
        }
      }
    }),
  )
})

// These tests wait for the time of the machine.
describe.concurrent("the transport with certificates that expire", () => {
  it.live("renews a connection before a certificate expires, and keeps it after, while a new one is refused", () =>
    Effect.gen(function* () {
      // A third of the life is left after two seconds.
      const short = issue(a, "short", { from: -4_000, to: 5_000 })
      const { validToDate } = new Crypto.X509Certificate(short.certificate)
      const server = yield* managed(issue(a))
      const { acceptor, connect, dialer } = yield* connected(server, yield* managed(short))
      yield* Effect.all([renewal(acceptor), renewal(dialer)])
      assert.isBelow(Date.now(), validToDate.getTime())
      yield* untilTime(validToDate.getTime())
      yield* works(acceptor, dialer)
      const again = yield* connect
      assert.include(yield* Effect.flip(again.pull), { reason: "unauthenticated" })
    }),
  )

  it.live("cuts a connection when a certificate of it expires, at both ends, if `cutExpired` is set", () =>
    Effect.gen(function* () {
      const cutWith = Effect.fnUntraced(function* (who: string) {
        const of = (name: string) => issue(a, name, name === who ? { from: -60_000, to: 2_000 } : {})
        const [server, client] = [yield* managed(of("server")), yield* managed(of("client"))]
        const { acceptor, dialer } = yield* connected(server, client, { cutExpired: true })
        // A third of the life is more than what is left, so it is not renewed again and again.
        yield* works(acceptor, dialer)
        assert.include(yield* Effect.flip(dialer.pull), { reason: "closed" })
        // Each end has its own timer.
        const error = yield* Effect.flip(Effect.forever(acceptor.write([Buffer.from("x")])))
        assert.strictEqual(error.reason, "closed")
      })
      yield* Effect.all([cutWith("server"), cutWith("client")], { concurrency: "unbounded" })
    }),
  )

  it.live("cuts a connection when an intermediate certificate expires, if `cutExpired` is set", () =>
    Effect.gen(function* () {
      const middle = a.intermediate("middle", { from: -60_000, to: 2_000 })
      const server = yield* Certificates.make(materialOf(issue(middle, "server"), [a], { above: [middle] }))
      const { acceptor, dialer } = yield* connected(server, yield* managed(issue(a)), { cutExpired: true })
      yield* works(acceptor, dialer)
      const error = yield* Effect.flip(dialer.pull)
      assert.isTrue(!Cause.isDone(error) && error.reason === "closed")
    }),
  )
})
