/** A cluster under load moves from plain TCP to a secret, by rolling restarts on real sockets. */
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Members } from "./Members.ts"
import { start as startNode, OpenKeys, until } from "./secretCluster.ts"
import { secret } from "./secretOutcomes.ts"

const names = ["a", "b", "c", "d", "e"]

/** Settings of a node in the order of the migration. */
type Phase = "plain" | "listen" | "dial" | "closed"

const makeMembers = (open: OpenKeys) =>
  new Members(5, (name, seeds, phase: Phase) =>
    startNode({
      name,
      seeds,
      open,
      secrets: [secret],
      plain: phase === "plain",
      transport: phase === "listen" || phase === "dial" ? { insecureMigration: phase } : {},
    }),
  )

describe("a cluster that moves from plain TCP to a secret", () => {
  it.live(
    "by three rolling restarts under load loses, repeats and reorders no message, and has no plain link before the last one",
    () =>
      Effect.gen(function* () {
        const open = new OpenKeys()
        const members = makeMembers(open)
        for (const name of names) yield* members.join(name, "plain")
        assert.strictEqual(open.plain, 20)
        for (const name of names) yield* members.restart(name, "listen")
        yield* until(() => open.plain === 20)
        assert.strictEqual(open.count(secret), 0)
        for (const name of ["c", "a", "e", "b", "d"]) yield* members.restart(name, "dial")
        yield* until(() => open.plain === 0 && open.count(secret) === 20)
        for (const name of names) yield* members.restart(name, "closed")
        yield* until(() => open.plain === 0 && open.count(secret) === 20)
        yield* members.traffic.stop
        for (const { disorders, from, gaps, to } of members.traffic.flows) {
          assert.deepStrictEqual({ from, to, disorders, gaps }, { from, to, disorders: [], gaps: 0 })
        }
        const alarms = members.events.filter((event) => !/ (Joined|Left|Reachable|Unreachable) [a-e]$/.test(event))
        assert.deepStrictEqual(alarms, [])
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
    120_000,
  )
})

const pair = Effect.fnUntraced(function* (
  server: NodeTransport.SecretOptions,
  dialer: NodeTransport.SecretOptions | "plain",
) {
  const withSecret = (options: NodeTransport.SecretOptions) =>
    NodeTransport.layerSecret({ port: 0, ...options }).pipe(Layer.provide(Layer.orDie(Keyring.layer(secret))))
  const build = (layer: Layer.Layer<Transport.Transport>) =>
    Effect.map(Layer.build(layer), Context.get(Transport.Transport))
  const listening = yield* build(withSecret(server))
  const dialing = yield* build(dialer === "plain" ? NodeTransport.layerTcp({ port: 0 }) : withSecret(dialer))
  const { addresses, run } = yield* listening.listen
  const identities: Array<string | undefined> = []
  yield* Effect.forkScoped(
    run((connection) =>
      Effect.gen(function* () {
        identities.push(connection.identity?._tag)
        yield* Effect.ignore(connection.write(yield* connection.pull))
        return yield* Effect.never
      }).pipe(Effect.orDie),
    ),
  )
  const echo = Effect.gen(function* () {
    const connection = yield* dialing.connect(addresses[0])
    yield* connection.write([frame])
    const [bytes] = yield* connection.pull
    return { bytes: [...bytes], identity: connection.identity?._tag }
  })
  return { echo, identities }
})

/** A frame of plain Coterie begins with a length below 16 KiB. */
const frame = Uint8Array.of(0, 0, 0, 1, 9)

describe("a node in the migration", () => {
  for (const insecureMigration of ["listen", "dial"] as const) {
    it.live(`that has "${insecureMigration}" takes plain TCP and TLS on one port`, () =>
      Effect.gen(function* () {
        const plain = yield* pair({ insecureMigration }, "plain")
        assert.deepStrictEqual(yield* plain.echo, { bytes: [...frame], identity: undefined })
        assert.deepStrictEqual(plain.identities, [undefined])
        const tls = yield* pair({ insecureMigration }, {})
        assert.deepStrictEqual(yield* tls.echo, { bytes: [...frame], identity: "Secret" })
        assert.deepStrictEqual(tls.identities, ["Secret"])
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
    )
  }

  it.live(`dials plain TCP with "listen", and TLS with "dial"`, () =>
    Effect.gen(function* () {
      const listens = yield* pair({ insecureMigration: "dial" }, { insecureMigration: "listen" })
      assert.strictEqual((yield* listens.echo).identity, undefined)
      const dials = yield* pair({}, { insecureMigration: "dial" })
      assert.strictEqual((yield* dials.echo).identity, "Secret")
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
  )

  it.live("takes no plain TCP after the last step, and never falls back to it", () =>
    Effect.gen(function* () {
      const closed = yield* pair({}, "plain")
      assert.strictEqual((yield* Effect.flip(closed.echo))._tag, "TransportError")
      assert.deepStrictEqual(closed.identities, [])
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
  )

  it.live("refuses what is neither TLS nor a frame, and warns at its start", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { identities } = yield* pair({ insecureMigration: "dial" }, "plain")
      assert.deepStrictEqual(identities, [])
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("insecureMigration")),
        [
          '"insecureMigration" is "dial": this node takes TLS and plain TCP, and dials TLS; every process that reaches the port and knows the name of the cluster can join',
        ],
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])),
    )
  })
})
