/**
 * Measures how soon failed nodes are reported as failed, and how often live nodes are, in the simulation with the
 * defaults for one data center. The same seed gives the same numbers on every machine.
 *
 *     node benchmarks/membership/detection.ts [--quick] [--only deaths|alarms] [--nodes 10,50,100,300] [--seconds 300]
 *       [--seed 1] [--runs 3] [--workers 2] [--resume file] [--out docs]
 *
 * Prints tables. With `--out` it measures both, writes detection.json and detection.svg into the folder, and writes the
 * tables into its detection.md. With `--resume` it stores finished jobs in a file and continues from there the next
 * time. With `--workers 0` it uses only the stored jobs.
 */
import * as Child from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Simulation from "../../packages/testkit/src/Simulation.ts"
import { deathKinds, deaths } from "./deaths.ts"
import { falseAlarms, slowOf, variants } from "./falseAlarms.ts"
import { fill, table } from "./markdown.ts"
import { svg } from "./plot.ts"

const Job = Schema.Union([
  Schema.Struct({
    kind: Schema.Literal("deaths"),
    seed: Schema.Number,
    nodes: Schema.Number,
    order: Schema.Array(Schema.Literals(deathKinds)),
  }),
  Schema.Struct({
    kind: Schema.Literal("alarms"),
    seed: Schema.Number,
    nodes: Schema.Number,
    variant: Schema.String,
    loss: Schema.Number,
    seconds: Schema.Number,
  }),
])
type Job = typeof Job.Type

const Detected = Schema.Struct({
  nodes: Schema.Number,
  death: Schema.Literals(deathKinds),
  millis: Schema.Array(Schema.Number),
})
const Alarmed = Schema.Struct({
  variant: Schema.String,
  loss: Schema.Number,
  nodeHours: Schema.Number,
  failed: Schema.Number,
  ofSound: Schema.Number,
  suspected: Schema.Number,
})
const Done = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("deaths"), result: Detected }),
  Schema.Struct({ kind: Schema.Literal("alarms"), result: Alarmed }),
])
type Done = typeof Done.Type

// ---- in a worker process ----

const scenarioOf = (job: Job, done: (result: Done) => void): Simulation.Scenario => {
  if (job.kind === "deaths") return deaths(job.nodes, job.order, (result) => done({ kind: "deaths", result }))
  const variant = variants.find(({ name }) => name === job.variant)
  if (variant === undefined) throw new Error(`there is no variant "${job.variant}"`)
  return falseAlarms(variant, job, (result) => done({ kind: "alarms", result }))
}

const work = (job: Job) =>
  Effect.gen(function* () {
    const results: Array<Done> = []
    const scenario = scenarioOf(job, (result) => results.push(result))
    const { failure } = yield* Simulation.outcome(scenario, { seed: job.seed, stacks: false })
    if (failure !== undefined) return yield* Effect.die(`${scenario.name}, seed ${job.seed}: ${failure.message}`)
    process.send?.(results)
  })

// ---- in the main process ----

/** Options of Node for a worker. The largest cluster needs some gigabytes. */
const execArgv = ["--max-old-space-size=12000"]

const inProcess = (job: Job): Effect.Effect<ReadonlyArray<Done>> =>
  Effect.callback((resume) => {
    const child = Child.fork(fileURLToPath(import.meta.url), ["--job", JSON.stringify(job)], { execArgv })
    child.once("message", (message) => resume(Effect.sync(() => Schema.decodeUnknownSync(Schema.Array(Done))(message))))
    child.once("exit", (code) => resume(Effect.die(`${JSON.stringify(job)} ended with ${code}`)))
    return Effect.sync(() => child.kill())
  })

/** Results of a job, stored as a line of the file of `--resume`. */
const Line = Schema.Struct({ job: Job, results: Schema.Array(Done) })

const kept = (file: string): Map<string, ReadonlyArray<Done>> => {
  if (file === "" || !fs.existsSync(file)) return new Map()
  const lines = fs.readFileSync(file, "utf8").split("\n").filter(Boolean)
  return new Map(
    lines.map((line) => {
      const { job, results } = Schema.decodeUnknownSync(Line)(JSON.parse(line))
      return [JSON.stringify(job), results]
    }),
  )
}

/** Runs the jobs without stored results, `workers` at one time. Returns all results in the order of the jobs. */
const runAll = Effect.fnUntraced(function* (jobs: ReadonlyArray<Job>, workers: number, file: string) {
  const before = kept(file)
  const run = Effect.fnUntraced(function* (job: Job) {
    const known = before.get(JSON.stringify(job))
    if (known !== undefined || workers === 0) return known ?? []
    const start = performance.now()
    const results = yield* inProcess(job)
    if (file !== "") fs.appendFileSync(file, `${JSON.stringify({ job, results })}\n`)
    console.error(`${((performance.now() - start) / 1_000).toFixed(1)} s: ${JSON.stringify(job)}`)
    return results
  })
  return (yield* Effect.forEach(jobs, run, { concurrency: Math.max(1, workers) })).flat()
})

/** Returns the number of failures of each kind that gives at least some hundred `Failed` events. */
const repetitions = (nodes: number, quick: boolean): number => {
  if (quick) return 1
  return nodes <= 10 ? 20 : nodes <= 50 ? 4 : nodes <= 100 ? 2 : 1
}

type Verdicts = "failed" | "ofSound" | "suspected"

const losses = [0, 0.1, 0.2, 0.3]
const alarmNodes = 32

const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN

const seconds = (millis: number): string => (millis / 1_000).toFixed(2)

/** Parses the arguments of the program. */
const parseOptions = () => {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      nodes: { type: "string", default: "" },
      seconds: { type: "string", default: "" },
      seed: { type: "string", default: "1" },
      runs: { type: "string", default: "3" },
      workers: { type: "string", default: String(os.availableParallelism()) },
      resume: { type: "string", default: "" },
      out: { type: "string", default: "" },
    },
  })
  const { only, out, quick, resume } = values
  return {
    only,
    out,
    quick,
    resume,
    seed: Number(values.seed),
    sizes: (values.nodes || (quick ? "10,50" : "10,50,100,300")).split(",").map(Number),
    seconds: Number(values.seconds || (quick ? 30 : 300)),
    alarmRuns: quick ? 1 : Number(values.runs),
    workers: Number(values.workers),
  }
}

type Options = ReturnType<typeof parseOptions>

const deathJobs = ({ quick, seed: first, sizes }: Options): ReadonlyArray<Job> =>
  sizes.flatMap((nodes) =>
    Array.from({ length: repetitions(nodes, quick) }, (_, i) => first + i).flatMap((seed): ReadonlyArray<Job> => {
      // Starting hundreds of nodes takes the most time, so one cluster has all failures, one after the other.
      const orders = nodes > 100 ? [deathKinds] : deathKinds.map((death) => [death])
      return orders.map((order) => ({ kind: "deaths", seed, nodes, order }))
    }),
  )

/** Returns the jobs with the lowest and the highest loss first, because their results are the most informative. */
const alarmJobs = ({ alarmRuns, seconds, seed: first }: Options): ReadonlyArray<Job> =>
  [0, 0.3, 0.1, 0.2].flatMap((loss) =>
    variants.flatMap(({ name: variant }) =>
      Array.from({ length: alarmRuns }, (_, i): Job => ({
        kind: "alarms",
        seed: first + i,
        nodes: alarmNodes,
        variant,
        loss,
        seconds,
      })),
    ),
  )

const jobsOf = (options: Options): ReadonlyArray<Job> => [
  ...(options.only === "alarms" ? [] : deathJobs(options)),
  ...(options.only === "deaths" ? [] : alarmJobs(options)),
]

/** Summarizes the detection times by size and kind of failure. */
const summarizeDetections = (done: ReadonlyArray<Done>, sizes: ReadonlyArray<number>) =>
  sizes.flatMap((nodes) =>
    deathKinds.flatMap((death) => {
      const runs = done.flatMap(({ kind, result }) =>
        kind === "deaths" && result.nodes === nodes && result.death === death ? [result.millis] : [],
      )
      const millis = runs.flat().sort((a, b) => a - b)
      if (millis.length === 0) return []
      const [median, p99, worst] = [0.5, 0.99, 1].map((part) => quantile(millis, part))
      return [
        {
          nodes,
          death,
          deaths: runs.length,
          verdicts: millis.length,
          median: median ?? 0,
          p99: p99 ?? 0,
          worst: worst ?? 0,
        },
      ]
    }),
  )

type Detections = ReturnType<typeof summarizeDetections>

/** Adds up the false `Failed` events by loss and variant. */
const summarizeAlarms = (done: ReadonlyArray<Done>) =>
  losses.flatMap((loss) =>
    variants.flatMap(({ name: variant }) => {
      const runs = done.flatMap(({ kind, result }) =>
        kind === "alarms" && result.loss === loss && result.variant === variant ? [result] : [],
      )
      const sum = (of: "nodeHours" | Verdicts): number => runs.reduce((total, run) => total + run[of], 0)
      const [failed, ofSound, suspected] = [sum("failed"), sum("ofSound"), sum("suspected")]
      return runs.length === 0
        ? []
        : [{ variant, loss, runs: runs.length, nodeHours: sum("nodeHours"), failed, ofSound, suspected }]
    }),
  )

type Alarms = ReturnType<typeof summarizeAlarms>

/** Returns the number of events per node and hour. */
const rateOf = (alarms: Alarms, loss: number, variant: string, of: Verdicts): number | undefined => {
  const found = alarms.find((each) => each.loss === loss && each.variant === variant)
  return found === undefined ? undefined : found[of] / found.nodeHours
}

const detectionTable = (detections: Detections): string =>
  table(
    ["failure", "nodes", "deaths", "`Failed` events", "median, s", "99th percentile, s", "worst, s"],
    deathKinds.flatMap((death) =>
      detections
        .filter((each) => each.death === death)
        .map(({ deaths: count, median, nodes, p99, verdicts, worst }) =>
          [death, nodes, count, verdicts, seconds(median), seconds(p99), seconds(worst)].map(String),
        ),
    ),
  )

const alarmTable = (alarms: Alarms, of: Verdicts): string =>
  table(
    ["", ...losses.map((loss) => `${Math.round(loss * 100)} % lost`)],
    variants.map(({ name }) => [name, ...losses.map((loss) => rateOf(alarms, loss, name, of)?.toFixed(1) ?? "")]),
  )

const print = (detections: Detections, alarms: Alarms): void => {
  if (detections.length > 0) {
    console.log(`From the death to the event Failed of each other node\n\n${detectionTable(detections)}\n`)
  }
  if (alarms.length > 0) {
    console.log(
      `False positives per node and hour; ${alarmNodes} nodes, ${slowOf(alarmNodes)} of them slow\n\n${alarmTable(alarms, "failed")}\n`,
    )
    console.log(`False positives on nodes that were never slow\n\n${alarmTable(alarms, "ofSound")}\n`)
    console.log(`Suspicions per node and hour\n\n${alarmTable(alarms, "suspected")}\n`)
  }
}

const chart = (sizes: ReadonlyArray<number>, detections: Detections, alarms: Alarms): string =>
  svg("Detection time by the size of the cluster, and false positives by loss", [
    {
      title: "From death to Failed, seconds: median and worst",
      x: { name: "nodes", places: sizes.map(String) },
      y: { scale: "linear", ticks: [0, 2, 4, 6, 8, 10] },
      lines: deathKinds.map((death) => ({
        name: death,
        values: detections
          .filter((each) => each.death === death)
          .map(({ median, worst }) => ({ value: median / 1_000, upTo: worst / 1_000 })),
      })),
    },
    {
      title: "False positives per node and hour",
      x: { name: "segments lost", places: losses.map((loss) => `${Math.round(loss * 100)} %`) },
      y: { scale: "log1p", ticks: [0, 1, 3, 10, 30, 100, 300] },
      lines: variants.map(({ name }) => ({
        name,
        values: losses.map((loss) => ({ value: rateOf(alarms, loss, name, "failed") ?? 0 })),
      })),
    },
  ])

/** Writes the numbers, the tables and the chart into the folder. */
const write = ({ out, seed, sizes }: Options, detections: Detections, alarms: Alarms): void => {
  const folder = pathToFileURL(`${out}/`)
  fs.writeFileSync(new URL("detection.json", folder), `${JSON.stringify({ seed, detections, alarms }, undefined, 2)}\n`)
  const page = new URL("detection.md", folder)
  fill(page, "deaths", detectionTable(detections))
  fill(page, "alarms", alarmTable(alarms, "failed"))
  fill(page, "alarms of sound", alarmTable(alarms, "ofSound"))
  fill(page, "suspicions", alarmTable(alarms, "suspected"))
  fs.writeFileSync(new URL("detection.svg", folder), chart(sizes, detections, alarms))
}

const main = Effect.gen(function* () {
  const options = parseOptions()
  if (options.out !== "" && options.only !== "") {
    return yield* Effect.die(
      "--out needs the results of both measurements: leave --only out, and use --resume to continue",
    )
  }
  const done = yield* runAll(jobsOf(options), options.workers, options.resume)
  const detections = summarizeDetections(done, options.sizes)
  const alarms = summarizeAlarms(done)
  print(detections, alarms)
  if (options.out !== "") write(options, detections, alarms)
})

const [flag, job] = process.argv.slice(2)
await Effect.runPromise(flag === "--job" ? work(Schema.decodeUnknownSync(Job)(JSON.parse(job ?? ""))) : main)
