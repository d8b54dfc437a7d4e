/**
 * Measures the cost of an idle cluster: real nodes on loopback TCP in a few processes, with the defaults for one data
 * center, after all have links and most links are idle. It measures them without and with the admin service, and counts
 * the connections that all nodes dial when they start at once. The same run measures bare sockets in the same processes
 * for comparison. They have the same number of connections, with 19 bytes in both directions every second.
 *
 *     node benchmarks/membership/idle.ts [--nodes 10,50,70,100] [--processes 4] [--seconds 10] [--rounds 3] [--out docs]
 *
 * With `--out` it writes the table into scale.md of the folder.
 */
import * as Child from "node:child_process"
import * as Net from "node:net"
import * as os from "node:os"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Admin from "../../packages/admin/src/Admin.ts"
import * as Cluster from "../../packages/core/src/Cluster.ts"
import * as FrameCount from "../../packages/core/test/simulation/frameCount.ts"
import { ViewTracker } from "../../packages/core/test/simulation/ViewTracker.ts"
import * as NodeTransport from "../../packages/node-transport/src/NodeTransport.ts"
import { fill, table } from "./markdown.ts"

const Command = Schema.Union([
  /** Starts nodes with these names. */
  Schema.TaggedStruct("Start", { names: Schema.Array(Schema.String), seeds: Schema.Array(Schema.String) }),
  /** Passes the addresses of all nodes in order. The first node of this process has the number `first`. */
  Schema.TaggedStruct("Mesh", { addresses: Schema.Array(Schema.String), first: Schema.Number }),
  Schema.TaggedStruct("Measure", { millis: Schema.Number }),
])
type Command = typeof Command.Type

const Answer = Schema.Union([
  Schema.TaggedStruct("Started", { addresses: Schema.Array(Schema.String) }),
  /** Number of link ends that the nodes of the process have now. */
  Schema.TaggedStruct("Live", { ends: Schema.Number }),
  /** Costs over the measured time. */
  Schema.TaggedStruct("Measured", {
    seconds: Schema.Number,
    cpu: Schema.Number,
    bytes: Schema.Number,
    rss: Schema.Number,
    /** Number of connections that the nodes of the process have dialed. */
    dialed: Schema.Number,
  }),
])
type Answer = typeof Answer.Type

const systems = ["bare sockets", "coterie", "coterie with its admin service"] as const
type System = (typeof systems)[number]

const host = "127.0.0.1"
const heartbeatMillis = 1_000
/** Size of a Ping or a Pong. */
const heartbeatBytes = 19

// ---- in a child ----

interface Nodes {
  readonly start: (names: ReadonlyArray<string>, seeds: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>
  readonly mesh: (addresses: ReadonlyArray<string>, first: number) => void
  readonly ends: () => number
  readonly bytes: () => number
  /** Number of dialed connections. */
  readonly dialed: () => number
}

/** Makes nodes with another layer on each. */
const coterie = <A, E>(more: Layer.Layer<A, E, Cluster.Cluster>): Nodes => {
  const counts: FrameCount.Counts = new Map()
  const views = new ViewTracker(() => 0)
  const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>) {
    // All nodes have one host, so bounds for one host must allow all of them.
    const limits = { handshakes: 1_024, handshakesPerHost: 1_024 }
    const context = yield* Layer.build(
      Layer.provideMerge(more, Cluster.layer({ cluster: "idle", name, seeds, limits })).pipe(
        Layer.provide(FrameCount.layer(counts)),
        Layer.provide(NodeTransport.layerTcp({ host, port: 0 })),
      ),
    )
    const cluster = Context.get(context, Cluster.Cluster)
    const observe = views.observe(name)
    yield* Effect.forkScoped(Stream.runForEach(cluster.events, (event) => Effect.sync(() => observe(event))))
    const { addresses } = yield* cluster.self
    return addresses[0] ?? ""
  })
  return {
    start: (names, seeds) =>
      new Promise((resolve, reject) => {
        const all = Effect.gen(function* () {
          const addresses: Array<string> = []
          // The first node is the seed of all others.
          for (const name of names) addresses.push(yield* start(name, seeds.length > 0 ? seeds : addresses.slice(0, 1)))
          resolve(addresses)
          return yield* Effect.never
        })
        Effect.runPromise(Effect.scoped(all).pipe(Effect.provideService(References.MinimumLogLevel, "Error"))).catch(
          reject,
        )
      }),
    mesh: () => {},
    ends: () => views.live,
    bytes: () => FrameCount.sum(counts).bytes,
    dialed: () => counts.get("Hello")?.frames ?? 0,
  }
}

const bare = (): Nodes => {
  const servers: Array<Net.Server> = []
  const message = Buffer.alloc(heartbeatBytes)
  let ends = 0
  let bytes = 0
  let dialed = 0
  const write = (socket: Net.Socket): void => {
    bytes += message.length
    socket.write(message)
  }
  const open = (socket: Net.Socket): void => {
    socket.setNoDelay(true)
    ends++
  }
  return {
    start: (names) =>
      Promise.all(
        names.map(
          () =>
            new Promise<string>((resolve) => {
              const server = Net.createServer((socket) => {
                open(socket)
                socket.on("data", () => write(socket))
              })
              servers.push(server)
              server.listen({ host, port: 0, backlog: 1_024 }, () => {
                const address = server.address()
                resolve(typeof address === "object" && address !== null ? `${host}:${address.port}` : "")
              })
            }),
        ),
      ),
    mesh: (addresses, first) => {
      for (const [i] of servers.entries()) {
        for (const address of addresses.slice(first + i + 1)) {
          dialed++
          const socket = Net.connect(Number(address.split(":")[1]), host, () => {
            open(socket)
            // One timer per link with its own phase, as nodes have.
            setTimeout(() => setInterval(() => write(socket), heartbeatMillis), Math.random() * heartbeatMillis)
          })
          socket.on("data", () => {})
        }
      }
    },
    ends: () => ends,
    bytes: () => bytes,
    dialed: () => dialed,
  }
}

const say = (answer: Answer): void => {
  process.send?.(answer)
}

const serve = (nodes: Nodes): void => {
  let seen = -1
  setInterval(() => {
    if (nodes.ends() === seen) return
    seen = nodes.ends()
    say({ _tag: "Live", ends: seen })
  }, 100)
  process.on("message", (message) => {
    const command = Schema.decodeUnknownSync(Command)(message)
    if (command._tag === "Mesh") return nodes.mesh(command.addresses, command.first)
    if (command._tag === "Start") {
      void nodes.start(command.names, command.seeds).then((addresses) => say({ _tag: "Started", addresses }))
      return
    }
    const [cpu, bytes, at] = [process.cpuUsage(), nodes.bytes(), performance.now()]
    setTimeout(() => {
      const { system, user } = process.cpuUsage(cpu)
      say({
        _tag: "Measured",
        seconds: (performance.now() - at) / 1_000,
        cpu: (system + user) / 1e6,
        bytes: nodes.bytes() - bytes,
        rss: process.memoryUsage().rss,
        dialed: nodes.dialed(),
      })
    }, command.millis)
  })
  process.on("disconnect", () => process.exit())
}

// ---- in the parent ----

interface Measured {
  /** CPU time per node and second. */
  readonly cpuMillis: number
  readonly bytes: number
  /** Resident memory of all processes, per node. */
  readonly rss: number
  /** Dialed connections per pair of nodes. */
  readonly dialed: number
}

class Process {
  readonly child: Child.ChildProcess
  ends = 0
  private heard: (answer: Answer) => void = () => {}

  constructor(system: System) {
    this.child = Child.fork(fileURLToPath(import.meta.url), ["--serve", system])
    this.child.on("message", (message) => {
      const answer = Schema.decodeUnknownSync(Answer)(message)
      if (answer._tag === "Live") this.ends = answer.ends
      else this.heard(answer)
    })
  }

  request(command: Command): Effect.Effect<Answer> {
    return Effect.callback((resume) => {
      this.heard = (answer) => resume(Effect.succeed(answer))
      this.child.send(command)
    })
  }
}

const startAll = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>, nodes: number) {
  const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
  const addresses: Array<string> = []
  const firsts: Array<number> = []
  const size = Math.ceil(nodes / processes.length)
  for (const [i, each] of processes.entries()) {
    firsts.push(addresses.length)
    const answer = yield* each.request({
      _tag: "Start",
      names: names.slice(i * size, (i + 1) * size),
      // The first process has the seed.
      seeds: addresses.slice(0, 1),
    })
    if (answer._tag === "Started") addresses.push(...answer.addresses)
  }
  for (const [i, each] of processes.entries()) {
    const mesh: Command = { _tag: "Mesh", addresses, first: firsts[i] ?? 0 }
    each.child.send(mesh)
  }
})

/** Time for all nodes to meet. */
const timeout = "5 minutes"

const measure = Effect.fnUntraced(function* (system: System, nodes: number, count: number, millis: number) {
  const processes = yield* Effect.acquireRelease(
    Effect.sync(() => Array.from({ length: count }, () => new Process(system))),
    (all) =>
      Effect.sync(() => {
        for (const { child } of all) child.kill("SIGKILL")
      }),
  )
  yield* startAll(processes, nodes)
  const ends = (): number => processes.reduce((sum, each) => sum + each.ends, 0)
  yield* Effect.sleep("100 millis").pipe(
    Effect.repeat({ until: () => ends() === nodes * (nodes - 1) }),
    Effect.timeout(timeout),
  )
  // Until links without messages are idle.
  yield* Effect.sleep("20 seconds")
  const answers = yield* Effect.forEach(processes, (each) => each.request({ _tag: "Measure", millis }), {
    concurrency: "unbounded",
  })
  const total: { -readonly [K in keyof Measured]: Measured[K] } = { cpuMillis: 0, bytes: 0, rss: 0, dialed: 0 }
  for (const answer of answers) {
    if (answer._tag !== "Measured") continue
    total.cpuMillis += (answer.cpu * 1_000) / answer.seconds / nodes
    total.bytes += answer.bytes / answer.seconds / nodes
    total.rss += answer.rss / nodes
    total.dialed += (2 * answer.dialed) / (nodes * (nodes - 1))
  }
  return total
}, Effect.scoped)

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const main = Effect.gen(function* () {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "10,50,70,100" },
      processes: { type: "string", default: "4" },
      seconds: { type: "string", default: "10" },
      rounds: { type: "string", default: "3" },
      out: { type: "string", default: "" },
    },
  })
  const rows: Array<ReadonlyArray<string>> = []
  for (const nodes of values.nodes.split(",").map(Number)) {
    const all = new Map<System, Array<Measured>>(systems.map((system) => [system, []]))
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const system of systems) {
        // The systems run one after the other, so that they do not disturb each other.
        yield* Console.error(`round ${round + 1} of ${values.rounds}: ${nodes} nodes, ${system}`)
        const measured = yield* measure(system, nodes, Number(values.processes), Number(values.seconds) * 1_000)
        all.get(system)?.push(measured)
      }
    }
    const of = (system: System, key: keyof Measured): number => median((all.get(system) ?? []).map((each) => each[key]))
    for (const system of systems) {
      rows.push([
        `${nodes} nodes, ${system}`,
        of(system, "cpuMillis").toFixed(2),
        (of(system, "cpuMillis") / of("bare sockets", "cpuMillis")).toFixed(1),
        Math.round(of(system, "bytes")).toLocaleString("en"),
        // A node reads as many heartbeats as it writes.
        ((of(system, "cpuMillis") * 1_000 * heartbeatBytes) / (2 * of(system, "bytes"))).toFixed(0),
        (of(system, "rss") / 2 ** 20).toFixed(1),
        of(system, "dialed").toFixed(2),
      ])
    }
  }
  const [cpu] = os.cpus()
  const machine = `${os.cpus().length} cores of ${cpu?.model ?? "an unknown CPU"}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, ${values.processes} processes, medians of ${values.rounds} rounds of ${values.seconds} s`
  const text = table(
    [
      "",
      "CPU, ms per node and second",
      "ratio",
      "bytes written per node and second",
      "CPU, µs per heartbeat written or read",
      "MiB per node",
      "connections dialed per pair",
    ],
    rows,
  )
  console.log(`${machine}\n\n${text}`)
  if (values.out !== "") fill(new URL("scale.md", pathToFileURL(`${values.out}/`)), "idle", `${machine}:\n\n${text}`)
})

const [flag, system] = process.argv.slice(2)
if (flag === "--serve" && system === "bare sockets") serve(bare())
else if (flag === "--serve") serve(system === "coterie" ? coterie(Layer.empty) : coterie(Admin.layer()))
else await Effect.runPromise(main)
