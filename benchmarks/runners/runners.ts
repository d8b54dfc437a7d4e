/**
 * Measures how soon the entities of a lost runner of Effect's cluster engine answer on another runner, over PostgreSQL,
 * with Effect's own health check and with the peers of a cluster. The time runs from the signal to the answer of a
 * request that a remaining runner made right after it, on the clock that all processes of a machine share.
 *
 *     node benchmarks/runners/runners.ts [--quick] [--trials 3] [--json]
 *
 * Each trial has its own processes and tables. `--quick` runs one trial of the rows that take seconds.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as os from "node:os"
import { parseArgs } from "node:util"
import * as Postgres from "../../examples/support/Postgres.ts"
import type * as Protocol from "../../packages/effect-cluster/test/processes/Protocol.ts"
import * as Runners from "../../packages/effect-cluster/test/processes/Runners.ts"

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    trials: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
})

interface Row {
  readonly name: string
  readonly mode: Protocol.Options["mode"]
  readonly sharding: Protocol.Options["sharding"]
  readonly signal: "SIGKILL" | "SIGSTOP"
  /** `true` if the lost runner is the one that checks the health of the others. */
  readonly holder: boolean
  /** Number of runners. Defaults to 3. */
  readonly runners?: number
  /** `true` for a row that waits for a lease of 35 seconds. */
  readonly slow?: boolean
}

/** Intervals of `CoterieCluster.layer`, in milliseconds. */
const quickIntervals = { runnerHealthCheckInterval: 1_000, refreshAssignmentsInterval: 500 }
const rows: ReadonlyArray<Row> = [
  { name: "pings, defaults of Effect", mode: "ping", sharding: {}, signal: "SIGKILL", holder: false, slow: true },
  { name: "pings, defaults of Effect", mode: "ping", sharding: {}, signal: "SIGKILL", holder: true, slow: true },
  { name: "pings, 1 s / 0.5 s", mode: "ping", sharding: quickIntervals, signal: "SIGKILL", holder: false },
  { name: "pings, 1 s / 0.5 s", mode: "ping", sharding: quickIntervals, signal: "SIGKILL", holder: true, slow: true },
  { name: "health of peers", mode: "health", sharding: quickIntervals, signal: "SIGKILL", holder: false },
  { name: "health of peers", mode: "health", sharding: quickIntervals, signal: "SIGKILL", holder: true, slow: true },
  { name: "responder, sockets", mode: "responder", sharding: quickIntervals, signal: "SIGKILL", holder: false },
  { name: "responder, sockets", mode: "responder", sharding: quickIntervals, signal: "SIGKILL", holder: true },
  { name: "CoterieCluster", mode: "coterie", sharding: {}, signal: "SIGKILL", holder: false },
  { name: "CoterieCluster", mode: "coterie", sharding: {}, signal: "SIGKILL", holder: true },
  { name: "CoterieCluster, two runners", mode: "coterie", sharding: {}, signal: "SIGKILL", holder: false, runners: 2 },
  { name: "CoterieCluster, two runners", mode: "coterie", sharding: {}, signal: "SIGKILL", holder: true, runners: 2 },
  {
    name: "CoterieCluster, row locks",
    mode: "coterie",
    sharding: { shardLockDisableAdvisory: true },
    signal: "SIGKILL",
    holder: false,
    slow: true,
  },
  { name: "CoterieCluster", mode: "coterie", sharding: {}, signal: "SIGSTOP", holder: false, slow: true },
  {
    name: "CoterieCluster, lease 10 s",
    mode: "coterie",
    sharding: { shardLockExpiration: 10_000 },
    signal: "SIGSTOP",
    holder: false,
  },
]

const entities = Array.from({ length: 24 }, (_, i) => `e${i}`)

/** Maximum number of entities of the lost runner that are called in a trial. */
const called = 6

/** Time for an answer, in milliseconds. Every row stays below it. */
const patience = 90_000

/** Starts the runners of a row, and waits until each has entities. Returns the nodes of the entities. */
const setUp = Effect.fnUntraced(function* (row: Row, database: Postgres.Database, prefix: string) {
  const runners: Array<Runners.Runner> = []
  for (let i = 0; i < (row.runners ?? 3); i++) {
    const { mode, sharding } = row
    const seeds = runners.map(({ address }) => address)
    const port = yield* Postgres.freePort
    runners.push(yield* Runners.start({ name: `r${i + 1}`, seeds, database, prefix, mode, port, sharding }))
  }
  const nodes = yield* Runners.untilAgreed(runners, entities, (found) =>
    runners.every(({ name }) => found.includes(name)),
  )
  return { runners, nodes }
})

/** Runs one trial. Returns the time of each answer from the signal, in milliseconds. */
const play = Effect.fnUntraced(function* (row: Row, database: Postgres.Database, prefix: string) {
  const { nodes, runners } = yield* setUp(row, database, prefix)
  const holder = yield* Runners.holder(runners)
  const victim = row.holder ? holder : (runners.find((runner) => runner !== holder) ?? holder)
  const rest = runners.filter((runner) => runner !== victim)
  const lost = entities.filter((_, i) => nodes[i] === victim.name).slice(0, called)
  const start = Runners.now()
  yield* row.signal === "SIGKILL" ? victim.kill : victim.freeze
  const answers = yield* Effect.forEach(
    lost.map((entity, i) => [entity, rest[i % rest.length]] as const),
    ([entity, runner]) => (runner === undefined ? Effect.succeed([]) : ask(runner, entity, start)),
    { concurrency: "unbounded" },
  )
  return answers.flat()
}, Effect.scoped)

const ask = Effect.fnUntraced(function* (runner: Runners.Runner, entity: string, start: number) {
  const { at, nodes } = yield* Runners.locate(runner, [entity], patience)
  return nodes[0] === "" ? [] : [at - start]
})

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`

const line = (row: Row, times: ReadonlyArray<number>, trials: number): string => {
  const sorted = [...times].sort((a, b) => a - b)
  const [least, most] = [sorted[0] ?? Number.NaN, sorted.at(-1) ?? Number.NaN]
  const range = sorted.length === 0 ? "no answer" : `${seconds(least)} to ${seconds(most)}`
  return `${row.signal}  ${row.name.padEnd(28)} ${row.holder ? "holder " : "another"}  ${range.padEnd(18)} ${trials} trials`
}

const main = Effect.gen(function* () {
  const trials = options.quick ? 1 : Number(options.trials)
  if (!Number.isInteger(trials) || trials < 1) return yield* Effect.die(new Error("--trials must be 1 or more"))
  const database = yield* Postgres.start
  const [cpu] = os.cpus()
  if (!options.json) {
    yield* Console.log(`${cpu?.model ?? "unknown"}, ${os.cpus().length} cores, Node ${process.version}\n`)
    yield* Console.log("Least and most time from the signal to an answer of an entity of the lost runner:\n")
  }
  const results: Array<{ readonly row: Row; readonly times: ReadonlyArray<number> }> = []
  for (const [i, row] of rows.entries()) {
    if (options.quick && row.slow === true) continue
    const times: Array<number> = []
    for (let trial = 0; trial < trials; trial++) times.push(...(yield* play(row, database, `bench_${i}_${trial}`)))
    results.push({ row, times })
    if (!options.json) yield* Console.log(line(row, times, trials))
  }
  if (options.json) yield* Console.log(JSON.stringify(results))
})

main.pipe(Effect.scoped, Effect.provide(Runners.layer), NodeRuntime.runMain)
