/** The server of the admin service: its places, options and files. */
import * as World from "../../core/test/cluster/world.ts"
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import * as Cluster from "@coterie/core/Cluster"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as NodeChildProcess from "node:child_process"
import * as NodeFs from "node:fs"
import * as NodeHttps from "node:https"
import * as NodeNet from "node:net"
import * as NodeOs from "node:os"
import * as NodePath from "node:path"
import * as Support from "./support.ts"

const scenario = (title: string, body: (world: World.World) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.live(title, () => Effect.scoped(Effect.flatMap(World.tcp, body)))

const token = { role: "write", token: Redacted.make("write-0123456789abcdef") } as const

/** A folder that is removed when the scope closes. */
const folder = Effect.acquireRelease(
  Effect.sync(() => NodeFs.mkdtempSync(NodePath.join(NodeOs.tmpdir(), "coterie-admin-"))),
  (path) => Effect.sync(() => NodeFs.rmSync(path, { recursive: true })),
)

/** Starts the server of a node with a layer of this module. */
const start = (
  node: World.Node,
  layer: Layer.Layer<AdminNode.AdminServer, unknown, Admin.Admin | Cluster.Cluster>,
  environment: Readonly<Record<string, string>> = {},
) =>
  Effect.map(
    Layer.build(
      layer.pipe(
        Layer.provide(Admin.layer()),
        Layer.provide(Layer.succeed(Cluster.Cluster, node.cluster)),
        Layer.provide(Logger.layer([])),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...environment } }))),
      ),
    ),
    (context) => Context.get(context, AdminNode.AdminServer).url,
  )

const problem = (node: World.Node, options: AdminNode.Options) =>
  Effect.map(Effect.flip(Support.served(node, options)), (error) => `${error._tag}: ${error.message}`)

describe("the options of the server", () => {
  scenario("are refused with the reason", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const path = yield* folder
      const file = NodePath.join(path, "file")
      NodeFs.writeFileSync(file, "short")
      const server = NodeNet.createServer()
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close()),
      )
      const address = server.address()
      const used = typeof address === "object" && address !== null ? address.port : 0
      const cases: ReadonlyArray<readonly [AdminNode.Options, string]> = [
        [{ host: "0.0.0.0" }, 'option "tokens": are required, because http://0.0.0.0:'],
        [{ host: "::" }, "http://[::]:"],
        [{ host: "192.0.2.1" }, "are required"],
        [{ host: "some-name" }, "are required"],
        [{ tokens: [{ role: "read", token: Redacted.make("x".repeat(15)) }] }, "at least 16 characters"],
        [{ tokenFiles: [{ role: "read", path: file }] }, "at least 16 characters"],
        [{ tokenFiles: [{ role: "read", path: NodePath.join(path, "none") }] }, "cannot be read"],
        [{ allowedHosts: ["https://admin.example"] }, '"https://admin.example" is not a host name'],
        [{ allowedHosts: ["admin.example:80"] }, "is not a host name"],
        [{ port: -1 }, "from 0 to 65535"],
        [{ port: 65_536 }, "from 0 to 65535"],
        [{ port: used }, `ListenError: the admin service cannot listen at http://127.0.0.1:${used}: another process`],
        [{ host: "192.0.2.1", tokens: [token] }, "this machine does not have the address"],
        [{ socket: file }, "is a file and not a socket"],
        [{ socket: "x".repeat(108) }, "at most 107 bytes"],
        [{ socket: NodePath.join(path, "none", "socket") }, "/none/socket does not exist"],
        [{ socket: NodePath.join(path, "socket"), port: 1 }, "cannot be used together with host or port"],
        [{ socketMode: 0o600 }, "needs the option socket"],
      ]
      for (const [options, text] of cases) assert.include(yield* problem(a, options), text)
      assert.include(NodeFs.readFileSync(file, "utf8"), "short", "the file is still there")
    }),
  )

  scenario("of the service are refused with the reason", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      for (const options of [
        { deadline: "99 millis" },
        { deadline: "11 seconds" },
        { eventStreams: -1 },
        { keptEvents: 0 },
      ] as const) {
        assert.include(yield* Effect.flip(Support.admin(a, options)), { _tag: "OptionsError" })
      }
    }),
  )

  scenario("come from the environment, and given ones replace it", ({ node }) =>
    Effect.gen(function* () {
      const path = yield* folder
      const file = NodePath.join(path, "token")
      NodeFs.writeFileSync(file, "  from-a-file-0123456789\n")
      const environment = {
        COTERIE_ADMIN_PORT: "0",
        COTERIE_ADMIN_HOST: "",
        COTERIE_ADMIN_SOCKET: "",
        COTERIE_ADMIN_TOKEN: "",
        COTERIE_ADMIN_TOKEN_FILE: file,
        COTERIE_ADMIN_READ_TOKEN: "read-0123456789abcdef",
        COTERIE_ADMIN_ALLOWED_HOSTS: "one.example, two.example",
        COTERIE_ADMIN_OPEN_METRICS: "true",
        COTERIE_ADMIN_READ_ONLY: "true",
        COTERIE_ADMIN_DASHBOARD: "false",
      }
      const url = yield* start(yield* node("a"), AdminNode.layerFromEnv(), environment)
      const ask = (path: string, headers: Readonly<Record<string, string>>) =>
        Effect.map(Support.request(url, path, { headers }), ({ status }) => status)
      assert.strictEqual(yield* ask("/v1/self", {}), 401)
      const write = { authorization: "Bearer from-a-file-0123456789" }
      assert.strictEqual(yield* ask("/v1/self", { ...write, host: "two.example" }), 200)
      assert.strictEqual(yield* ask("/v1/self", { authorization: "Bearer read-0123456789abcdef" }), 200)
      assert.strictEqual(yield* ask("/metrics", {}), 200)
      assert.strictEqual(yield* ask("/", {}), 404)
      assert.strictEqual((yield* Support.request(url, "/v1/leave", { method: "POST", headers: write })).status, 403)

      const socket = NodePath.join(path, "socket")
      const given = AdminNode.layerFromEnv({ socket, tokens: [], openMetrics: false })
      assert.strictEqual(yield* start(yield* node("b"), given, environment), `unix:${socket}`)
      assert.strictEqual((yield* Support.request(`unix:${socket}`, "/v1/self")).status, 200)
      const bad = { COTERIE_ADMIN_PORT: "eighty" }
      assert.include(yield* Effect.flip(start(yield* node("c"), AdminNode.layerFromEnv(), bad)), {
        _tag: "ConfigError",
      })
    }),
  )

  scenario("come from the configuration of the program", ({ node }) =>
    Effect.gen(function* () {
      const layer = AdminNode.layerConfig({ port: Config.Int("PORT"), host: Config.succeed("127.0.0.1") })
      const url = yield* start(yield* node("a"), layer, { PORT: "0" })
      assert.strictEqual((yield* Support.request(url, "/health/live")).status, 200)
    }),
  )
})

describe("the server", () => {
  scenario("on a Unix socket admits the owner alone, and removes the file at its end", ({ node }) =>
    Effect.gen(function* () {
      const socket = NodePath.join(yield* folder, "socket")
      const { stop, url } = yield* Support.served(yield* node("a"), { socket })
      assert.strictEqual(url, `unix:${socket}`)
      assert.strictEqual(NodeFs.statSync(socket).mode & 0o777, 0o600)
      assert.strictEqual((yield* Support.request(url, "/v1/self")).status, 200)
      yield* stop
      assert.isFalse(NodeFs.existsSync(socket))
    }),
  )

  scenario("on a Unix socket has the mode of the option", ({ node }) =>
    Effect.gen(function* () {
      const socket = NodePath.join(yield* folder, "socket")
      yield* Support.served(yield* node("a"), { socket, socketMode: 0o660 })
      assert.strictEqual(NodeFs.statSync(socket).mode & 0o777, 0o660)
    }),
  )

  scenario("replaces the socket of a process that was killed, and not the socket of a running one", ({ node }) =>
    Effect.gen(function* () {
      const socket = NodePath.join(yield* folder, "socket")
      // The process ends without closing its server.
      const script = `require("node:net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`
      NodeChildProcess.spawnSync(process.execPath, ["-e", script])
      assert.isTrue(NodeFs.existsSync(socket))
      const { url } = yield* Support.served(yield* node("a"), { socket })
      assert.include(yield* problem(yield* node("b"), { socket }), "another process listens at")
      assert.strictEqual((yield* Support.request(url, "/v1/self")).status, 200)
    }),
  )

  scenario("beyond the loopback answers with a token", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"), { host: "0.0.0.0", tokens: [token] })
      assert.strictEqual((yield* Support.request(url, "/v1/self")).status, 401)
      assert.strictEqual((yield* Support.request(url, "/metrics")).status, 401)
      assert.strictEqual((yield* Support.request(url, "/health/live")).status, 200)
      const headers = { authorization: "Bearer write-0123456789abcdef" }
      assert.strictEqual((yield* Support.request(url, "/v1/self", { headers })).status, 200)
    }),
  )

  scenario("encrypts with a certificate", ({ node }) =>
    Effect.gen(function* () {
      const path = yield* folder
      const [keyFile, certificateFile] = [NodePath.join(path, "key"), NodePath.join(path, "certificate")]
      const made = NodeChildProcess.spawnSync("openssl", [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"],
        ...[
          "-subj",
          "/CN=localhost",
          "-addext",
          "subjectAltName=IP:127.0.0.1",
          "-keyout",
          keyFile,
          "-out",
          certificateFile,
        ],
      ])
      assert.strictEqual(made.status, 0, String(made.stderr))
      const certificate = NodeFs.readFileSync(certificateFile, "utf8")
      const key = Redacted.make(NodeFs.readFileSync(keyFile, "utf8"))
      const { url } = yield* Support.served(yield* node("a"), { tls: { certificate, key } })
      assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
      const status = yield* Effect.callback<number | undefined, Error>((resume) => {
        NodeHttps.get(`${url}/health/live`, { ca: certificate, agent: false }, (response) => {
          response.resume()
          resume(Effect.succeed(response.statusCode))
        }).on("error", (error) => resume(Effect.fail(error)))
      })
      assert.strictEqual(status, 200)
    }),
  )
})
