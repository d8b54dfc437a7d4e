/**
 * `coterie doctor` against nodes on real sockets with one fault each. A run that finds nothing and a run that dials with a
 * secret are processes of their own, which end by themselves with the exit code.
 */
import * as World from "../../../core/test/cluster/world.ts"
import { CommandOutput } from "@coterie/admin"
import * as Cluster from "@coterie/core/Cluster"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as NodeHttp from "node:http"
import type { AddressInfo } from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as Support from "../support.ts"
import { coterie, type Ended, inProcess, served } from "./command.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Doctor))

/** Runs the doctor, in this process by default. Returns its findings that are not fine with their checks. */
const doctor = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  run: (args: ReadonlyArray<string>) => Effect.Effect<Ended> = inProcess,
) {
  const ended = yield* run(["doctor", "--json", ...args])
  assert.strictEqual(ended.err, "", ended.out)
  const document = decode(ended.out)
  // The load of the machine of the tests is none of their subjects.
  const problems = document.findings.filter(
    ({ check, level }) => (level === "warn" || level === "fail") && check !== "load",
  )
  return { ...document, ended, problems, code: ended.code }
})

type Diagnosis = Effect.Success<ReturnType<typeof doctor>>

/** Returns the problem of a check, which must be the only one of the check. */
const problemOf = ({ ended, problems }: Diagnosis, check: string) => {
  const [found, ...others] = problems.filter((each) => each.check === check)
  if (found === undefined || others.length > 0) return assert.fail(`${check}: ${ended.out}`)
  return { level: found.level, message: found.message, advice: found.advice ?? "" }
}

/** Runs the command in this process with a token in its configuration. */
const withToken = (token: string) => (args: ReadonlyArray<string>) =>
  Effect.provide(inProcess(args), ConfigProvider.layer(ConfigProvider.fromUnknown({ COTERIE_ADMIN_TOKEN: token })))

const urls = (...nodes: ReadonlyArray<{ readonly url: string } | undefined>) =>
  nodes.flatMap((each) => ["--url", each?.url ?? ""])

/** Runs an HTTP server, and returns its URL. */
const server = (handler: NodeHttp.RequestListener) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<NodeHttp.Server>((resume) => {
        const server = NodeHttp.createServer(handler)
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        }),
    ),
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  )

/** Runs a node of a cluster with a secret, and an admin service. */
const secretNode = Effect.fnUntraced(function* (name: string, secret: string, seeds: ReadonlyArray<string> = []) {
  const layer = Cluster.layer({ cluster: "test", name, seeds }).pipe(
    Layer.provide(NodeTransport.layerSecret({ port: 0 })),
    Layer.provide(Keyring.layer(Redacted.make(secret))),
    Layer.provide(World.quick),
    Layer.provide(Logger.layer([])),
  )
  const cluster = Context.get(yield* Layer.build(layer), Cluster.Cluster)
  const { addresses } = yield* cluster.self
  const node: World.Node = {
    cluster,
    address: addresses[0] ?? "",
    stop: Effect.void,
    crash: Effect.void,
    sever: Effect.void,
    dialed: [],
  }
  return { ...node, ...(yield* Support.served(node)) }
})

describe("coterie doctor", () => {
  it.live("finds nothing in a cluster that is whole, and exits with 0", () =>
    Effect.gen(function* () {
      const [a, b] = yield* served(["a", "b"])
      const found = yield* doctor(urls(a, b), coterie)
      assert.deepStrictEqual([found.code, found.problems], [0, []])
      const { code, out } = yield* inProcess(["doctor", ...urls(a)])
      assert.match(out, /^ok( *) {2}service {4}http:\/\/\S+ is a of the cluster "test", version \S+\n/)
      assert.match(out, /^ok\s+dial\s+this machine can dial all 2 advertised addresses$/m)
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped),
  )

  it.live("says that nothing answers at a dead port, and exits with 3", () =>
    Effect.gen(function* () {
      const found = yield* doctor(["--url", "http://127.0.0.1:9"])
      assert.strictEqual(found.code, 3)
      assert.deepStrictEqual(found.findings.length, 1)
      const { level, message } = problemOf(found, "service")
      assert.strictEqual(level, "fail")
      assert.match(
        message,
        /no admin service answers at http:\/\/127\.0\.0\.1:9; is it running, and is the port right\?/,
      )
    }),
  )

  it.live("says that something else answers, and exits with 3", () =>
    Effect.gen(function* () {
      const url = yield* server((_, response) => response.writeHead(404).end("<html>"))
      const found = yield* doctor(["--url", url])
      assert.strictEqual(found.code, 3)
      assert.match(problemOf(found, "service").message, /answers with the status 404, but not as an admin service/)
    }).pipe(Effect.scoped),
  )

  it.live("says that the token is missing or wrong, and exits with 4", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const token = Redacted.make("0123456789abcdef-right")
      const { url } = yield* Support.served(yield* node("a"), { tokens: [{ role: "read", token }] })
      const none = yield* doctor(["--url", url])
      assert.strictEqual(none.code, 4)
      assert.match(problemOf(none, "service").message, /requires a token .*--token-file, COTERIE_ADMIN_TOKEN/)
      const wrong = yield* doctor(["--url", url], withToken("0123456789abcdef-wrong"))
      assert.strictEqual(wrong.code, 4)
      assert.match(problemOf(wrong, "service").message, /the token is wrong/)
      assert.strictEqual((yield* doctor(["--url", url], withToken(Redacted.value(token)))).code, 0)
    }).pipe(Effect.scoped),
  )

  it.live("says that the service does not allow the host, and exits with 4", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const target = new URL(a?.url ?? "")
      // A proxy under a DNS name.
      const url = yield* server((request, response) => {
        const headers = { ...request.headers, host: "admin.example" }
        const { hostname: host, port } = target
        NodeHttp.request({ host, port, path: request.url, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers)
          answer.pipe(response)
        }).end()
      })
      const found = yield* doctor(["--url", url])
      assert.strictEqual(found.code, 4)
      assert.match(problemOf(found, "service").message, /the header "Host" is not allowed \(option "allowedHosts"\)/)
    }).pipe(Effect.scoped),
  )

  it.live("finds a node with a wrong secret, at the node and with the secret from here", () =>
    Effect.gen(function* () {
      const right = "right-0123456789abcdef-0123456789abcdef"
      const a = yield* secretNode("a", right)
      const b = yield* secretNode("b", "wrong-0123456789abcdef-0123456789abcdef", [a.address])
      yield* World.untilEvent(b, ({ _tag }) => _tag === "SeedUnavailable")
      const found = yield* doctor(urls(a, b))
      assert.strictEqual(found.code, 1)
      const { advice, message } = problemOf(found, "secrets")
      assert.match(message, new RegExp(`^b and the process at ${a.address} do not accept each other's proof`))
      assert.match(advice, /keyring: this node accepts/)
      // The nodes would log a probe without the secret as a stranger.
      const skipped = found.findings.find(({ check }) => check === "dial")
      assert.deepInclude(skipped, { level: "skipped" })
      assert.match(skipped?.message ?? "", /^the nodes accept only peers with a proof: give --secret-file/)
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "coterie-doctor-"))),
        (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true })),
      )
      const file = path.join(folder, "secret")
      fs.writeFileSync(file, right)
      const proved = yield* doctor([...urls(a, b), "--secret-file", file], coterie)
      assert.strictEqual(proved.code, 1)
      const { message: dial } = problemOf(proved, "dial")
      assert.match(dial, /^b cannot be dialed from this machine: .*does not accept the secret.*\(unauthenticated\)$/)
      assert.notInclude(found.ended.out + proved.ended.out, "0123456789abcdef")
    }).pipe(Effect.scoped),
  )

  it.live("finds a clock that is an hour behind", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const a = yield* node("a")
      const b = yield* node("b", { seeds: [a.address] }, World.clockBack("1 hour"))
      const c = yield* node("c", { seeds: [a.address] })
      for (const each of [a, b, c]) yield* World.until(each, ({ peers }) => peers.size === 2)
      const service = yield* Support.served(a)
      for (const each of [b, c]) yield* Support.served(each)
      const found = yield* doctor(urls(service))
      assert.strictEqual(found.code, 1)
      assert.deepStrictEqual(problemOf(found, "clocks"), {
        level: "fail",
        message: "the clock of b is 1 hour behind the others",
        advice: "Let NTP set the clock, for example with chrony or systemd-timesyncd.",
      })
    }).pipe(Effect.scoped),
  )

  it.live("names the pair without a link, and what to do", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* served(["a", "b", "c"])
      if (a === undefined || b === undefined) return assert.fail("there are no nodes")
      yield* a.cluster.disconnect("b")
      yield* World.untilPeers(b, ["c"])
      const found = yield* doctor(urls(c))
      const { advice, message } = problemOf(found, "links")
      assert.match(message, /^a and b have no link: a is disconnected from b; b is disconnected from a$/)
      assert.match(advice, /"coterie join" with the address of the other/)
    }).pipe(Effect.scoped),
  )

  it.live("finds a seed of another cluster", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const other = yield* node("x", { cluster: "other" })
      const a = yield* node("a", { seeds: [other.address], failOn: [] })
      yield* World.untilEvent(a, ({ _tag }) => _tag === "SeedUnavailable")
      const found = yield* doctor(urls(yield* Support.served(a)))
      assert.strictEqual(found.code, 1)
      const { advice, message } = problemOf(found, "seeds")
      assert.match(message, new RegExp(`^a cannot join through ${other.address} \\(otherCluster, `))
      assert.match(advice, /another cluster is there/)
    }).pipe(Effect.scoped),
  )

  it.live("finds another cluster behind a DNS name", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const a = yield* node("a")
      const { url } = yield* Support.served(a)
      const nameOf = ({ address }: World.Node) => `localhost:${address.slice(address.lastIndexOf(":") + 1)}`
      const found = yield* doctor(["--url", url, "--dns", nameOf(yield* node("x", { cluster: "other" }))])
      assert.strictEqual(found.code, 1)
      assert.match(problemOf(found, "dns").message, /^another cluster answers at 127\.0\.0\.1:\d+: .*cluster "other"/)
      const own = yield* doctor(["--url", url, "--dns", nameOf(a)])
      // The resolver may find ::1 as well, where nobody listens.
      assert.notInclude(
        own.problems.filter(({ check }) => check === "dns").map(({ level }) => level),
        "fail",
      )
      assert.strictEqual(own.code, 0)
    }).pipe(Effect.scoped),
  )

  it.live("finds a node that was superseded and still answers", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const a = yield* node("a")
      const old = yield* node("b", { seeds: [a.address] })
      const service = yield* Support.served(old)
      yield* World.untilPeers(old, ["a"])
      yield* node("b", { seeds: [a.address], failOn: [] })
      yield* Effect.exit(old.cluster.stopped)
      const found = yield* doctor(urls(service))
      assert.strictEqual(found.code, 1)
      const { advice, message } = problemOf(found, "nodes")
      assert.match(message, /^b has stopped \(Superseded\): /)
      assert.match(advice, /^A newer process uses its name\. Give each process a name of its own/)
    }).pipe(Effect.scoped),
  )
})
