/**
 * Measures what questions to the cluster cost: real nodes with an admin service on loopback TCP in a few processes. One node
 * gets `GET /v1/cluster` ten times a second for a while, between two times without requests.
 *
 *     node benchmarks/membership/polls.ts [--nodes 50] [--processes 4] [--seconds 30] [--rate 10]
 *
 * It prints the lag of the heartbeats in each of the three times, the bytes of the questions beside those that the rows have, and
 * how long answers took, the first one of the process apart.
 */
import * as Child from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Admin from "../../packages/admin/src/Admin.ts"
import * as AdminNode from "../../packages/admin/src/AdminNode.ts"
import * as Report from "../../packages/admin/src/Report.ts"
import * as Cluster from "../../packages/core/src/Cluster.ts"
import * as NodeTransport from "../../packages/node-transport/src/NodeTransport.ts"
import { table } from "./markdown.ts"

const Command = Schema.Union([
  Schema.TaggedStruct("Start", { names: Schema.Array(Schema.String), seeds: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Sample", { millis: Schema.Number }),
])
type Command = typeof Command.Type

const Answer = Schema.Union([
  Schema.TaggedStruct("Started", { addresses: Schema.Array(Schema.String), url: Schema.String }),
  Schema.TaggedStruct("Sampled", {
    /** Lag of each node at each heartbeat, in milliseconds. */
    lags: Schema.Array(Schema.Number),
    /** Bytes that the first node of the process has sent and received. */
    bytes: Schema.Number,
  }),
])
type Answer = typeof Answer.Type

const host = "127.0.0.1"
const heartbeatMillis = 1_000

// ---- in a child ----

/** Starts a node, with a server if it is the one that is asked. */
const startNode = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>, isAsked: boolean) {
  // All nodes have one host, so bounds for one host must allow all of them.
  const limits = { handshakes: 1_024, handshakesPerHost: 1_024 }
  const layer = Layer.provideMerge(Admin.layer(), Cluster.layer({ cluster: "polls", name, seeds, limits })).pipe(
    Layer.provide(NodeTransport.layerTcp({ host, port: 0 })),
  )
  const context = yield* Layer.build(layer)
  const cluster = Context.get(context, Cluster.Cluster)
  const { addresses } = yield* cluster.self
  const served = Layer.build(AdminNode.layer({ port: 0 })).pipe(Effect.provideContext(context))
  const url = isAsked ? Context.get(yield* served, AdminNode.AdminServer).url : ""
  return { cluster, address: addresses[0] ?? "", url }
})

type Node = Effect.Success<ReturnType<typeof startNode>>

const bytesOf = ({ cluster }: Node): Effect.Effect<number> =>
  Effect.map(cluster.inspect(), ({ peers }) =>
    peers.reduce((sum, { connection }) => sum + (connection?.bytesIn ?? 0) + (connection?.bytesOut ?? 0), 0),
  )

const sample = Effect.fnUntraced(function* (nodes: ReadonlyArray<Node>, millis: number) {
  const [first] = nodes
  const before = first === undefined ? 0 : yield* bytesOf(first)
  const lags: Array<number> = []
  for (let rest = millis; rest > 0; rest -= heartbeatMillis) {
    yield* Effect.sleep(Math.min(rest, heartbeatMillis))
    for (const { cluster } of nodes) lags.push((yield* cluster.inspect()).lagMillis)
  }
  const after = first === undefined ? 0 : yield* bytesOf(first)
  return { lags, bytes: after - before }
})

const serve = Effect.gen(function* () {
  const nodes: Array<Node> = []
  const obey = Effect.fnUntraced(function* (command: Command) {
    if (command._tag === "Sample") return { _tag: "Sampled" as const, ...(yield* sample(nodes, command.millis)) }
    for (const name of command.names) {
      // The first node is the seed of all others.
      const seeds = command.seeds.length > 0 ? command.seeds : nodes.slice(0, 1).map(({ address }) => address)
      nodes.push(yield* startNode(name, seeds, seeds.length === 0))
    }
    return { _tag: "Started" as const, addresses: nodes.map(({ address }) => address), url: nodes[0]?.url ?? "" }
  })
  const run = Effect.runForkWith(yield* Effect.context<Scope.Scope>())
  const say = (answer: Answer) => Effect.sync(() => process.send?.(answer))
  process.on("message", (message) => {
    run(Effect.flatMap(obey(Schema.decodeUnknownSync(Command)(message)), say))
  })
  process.on("disconnect", () => process.exit())
  return yield* Effect.never
})

// ---- in the parent ----

class Process {
  private readonly child = Child.fork(fileURLToPath(import.meta.url), ["--serve"])
  private heard: (answer: Answer) => void = () => {}

  constructor() {
    this.child.on("message", (message) => this.heard(Schema.decodeUnknownSync(Answer)(message)))
  }

  request(command: Command): Effect.Effect<Answer> {
    return Effect.callback((resume) => {
      this.heard = (answer) => resume(Effect.succeed(answer))
      this.child.send(command)
    })
  }

  end(): void {
    this.child.kill("SIGKILL")
  }
}

/** Starts the nodes and returns the URL of the admin service of the first one. */
const startAll = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>, nodes: number) {
  const size = Math.ceil(nodes / processes.length)
  const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
  let seeds: ReadonlyArray<string> = []
  let first = ""
  for (const [i, each] of processes.entries()) {
    const answer = yield* each.request({ _tag: "Start", names: names.slice(i * size, (i + 1) * size), seeds })
    if (answer._tag !== "Started" || i > 0) continue
    seeds = answer.addresses.slice(0, 1)
    first = answer.url
  }
  return first
})

interface Asked {
  readonly report: Report.ClusterReport
  readonly millis: number
}

const decodeReport = Schema.decodeUnknownSync(Report.ClusterReport)
const decodeNode = Schema.decodeUnknownSync(Report.NodeReport)

const get = (url: string): Effect.Effect<unknown> =>
  Effect.promise(async () => {
    const response = await fetch(url)
    return response.json()
  })

const ask = (url: string): Effect.Effect<Asked> =>
  Effect.gen(function* () {
    const began = performance.now()
    const report = decodeReport(yield* get(`${url}/v1/cluster`))
    return { report, millis: performance.now() - began }
  })

/** Time for all nodes to meet. */
const timeout = "5 minutes"

/** Waits until the node has links to all others, without a question to them. */
const untilLinked = (url: string, nodes: number) =>
  Effect.repeat(Effect.delay(get(`${url}/v1/self`), "1 second"), {
    until: (body) => decodeNode(body).peers.filter(({ link }) => link === "up").length === nodes - 1,
  }).pipe(Effect.timeout(timeout))

/** Asks at a rate for a time. Returns all answers. */
const poll = Effect.fnUntraced(function* (url: string, rate: number, millis: number) {
  const answers: Array<Asked> = []
  const each = Effect.map(ask(url), (asked) => void answers.push(asked))
  for (let rest = millis; rest > 0; rest -= 1_000 / rate) {
    yield* Effect.forkScoped(each)
    yield* Effect.sleep(1_000 / rate)
  }
  return answers
})

const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Returns the bytes that the rows of other nodes have, as a question gets them. */
const rowBytes = (report: Report.ClusterReport): number =>
  Report.rows(report)
    .filter(({ name }) => name !== report.askedBy)
    .reduce((sum, row) => sum + JSON.stringify(row).length, 0)

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "50" },
    processes: { type: "string", default: "4" },
    seconds: { type: "string", default: "30" },
    rate: { type: "string", default: "10" },
    serve: { type: "boolean", default: false },
  },
})

const main = Effect.gen(function* () {
  const processes = yield* Effect.acquireRelease(
    Effect.sync(() => Array.from({ length: Number(values.processes) }, () => new Process())),
    (all) => Effect.sync(() => all.forEach((each) => each.end())),
  )
  const nodes = Number(values.nodes)
  const url = yield* startAll(processes, nodes)
  yield* untilLinked(url, nodes)
  yield* Effect.sleep("5 seconds")
  const firstAnswer = yield* ask(url)

  const millis = Number(values.seconds) * 1_000
  const phase = Effect.map(
    Effect.forEach(processes, (each) => each.request({ _tag: "Sample", millis }), { concurrency: "unbounded" }),
    (all) => {
      const sampled = all.flatMap((each) => (each._tag === "Sampled" ? [each] : []))
      return { lags: sampled.flatMap(({ lags }) => lags), bytes: sampled[0]?.bytes ?? 0 }
    },
  )
  const before = yield* phase
  const [during, answers] = yield* Effect.all([phase, poll(url, Number(values.rate), millis)], { concurrency: 2 })
  const after = yield* phase

  const phases = { before, during, after }
  const heads = [
    "",
    "lag of heartbeats: median, ms",
    "99 of 100, ms",
    "greatest, ms",
    "bytes of the asked node per second",
  ]
  const rows = Object.entries(phases).map(([name, { bytes, lags }]) => [
    name,
    ...[0.5, 0.99, 1].map((share) => quantile(lags, share).toFixed(0)),
    Math.round(bytes / Number(values.seconds)).toLocaleString("en"),
  ])
  const questions = new Set(answers.map(({ report }) => report.at)).size
  const expected = answers[0] === undefined ? 0 : questions * rowBytes(answers[0].report)
  const more = during.bytes - (before.bytes + after.bytes) / 2
  console.log(
    [
      `${nodes} nodes in ${values.processes} processes, ${values.rate} requests a second for ${values.seconds} s, Node ${process.version}`,
      table(heads, rows),
      `questions: ${questions} for ${answers.length} requests; their bytes: ${(more / 1_024).toFixed(0)} KiB, of which rows ${(expected / 1_024).toFixed(0)} KiB`,
      `answers: first ${firstAnswer.millis.toFixed(0)} ms, then median ${quantile(
        answers.map((each) => each.millis),
        0.5,
      ).toFixed(1)} ms, greatest ${quantile(
        answers.map((each) => each.millis),
        1,
      ).toFixed(0)} ms`,
    ].join("\n\n"),
  )
})

const program = values.serve ? serve : main
await Effect.runPromise(Effect.scoped(program).pipe(Effect.provideService(References.MinimumLogLevel, "Error")))
process.exit()
