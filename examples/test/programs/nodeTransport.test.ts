/** Runs the programs of packages/node-transport/AGENTS.md. */
import { Cluster, Address } from "@coterie/core"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Stream } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Authority } from "../../../packages/node-transport/test/Authority.ts"
import * as Certificates from "../../programs/certificates.ts"
import * as Config from "../../programs/config.ts"
import * as File from "../../programs/file.ts"
import * as Networks from "../../programs/networks.ts"
import * as Secret from "../../programs/secret.ts"
import * as Srv from "../../programs/srv.ts"

/** Time for a link on a busy machine. */
const within = "20 seconds"

const start = <E>(layer: Layer.Layer<Cluster.Cluster, E>) =>
  Effect.map(Layer.build(layer), Context.get(Cluster.Cluster))

/** Waits until a node lists a peer. */
const lists = ({ views }: Cluster.Cluster["Service"], name: string) =>
  views.pipe(
    Stream.filter(({ peers }) => peers.has(name)),
    Stream.runHead,
    Effect.timeout(within),
  )

/** Returns the first address of a node. */
const addressOf = ({ self }: Cluster.Cluster["Service"]) =>
  Effect.map(self, ({ addresses: [address] }) => address ?? assert.fail("a node has no address"))

describe("the programs of AGENTS.md of node-transport", () => {
  it.live("srv.ts finds a peer by an SRV record", () =>
    Effect.gen(function* () {
      const nothing = Effect.succeed([])
      const resolver = { a: () => nothing, aaaa: () => nothing, srv: () => nothing }
      const ann = yield* start(Srv.layer({ name: "ann", port: 0, resolver }))
      const port = Address.port(yield* addressOf(ann))
      const asked: Array<string> = []
      const srv = (name: string) =>
        Effect.sync(() => {
          asked.push(name)
          return [{ target: "127.0.0.1", port, priority: 0, weight: 0 }]
        })
      const bob = yield* start(Srv.layer({ name: "bob", port: 0, resolver: { ...resolver, srv } }))
      yield* lists(bob, "ann")
      yield* lists(ann, "bob")
      assert.deepStrictEqual([...new Set(asked)], ["_coterie._tcp.shop.internal"])
    }).pipe(Effect.scoped),
  )

  it.live("file.ts finds a peer whose address is written to the file later", () =>
    Effect.gen(function* () {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-peers-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(folder, { recursive: true })))
      const file = path.join(folder, "peers")
      fs.writeFileSync(file, "")
      const ann = yield* start(File.layer("ann", file))
      const bob = yield* start(File.layer("bob", file))
      fs.writeFileSync(file, `${yield* addressOf(ann)} # ann\n`)
      yield* lists(bob, "ann")
    }).pipe(Effect.scoped),
  )

  it.live("config.ts takes its options from variables, and names one that is missing", () =>
    Effect.gen(function* () {
      const env = { POD_IP: "127.0.0.1", CLUSTER_PORT: "0", SHOP_SECRET: "the secret of the shop of a test" }
      const provide = (env: Record<string, string>) =>
        Layer.provide(Config.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
      const error = yield* Effect.flip(start(provide(env)))
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(String(error), "POD_NAME")
      const ann = yield* start(provide({ ...env, POD_NAME: "ann" }))
      assert.include(yield* ann.self, { name: "ann" })
    }).pipe(Effect.scoped),
  )

  it.live("secret.ts links nodes with a secret in common, and reports a node without one as unauthenticated", () =>
    Effect.gen(function* () {
      const nothing = Effect.succeed([])
      const resolver = { a: () => nothing, aaaa: () => nothing, srv: () => nothing }
      const node = (name: string, secrets: string) =>
        start(
          Layer.provide(
            Secret.layer(name, { port: 0, resolver }),
            ConfigProvider.layer(ConfigProvider.fromEnv({ env: { COTERIE_SECRET: secrets } })),
          ),
        )
      const secret = (name: string) => `the ${name} secret of the cluster of a test`
      const ann = yield* node("ann", secret("old"))
      const bob = yield* node("bob", `${secret("new")},${secret("old")}`)
      const eve = yield* node("eve", secret("other"))
      const address = yield* addressOf(ann)
      yield* bob.join(address)
      yield* lists(ann, "bob")
      yield* Effect.forkScoped(Effect.ignore(eve.join(address)))
      const unavailable = yield* eve.events.pipe(
        Stream.filter((event) => event._tag === "SeedUnavailable" && event.reason === "unauthenticated"),
        Stream.runHead,
        Effect.timeout(within),
      )
      assert.isDefined(unavailable)
    }).pipe(Effect.scoped),
  )

  it.live("networks.ts dials no address of another network", () =>
    Effect.gen(function* () {
      const nothing = Effect.succeed([])
      const resolver = { a: () => nothing, aaaa: () => nothing, srv: () => nothing }
      const ann = yield* start(
        Layer.provide(
          Networks.layer("ann", { port: 0, resolver }),
          ConfigProvider.layer(
            ConfigProvider.fromEnv({ env: { COTERIE_SECRET: "the secret of the cluster of a test" } }),
          ),
        ),
      )
      yield* Effect.forkScoped(Effect.ignore(ann.join("127.0.0.1:1")))
      const unavailable = yield* ann.events.pipe(
        Stream.filter((event) => event._tag === "SeedUnavailable" && event.reason === "forbidden"),
        Stream.runHead,
        Effect.timeout(within),
      )
      assert.isDefined(unavailable)
    }).pipe(Effect.scoped),
  )

  it.live("certificates.ts links nodes under the names of their certificates, and no others", () =>
    Effect.gen(function* () {
      const nothing = Effect.succeed([])
      const resolver = { a: () => nothing, aaaa: () => nothing, srv: () => nothing }
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-certificates-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(folder, { recursive: true })))
      const authority = Authority.root()
      const node = (name: string, certificateOf = name) => {
        const { certificate, key } = authority.issue({ names: [`URI:spiffe://example.org/shop/${certificateOf}`] })
        const write = (file: string, text: string) => {
          const place = path.join(folder, `${name}.${file}`)
          fs.writeFileSync(place, text)
          return place
        }
        const env = {
          COTERIE_TLS_CERT_FILE: write("crt", certificate),
          COTERIE_TLS_KEY_FILE: write("key", key),
          COTERIE_TLS_CA_FILE: write("ca", authority.certificate),
        }
        return start(
          Layer.provide(
            Certificates.layer(name, { port: 0, resolver }),
            ConfigProvider.layer(ConfigProvider.fromEnv({ env })),
          ),
        )
      }
      const ann = yield* node("ann")
      const bob = yield* node("bob")
      const liar = yield* node("carl", "bob")
      const address = yield* addressOf(ann)
      yield* bob.join(address)
      yield* lists(ann, "bob")
      assert.strictEqual((yield* Effect.flip(liar.join(address))).reason._tag, "Denied")
    }).pipe(Effect.scoped),
  )
})
