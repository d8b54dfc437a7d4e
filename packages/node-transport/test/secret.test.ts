/** The transport with a secret, on real sockets. */
import * as Keyring from "@coterie/node-transport/Keyring"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Transport from "@coterie/core/Transport"
import { syncBuiltinESMExports } from "node:module"
import Tls from "node:tls"
import { runtimeName } from "../src/internal/secret/secretTls.ts"
import { serve } from "./rawServer.ts"
import { nodeOf, otherSecret, outcomes, secret } from "./secretOutcomes.ts"
import { connected as connectedTransports, inTrustfulProcess } from "./transports.ts"

const idOf = (secret: Redacted.Redacted<string>) => Result.getOrThrow(Keyring.idOf(secret))

/** Connects two nodes with these keyrings. The listener keeps its connections open until they end. */
const connected = Effect.fnUntraced(function* (
  acceptorKeys: Keyring.Keyring["Service"],
  dialerKeys: Keyring.Keyring["Service"],
  options?: { readonly withdrawWithin?: number; readonly renewAfter?: number },
) {
  const server = yield* nodeOf(acceptorKeys, options)
  const client = yield* nodeOf(dialerKeys, options)
  return yield* connectedTransports(server, client)
})

const keyOf = ({ identity }: Transport.Connection) => (identity?._tag === "Secret" ? identity.key : undefined)

describe("the transport with a secret", () => {
  it.live(
    "connects holders of the secret only, in both directions, and fails with refused only if no process listens",
    () =>
      Effect.gen(function* () {
        const { accepted, dialed } = yield* outcomes
        for (const [name, outcome] of Object.entries(accepted)) {
          assert.strictEqual(outcome, name === "the same secret" ? idOf(secret) : "cut", name)
        }
        const expected: Record<string, string> = {
          "the same secret": idOf(secret),
          nobody: "refused",
          silence: "unreachable",
        }
        for (const [name, { outcome }] of Object.entries(dialed)) {
          assert.strictEqual(outcome, expected[name] ?? "unauthenticated", name)
        }
        assert.strictEqual(
          dialed["another secret"]?.message,
          `ADDRESS answered and does not accept the secret of this node (tried ${idOf(secret)}): ` +
            "compare with the ids in its log, and check that it is a node with a secret",
        )
        assert.strictEqual(
          dialed["a close at the first bytes"]?.message,
          "ADDRESS closed the connection at the first bytes of TLS: it has no secret, or no room for a connection",
        )
      }),
    60_000,
  )

  it.live(
    "has the same outcomes if the environment trusts more authorities and disables the checks of TLS",
    () =>
      Effect.gen(function* () {
        const here = yield* outcomes
        assert.deepStrictEqual(yield* inTrustfulProcess("secretOutcomes.ts"), here)
      }),
    60_000,
  )

  it.live("connects nodes whose rings have a key in common, in any order", () =>
    Effect.gen(function* () {
      const old = yield* Keyring.make(secret)
      const both = yield* Keyring.make([otherSecret, secret])
      const fresh = yield* Keyring.make(otherSecret)
      for (const [a, b, key] of [
        [old, both, secret],
        [both, old, secret],
        [both, fresh, otherSecret],
        [fresh, both, otherSecret],
        [both, both, otherSecret],
      ] as const) {
        const { acceptor, dialer } = yield* connected(a, b)
        assert.strictEqual(keyOf(acceptor), idOf(key))
        assert.strictEqual(keyOf(dialer), idOf(key))
      }
      const error = yield* Effect.flip(connected(fresh, old))
      assert.strictEqual(error.reason, "unauthenticated")
    }),
  )

  it.live("names all keys that it tried, and tries no other key where no answer came", () =>
    Effect.gen(function* () {
      const ring = yield* Keyring.make([otherSecret, secret])
      const third = yield* Keyring.make(Redacted.make("a third secret of the ring, long enough"))
      const refused = yield* Effect.flip(connected(third, ring))
      assert.include(refused.message, `(tried ${idOf(otherSecret)}, ${idOf(secret)})`)
      let connections = 0
      const { address } = yield* serve((raw) => {
        connections++
        raw.resume().once("data", () => raw.destroy())
      })
      const closed = yield* Effect.flip((yield* nodeOf(ring)).connect(address))
      assert.strictEqual(closed.reason, "unauthenticated")
      assert.strictEqual(connections, 1)
    }),
  )

  it.live("renews the connections of a key that is removed, and cuts them after the bound, and no others", () =>
    Effect.gen(function* () {
      const server = yield* Keyring.make([secret, otherSecret])
      const client = yield* Keyring.make(secret)
      const { acceptor, connect, dialer } = yield* connected(server, client, { withdrawWithin: 50 })
      yield* client.add(otherSecret)
      yield* client.use(idOf(otherSecret))
      const second = yield* connect
      assert.strictEqual(keyOf(second), idOf(otherSecret))
      yield* server.use(idOf(otherSecret))
      yield* server.remove(idOf(secret))
      yield* acceptor.renewal ?? Effect.die("no renewal")
      // It goes on until it is cut.
      yield* acceptor.write([Buffer.from("still here")])
      assert.strictEqual(String((yield* dialer.pull)[0]), "still here")
      assert.include(yield* Effect.flip(dialer.pull), { reason: "closed" })
      const error = yield* Effect.flip(acceptor.write([Buffer.from("x")]))
      assert.include(error, {
        reason: "closed",
        message: `the connection to 127.0.0.1 was lost: its key ${idOf(secret)} was removed from the ring`,
      })
      yield* second.write([Buffer.from("x")])
      yield* client.set([secret])
      assert.strictEqual((yield* Effect.flip(connect)).reason, "unauthenticated")
    }),
  )

  it.live("keeps a connection whose key is back before it is cut", () =>
    Effect.gen(function* () {
      const third = Redacted.make("a third secret of the ring, long enough")
      const server = yield* Keyring.make([secret, otherSecret, third])
      const client = yield* Keyring.make(secret)
      const { acceptor, connect, dialer } = yield* connected(server, client, { withdrawWithin: 300 })
      yield* client.set([third, secret])
      const last = yield* connect
      yield* server.set([otherSecret])
      yield* acceptor.renewal ?? Effect.die("no renewal")
      yield* server.set([otherSecret, secret])
      // The timers run in the order of the connections.
      assert.include(yield* Effect.flip(last.pull), { reason: "closed" })
      yield* acceptor.write([Buffer.from("still here")])
      assert.strictEqual(String((yield* dialer.pull)[0]), "still here")
    }),
  )

  it.live("renews a connection that is old, and goes on with it", () =>
    Effect.gen(function* () {
      const keys = yield* Keyring.make(secret)
      const { acceptor, dialer } = yield* connected(keys, keys, { renewAfter: 20 })
      yield* Effect.all([acceptor.renewal ?? Effect.never, dialer.renewal ?? Effect.never])
      yield* acceptor.write([Buffer.from("still here")])
      assert.strictEqual(String((yield* dialer.pull)[0]), "still here")
    }),
  )

  it.live("gives up a dial whose peer is silent in the handshake, and closes its socket", () =>
    Effect.gen(function* () {
      const { accepted, address } = yield* serve(() => {})
      const node = yield* nodeOf(secret, { connectTimeout: "100 millis" })
      const error = yield* Effect.flip(node.connect(address))
      assert.include(error, { reason: "unreachable", message: `${address} did not answer within 100ms` })
      const socket = yield* accepted
      socket.resume()
      yield* Effect.callback<void>((resume) => {
        if (socket.readableEnded) return resume(Effect.void)
        socket.once("end", () => resume(Effect.void))
      })
    }),
  )

  it.live("fails to listen in a runtime without pre-shared keys, and names the runtime", () =>
    Effect.gen(function* () {
      const { connect } = Tls
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          // TLS of such a runtime ignores the option.
          Tls.connect = (options: unknown) => connect({ ...(options as Tls.ConnectionOptions), pskCallback: undefined })
          syncBuiltinESMExports()
        }),
        () =>
          Effect.sync(() => {
            Tls.connect = connect
            syncBuiltinESMExports()
          }),
      )
      const error = yield* Effect.flip((yield* nodeOf()).listen)
      assert.strictEqual(error.reason, "listen")
      assert.strictEqual(
        error.message,
        `TLS of ${runtimeName()} has no pre-shared keys, which a secret needs: run the node with Node 22.22 or later`,
      )
    }),
  )

  it("names the runtime", () => {
    assert.strictEqual(runtimeName({ node: "24.0.0", openssl: "0.0.0", electron: "40.0.0" }), "electron 40.0.0")
    assert.strictEqual(runtimeName({ node: "24.0.0", openssl: "3.5.8" }), "Node 24.0.0 with OpenSSL 3.5.8")
  })
})
