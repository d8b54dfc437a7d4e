/** Processes with the variables of the StatefulSet, of Compose and of the systemd unit form one cluster. */
import { Report } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import { Discovery } from "@coterie/core"
import { NodeDiscovery } from "@coterie/node-transport"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option, Schedule, Schema, Stream } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Child from "../../support/Child.ts"
import * as DeployFiles from "./DeployFiles.ts"

const token = "0123456789abcdef0123456789abcdef"

interface Answer {
  readonly status: number
  readonly text: string
}

/** Asks the admin service of a node, at a port of this machine or at a Unix socket. */
const ask = (
  at: Http.RequestOptions,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method: "GET" | "POST" = "GET",
) =>
  Effect.callback<Answer, Error>((resume) => {
    const fail = (error: Error) => resume(Effect.fail(error))
    const request = Http.request({ host: "127.0.0.1", ...at, method, path, headers, agent: false }, (response) => {
      const chunks: Array<string> = []
      response.setEncoding("utf8")
      response.on("error", fail)
      response.on("data", (chunk: string) => chunks.push(chunk))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, text: chunks.join("") })))
    })
    request.on("error", fail)
    request.end()
    return Effect.sync(() => request.destroy())
  })

/** Repeats a question until its answer satisfies a condition. */
const until = <E>(question: Effect.Effect<Answer, E>, holds: (answer: Answer) => boolean) =>
  question.pipe(
    Effect.flatMap((answer) => (holds(answer) ? Effect.succeed(answer) : Effect.fail(answer))),
    Effect.retry(Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(300)])),
  )

const sentenceOf = ({ text }: Answer): string | undefined =>
  Option.getOrUndefined(
    Option.map(
      Schema.decodeUnknownOption(Schema.fromJsonString(Report.ClusterReport))(text),
      ({ verdict }) => verdict.sentence,
    ),
  )

/** Makes a folder with the files of the secret and of the token. */
const secretFiles = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "coterie-deploy-"))
    Fs.writeFileSync(Path.join(folder, "coterie-secret"), `${token}\n`)
    Fs.writeFileSync(Path.join(folder, "admin-token"), `${token}\n`)
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
)

/** Starts the program. Returns its address and the place of its admin service. */
const start = Effect.fnUntraced(function* (variables: DeployFiles.Variables) {
  const name = variables["COTERIE_NAME"] ?? ""
  const child = yield* Child.spawn(name, Path.join(DeployFiles.folder, "main.ts"), [], variables)
  const find = (what: string, pattern: RegExp) =>
    child.expect(what, (line) => pattern.exec(line)?.[1], { within: "60 seconds" })
  return {
    child,
    address: yield* find(
      "where it is a peer",
      new RegExp(`this node is "${name}" in the cluster "shop", at ([\\d.:]+);`),
    ),
    admin: yield* find("where it serves its admin service", /admin: listens at (?:http:\/\/[\d.]+:|unix:)(\S+)/),
  }
})

const pod = { "metadata.name": "shop-0", "metadata.namespace": "default", "status.podIP": "127.0.0.1" }

/** Settings for several nodes on the loopback: free ports, and the files of a test. */
const here = (folder: string, discovery: string) => ({
  COTERIE_PORT: "0",
  COTERIE_ADVERTISE: "127.0.0.1",
  COTERIE_DISCOVERY: discovery,
  COTERIE_SECRET_FILE: Path.join(folder, "coterie-secret"),
})

/** Processes start slowly on a busy machine. Each wait has a shorter timeout, whose error names the expectation. */
const testTimeout = 180_000

describe("the program of the deployment files", () => {
  it.live(
    "forms one cluster with the variables of the files, answers the probes, and ends on SIGTERM",
    () =>
      Effect.gen(function* () {
        const folder = yield* secretFiles
        const tokenFile = { COTERIE_ADMIN_PORT: "0", COTERIE_ADMIN_TOKEN_FILE: Path.join(folder, "admin-token") }
        const a = yield* start({ ...DeployFiles.variablesOfPod(pod), ...here(folder, ""), ...tokenFile })
        const discovery = `dns:localhost:${a.address.split(":")[1]}`
        const compose = Schema.decodeUnknownSync(DeployFiles.Compose)(DeployFiles.composeValue())
        const b = yield* start({
          ...compose.services["shop-1"]?.environment,
          ...here(folder, discovery),
          ...tokenFile,
        })
        const unit = DeployFiles.variablesOfUnit({ "%i": "shop-2", "%d": folder, "%t": folder })
        // systemd makes the runtime directory.
        Fs.mkdirSync(Path.dirname(unit["COTERIE_ADMIN_SOCKET"] ?? ""))
        const c = yield* start({ ...unit, COTERIE_PORT: "0", COTERIE_SEEDS: a.address })

        const bearer = { authorization: `Bearer ${token}` }
        const ofA = { port: a.admin }
        const whole = (answer: Answer) => sentenceOf(answer) === "one cluster of 3; every pair has a link"
        yield* until(ask(ofA, "/v1/cluster", bearer), whole)
        yield* until(ask({ port: b.admin }, "/v1/cluster", bearer), whole)
        yield* until(ask({ socketPath: c.admin }, "/v1/cluster"), whole)
        assert.strictEqual((yield* ask(ofA, "/v1/cluster")).status, 401)

        const { livenessProbe, readinessProbe, startupProbe } = DeployFiles.container
        for (const { httpGet } of [livenessProbe, readinessProbe, startupProbe]) {
          assert.strictEqual((yield* ask(ofA, httpGet.path)).status, 200, httpGet.path)
        }
        const [, check = ""] = /"-e", "(.*)"\]/.exec(DeployFiles.read("Dockerfile")) ?? []
        const health = check.replace(`:${AdminNode.defaultPort}`, `:${a.admin}`)
        assert.notStrictEqual(health, check)
        const checking = yield* Child.spawnCommand("check", process.execPath, ["-e", health])
        assert.strictEqual(yield* checking.ended, 0)

        // The pods show their metrics without a token, and the nodes of Compose do not.
        const metrics = yield* ask(ofA, "/metrics")
        assert.match(metrics.text, /^coterie_link_identities\{.*identity="secret"\} 2$/m)
        assert.strictEqual((yield* ask({ port: b.admin }, "/metrics")).status, 401)

        // A node that an operator lets leave ends without an error, so that `on-failure` does not start it again.
        assert.strictEqual((yield* ask({ socketPath: c.admin }, "/v1/leave", {}, "POST")).status, 202)
        assert.strictEqual(yield* c.child.ended, 0)
        const [, code = ""] = /^SuccessExitStatus=(\d+)$/m.exec(DeployFiles.read("shop@.service")) ?? []
        assert.strictEqual(yield* a.child.signal("SIGTERM"), Number(code))
        yield* until(
          ask({ port: b.admin }, "/v1/cluster", bearer),
          (answer) => sentenceOf(answer) === "one node, alone",
        )
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )

  it.live("looks up the headless service and the alias of Compose as absolute names", () =>
    Effect.gen(function* () {
      const compose = Schema.decodeUnknownSync(DeployFiles.Compose)(DeployFiles.composeValue())
      const found: Array<string> = []
      for (const variables of [DeployFiles.variablesOfPod(pod), compose.services["shop-1"]?.environment ?? {}]) {
        const resolver: NodeDiscovery.Resolver = {
          a: (name) =>
            Effect.sync(() => {
              found.push(name)
              return ["10.0.0.1"]
            }),
          aaaa: () => Effect.succeed([]),
          srv: () => Effect.die("no service is looked up"),
        }
        const addresses = yield* Effect.flatMap(Discovery.Discovery, ({ addresses }) => Stream.runHead(addresses)).pipe(
          Effect.provide(NodeDiscovery.layerFromEnv({ resolver })),
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...variables } })),
        )
        assert.deepStrictEqual(addresses, Option.some(["10.0.0.1:24868"]))
      }
      const { serviceName } = DeployFiles.statefulSet.spec
      assert.deepStrictEqual(found, [`${serviceName}.default.svc.cluster.local.`, "shop-peers."])
    }),
  )
})
