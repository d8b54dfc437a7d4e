/**
 * Transport and discovery from environment variables.
 */
import * as Address from "@coterie/core/Address"
import * as Discovery from "@coterie/core/Discovery"
import * as Transport from "@coterie/core/Transport"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

/** Provides the variables as the configuration. */
const withVariables = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** Returns the addresses of a listener of the transport. */
const addressesOf = <E>(layer: Layer.Layer<Transport.Transport, E>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { listen } = Context.get(yield* Layer.build(layer), Transport.Transport)
      return (yield* listen).addresses.map((address) => address.replace(/:\d{5}$/, ":ANY"))
    }),
  )

/** Returns the message of the error with which the effect fails. */
const messageOf = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

describe("the transport from the environment", () => {
  it.live("listens and advertises according to the variables", () =>
    Effect.gen(function* () {
      const addresses = yield* addressesOf(NodeTransport.layerFromEnv())
      assert.deepStrictEqual(addresses, ["public.example:80", "10.0.0.1:ANY"])
    }).pipe(
      withVariables({
        COTERIE_HOST: "0.0.0.0",
        COTERIE_PORT: "0",
        COTERIE_ADVERTISE: " public.example:80, ,10.0.0.1,",
        COTERIE_INSECURE: "true",
      }),
    ),
  )

  it.live("keeps the defaults of variables that are not set or empty: the loopback, which needs no `insecure`", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* addressesOf(NodeTransport.layerFromEnv()), ["127.0.0.1:ANY"])
    }).pipe(withVariables({ COTERIE_PORT: "0", COTERIE_HOST: "" })),
  )

  it.live("does not read the variables of options that are given", () =>
    Effect.gen(function* () {
      const layer = NodeTransport.layerFromEnv({
        port: 0,
        insecure: false,
        advertise: "a.example:1",
        host: "127.0.0.1",
      })
      assert.deepStrictEqual(yield* addressesOf(layer), ["a.example:1"])
    }).pipe(
      withVariables({
        COTERIE_PORT: "x",
        COTERIE_INSECURE: "maybe",
        COTERIE_ADVERTISE: "b.example",
        COTERIE_HOST: "192.0.2.1",
      }),
    ),
  )

  for (const [variable, value] of [
    ["COTERIE_PORT", "70000"],
    ["COTERIE_PORT", "x"],
    ["COTERIE_INSECURE", "maybe"],
  ] as const) {
    it.live(`names ${variable} in the error of the value "${value}"`, () =>
      Effect.gen(function* () {
        assert.include(yield* messageOf(addressesOf(NodeTransport.layerFromEnv())), variable)
      }).pipe(withVariables({ [variable]: value })),
    )
  }

  describe("with a secret", () => {
    const secret = "00112233445566778899aabbccddeeff"
    const place = { COTERIE_PORT: "0", COTERIE_HOST: "0.0.0.0", COTERIE_ADVERTISE: "127.0.0.1" }

    /** Connects a node of the environment to itself. Returns the identity that it proved. */
    const identity = Effect.gen(function* () {
      const context = yield* Layer.build(NodeTransport.layerFromEnv())
      const { connect, listen } = Context.get(context, Transport.Transport)
      const connection = yield* connect((yield* listen).addresses[0])
      return connection.identity?._tag
    }).pipe(Effect.scoped)

    it.live("encrypts, and may listen on every interface", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* identity, "Secret")
      }).pipe(withVariables({ ...place, COTERIE_SECRET: secret, COTERIE_INSECURE: "false" })),
    )

    it.live("takes the secret of a file", () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-environment-"))),
          (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
        )
        const path = Path.join(folder, "secret")
        yield* Effect.promise(() => Fs.writeFile(path, secret))
        assert.strictEqual(yield* withVariables({ ...place, COTERIE_SECRET_FILE: path })(identity), "Secret")
      }),
    )

    it.live("never falls back to TCP", () =>
      Effect.gen(function* () {
        const failure = (env: Record<string, string>) =>
          Effect.flip(withVariables({ ...place, COTERIE_INSECURE: "false", ...env })(identity))
        assert.include(yield* failure({ COTERIE_SECRET: "changeme" }), { _tag: "KeyringError", reason: "short" })
        assert.include(yield* failure({ COTERIE_SECRET_FILE: "/missing" }), {
          _tag: "KeyringError",
          reason: "unreadable",
        })
        const both = yield* failure({ COTERIE_SECRET: secret, COTERIE_INSECURE: "true" })
        assert.strictEqual(both._tag, "ConfigError")
        assert.include(both.message, "COTERIE_INSECURE")
        assert.notInclude(both.message, secret)
      }),
    )
  })

  it.live("reads variables with other names", () =>
    Effect.gen(function* () {
      const layer = NodeTransport.layerConfig({
        port: Config.succeed(0),
        advertise: Config.map(Config.String("PUBLIC_HOST"), (host) => `${host}:1`),
      })
      assert.deepStrictEqual(yield* addressesOf(layer), ["a.example:1"])
    }).pipe(withVariables({ PUBLIC_HOST: "a.example" })),
  )
})

describe("the discovery from the environment", () => {
  /** Texts of the queries. */
  const asked: Array<string> = []
  const resolver: NodeDiscovery.Resolver = {
    a: (name) => Effect.sync(() => (asked.push(`A ${name}`), ["10.0.0.1"])),
    aaaa: () => Effect.succeed([]),
    srv: (name) =>
      Effect.sync(() => (asked.push(`SRV ${name}`), [{ target: "peer.example", port: 7, priority: 0, weight: 0 }])),
  }

  /** Returns the first set of addresses that is not empty. */
  const firstSet = Effect.gen(function* () {
    const context = yield* Layer.build(NodeDiscovery.layerFromEnv({ resolver }))
    const { addresses } = Context.get(context, Discovery.Discovery)
    return yield* Stream.runCollect(
      Stream.take(
        Stream.filter(addresses, (set) => set.length > 0),
        1,
      ),
    )
  }).pipe(Effect.scoped)

  for (const [source, query, address] of [
    ["dns:Peers.example", "A peers.example", `10.0.0.1:${Address.defaultPort}`],
    ["dns:peers.example:7000", "A peers.example", "10.0.0.1:7000"],
    ["srv:_coterie._tcp.example", "SRV _coterie._tcp.example", "peer.example:7"],
  ] as const) {
    it.live(`queries DNS for ${source}`, () =>
      Effect.gen(function* () {
        asked.length = 0
        assert.deepStrictEqual(yield* firstSet, [[address]])
        assert.include(asked, query)
      }).pipe(withVariables({ COTERIE_DISCOVERY: source })),
    )
  }

  it.live("reads a file", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-environment-"))),
        (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
      )
      const path = Path.join(folder, "peers: all")
      yield* Effect.promise(() => Fs.writeFile(path, "a:1\n"))
      assert.deepStrictEqual(yield* firstSet.pipe(withVariables({ COTERIE_DISCOVERY: `file:${path}` })), [["a:1"]])
    }).pipe(Effect.scoped),
  )

  it.live("finds nothing without the variable", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* firstSet, [])
    }).pipe(withVariables({})),
  )

  for (const source of ["peers.example", "dns:", "dns:a b", "dns:a:0", "srv:", "srv:a.example:1", "file:", "x:y"]) {
    it.live(`names the variable in the error of the value "${source}"`, () =>
      Effect.gen(function* () {
        assert.include(yield* messageOf(firstSet), "COTERIE_DISCOVERY")
      }).pipe(withVariables({ COTERIE_DISCOVERY: source })),
    )
  }
})
