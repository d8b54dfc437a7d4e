/**
 * Transport and discovery from environment variables.
 */
import * as Address from "@coterie/core/Address"
import * as Discovery from "@coterie/core/Discovery"
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { Authority } from "./Authority.ts"
import { issue, trust } from "./certificateNodes.ts"

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

/** Connects a node of the layer to itself. Returns the identity that it proved. */
const identityOf = <E>(layer: Layer.Layer<Transport.Transport, E>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { connect, listen } = Context.get(yield* Layer.build(layer), Transport.Transport)
      const connection = yield* connect((yield* listen).addresses[0])
      return connection.identity?._tag
    }),
  )

/** Returns the lines that the transport logs when it listens, with their levels. */
const linesOf = <E>(layer: Layer.Layer<Transport.Transport, E>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${String(message)}`))
  return addressesOf(layer).pipe(Effect.as(lines), Effect.provide(Logger.layer([logger])))
}

/** Makes a file of secrets for the time of the scope. Returns its path. */
const fileOf = Effect.fnUntraced(function* (text: string) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-environment-"))),
    (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
  )
  const path = Path.join(folder, "secret")
  yield* Effect.promise(() => Fs.writeFile(path, text))
  return path
})

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
    const id = Result.getOrThrow(Keyring.idOf(Redacted.make(secret)))
    const place = { COTERIE_PORT: "0", COTERIE_HOST: "0.0.0.0", COTERIE_ADVERTISE: "127.0.0.1" }
    const identity = Effect.suspend(() => identityOf(NodeTransport.layerFromEnv()))

    it.live("encrypts, and may listen on every interface", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* identity, "Secret")
      }).pipe(withVariables({ ...place, COTERIE_SECRET: secret, COTERIE_INSECURE: "false" })),
    )

    it.live("takes the secret of a file", () =>
      Effect.gen(function* () {
        const path = yield* fileOf(secret)
        assert.strictEqual(yield* withVariables({ ...place, COTERIE_SECRET_FILE: path })(identity), "Secret")
      }),
    )

    it.live("takes a secret that is given, and does not read its variable", () =>
      Effect.gen(function* () {
        const layer = NodeTransport.layerFromEnv({ secret: Redacted.make(secret), renewAfter: "1 hour" })
        assert.strictEqual(yield* identityOf(layer), "Secret")
      }).pipe(withVariables({ ...place, COTERIE_SECRET: "changeme" })),
    )

    it.live("never falls back to TCP", () =>
      Effect.gen(function* () {
        const failure = (env: Record<string, string>, given?: NodeTransport.ConfigOptions) =>
          Effect.flip(
            withVariables({ ...place, COTERIE_INSECURE: "false", ...env })(
              identityOf(NodeTransport.layerFromEnv(given)),
            ),
          )
        assert.include(yield* failure({ COTERIE_SECRET: "changeme" }), { _tag: "KeyringError", reason: "short" })
        assert.include(yield* failure({ COTERIE_SECRET: "," }), { _tag: "KeyringError", reason: "empty" })
        assert.include(yield* failure({ COTERIE_SECRET_FILE: "/missing" }), {
          _tag: "KeyringError",
          reason: "unreadable",
        })
        for (const [env, given, parts] of [
          [{ COTERIE_INSECURE: "true" }, {}, ["COTERIE_SECRET is set", "COTERIE_INSECURE allows plain TCP"]],
          [{}, { insecure: true }, ["COTERIE_SECRET is set", 'the option "insecure" allows plain TCP']],
          [{ COTERIE_SECRET_FILE: "/secrets" }, {}, ["COTERIE_SECRET and COTERIE_SECRET_FILE are both set"]],
          [{}, { secretFile: "/secrets" }, ['COTERIE_SECRET and the option "secretFile" are both set']],
          [{ COTERIE_TLS_KEY_FILE: "/key" }, {}, ["COTERIE_SECRET and COTERIE_TLS_KEY_FILE are both set"]],
        ] as const) {
          const error = yield* failure({ COTERIE_SECRET: secret, ...env }, given)
          assert.strictEqual(error._tag, "ConfigError")
          for (const part of parts) assert.include(error.message, part)
          assert.notInclude(error.message, secret)
        }
      }),
    )

    it.live("logs the id of the secret", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* linesOf(NodeTransport.layerFromEnv()), [
          `Info transport: TLS 1.3; keyring: this node accepts ${id} (dials)`,
        ])
      }).pipe(withVariables({ ...place, COTERIE_SECRET: secret })),
    )

    it.live("logs for plain TCP who can connect", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* linesOf(NodeTransport.layerFromEnv({ port: 0, host: "127.0.0.1" })), [
          "Info transport: plain TCP, not encrypted; only processes on this machine can connect",
        ])
        assert.deepStrictEqual(yield* linesOf(NodeTransport.layerFromEnv({ insecure: true })), [
          "Warn transport: plain TCP, not encrypted; every process that reaches the port can join the cluster",
        ])
      }).pipe(withVariables(place)),
    )

    it.live("is in a variable of the application", () =>
      Effect.gen(function* () {
        const port = Config.succeed(0)
        const secrets = Config.Array(Schema.Redacted(Schema.String), "SHOP_SECRETS")
        const path = Config.succeed(yield* fileOf(secret))
        for (const layer of [
          NodeTransport.layerConfig({ port, secret: Config.Redacted("SHOP_SECRET") }),
          NodeTransport.layerConfig({ port, secret: secrets }),
          NodeTransport.layerConfig({ port, secretFile: path }),
        ]) {
          assert.strictEqual(yield* identityOf(layer), "Secret")
        }
        const none = NodeTransport.layerConfig({ port, secret: Config.Redacted("MISSING") })
        assert.include(yield* messageOf(identityOf(none)), "MISSING")
        const insecure = NodeTransport.layerConfig({ port, secretFile: path, insecure: Config.succeed(true) })
        assert.include(yield* messageOf(identityOf(insecure)), 'the option "secretFile" is set')
        const empty = NodeTransport.layerConfig({ port, secret: Config.succeed([]) })
        assert.include(yield* Effect.flip(identityOf(empty)), { _tag: "KeyringError", reason: "empty" })
      }).pipe(
        withVariables({
          SHOP_SECRET: secret,
          SHOP_SECRETS: `${secret},the second secret of the cluster`,
          COTERIE_SECRET: "changeme",
        }),
      ),
    )
  })

  describe("with certificates", () => {
    /** Makes the files of a node. Returns their variables. */
    const files = Effect.gen(function* () {
      const authority = Authority.root()
      const own = issue(authority)
      return {
        COTERIE_TLS_CERT_FILE: yield* fileOf(own.certificate),
        COTERIE_TLS_KEY_FILE: yield* fileOf(own.key),
        COTERIE_TLS_CA_FILE: yield* fileOf(authority.certificate),
        COTERIE_TLS_TRUST: `x.example, ${trust[0]}`,
      }
    })
    const place = { COTERIE_PORT: "0", COTERIE_HOST: "0.0.0.0", COTERIE_ADVERTISE: "127.0.0.1" }
    const fromEnv = Effect.suspend(() => identityOf(NodeTransport.layerFromEnv()))

    it.live("encrypts, and may listen on every interface", () =>
      Effect.gen(function* () {
        const variables = { ...place, ...(yield* files) }
        assert.strictEqual(yield* withVariables(variables)(fromEnv), "Certificate")
        const [line] = yield* withVariables(variables)(linesOf(NodeTransport.layerFromEnv()))
        assert.match(line ?? "", /^Info transport: TLS 1.3; certificates: this node has /)
      }),
    )

    it.live("takes the paths of variables of the application", () =>
      Effect.gen(function* () {
        const layer = NodeTransport.layerConfig({
          port: Config.succeed(0),
          certificateFile: Config.String("COTERIE_TLS_CERT_FILE"),
          keyFile: Config.String("COTERIE_TLS_KEY_FILE"),
          authoritiesFile: Config.String("COTERIE_TLS_CA_FILE"),
          trust: Config.succeed(trust),
        })
        assert.strictEqual(yield* withVariables(yield* files)(identityOf(layer)), "Certificate")
      }),
    )

    it.live("needs all of them, and never falls back to TCP", () =>
      Effect.gen(function* () {
        const all: Record<string, string> = { ...place, ...(yield* files) }
        const failure = (env: Record<string, string>) => Effect.flip(withVariables({ ...all, ...env })(fromEnv))
        for (const variable of ["CERT_FILE", "KEY_FILE", "CA_FILE", "TRUST"].map((end) => `COTERIE_TLS_${end}`)) {
          const error = yield* failure({ [variable]: "" })
          assert.strictEqual(error._tag, "ConfigError")
          assert.include(error.message, variable)
        }
        const insecure = yield* failure({ COTERIE_INSECURE: "true" })
        assert.include(insecure.message, "COTERIE_TLS_CERT_FILE is set, and COTERIE_INSECURE allows plain TCP")
        assert.include(yield* failure({ COTERIE_TLS_KEY_FILE: "/missing" }), {
          _tag: "CertificatesError",
          reason: "unreadable",
        })
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
      assert.strictEqual(
        yield* identityOf(NodeTransport.layerConfig(Config.succeed({ port: 0 }))),
        undefined,
        "a connection without a secret proves nothing",
      )
    }).pipe(withVariables({ PUBLIC_HOST: "a.example", COTERIE_SECRET: "changeme" })),
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
