/**
 * Compares requests between two processes with other systems: requests per second, and the time of a single request.
 * ../README.md defines the measures.
 *
 *     pnpm bench:rpc [--quick] [--rounds 3] [--systems effect,coterie] [--json]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as Command from "../harness/command.ts"
import * as Rounds from "../harness/rounds.ts"
import * as Terminal from "../harness/terminal.ts"
import * as Measure from "./measure.ts"
import { reference, systems } from "./systems/index.ts"

const { values: options } = parseArgs({ options: Command.options })

const timing: Measure.Timing = options.quick ? { warmUp: 400, measured: 600 } : { warmUp: 1_500, measured: 2_000 }

interface Row extends Measure.Figures {
  readonly system: string
  /** Ratios to Effect's RPC over a socket. */
  readonly ratio1: number | null
  readonly ratio64: number | null
  readonly ratio512: number | null
  readonly ratioP50: number | null
  readonly ratioCpu: number | null
}

const columns: ReadonlyArray<Terminal.Column<Row>> = [
  { title: "1 at a time, req/s", of: (row) => Terminal.number(row.perSecond1) },
  { title: "ratio", of: (row) => Terminal.number(row.ratio1, 2) },
  { title: "p50 us", of: (row) => Terminal.number(row.p50us, 1) },
  { title: "p99 us", of: (row) => Terminal.number(row.p99us, 1) },
  { title: "64, req/s", of: (row) => Terminal.number(row.perSecond64) },
  { title: "ratio", of: (row) => Terminal.number(row.ratio64, 2) },
  { title: "CPU us", of: (row) => Terminal.number(row.cpuUs, 1) },
  { title: "ratio", of: (row) => Terminal.number(row.ratioCpu, 2) },
  { title: "512, req/s", of: (row) => Terminal.number(row.perSecond512) },
  { title: "ratio", of: (row) => Terminal.number(row.ratio512, 2) },
]

const main = Effect.gen(function* () {
  const rounds = yield* Command.roundsOf(options)
  const wanted = yield* Command.choose("systems", systems, options.systems)
  const cores = yield* Command.findCores
  const cells = wanted.map(([system]) => ({
    label: system,
    measure: Measure.measure({ system, cores, timing }),
  }))
  const medians = yield* Rounds.run(cells, rounds, Measure.nothing)
  const [, base = Measure.nothing] = medians.find(([{ label }]) => label === reference) ?? []
  const rows = medians.map(([{ label }, figures]): Row => ({
    system: label,
    ...figures,
    ratio1: Rounds.ratio(figures.perSecond1, base.perSecond1),
    ratio64: Rounds.ratio(figures.perSecond64, base.perSecond64),
    ratio512: Rounds.ratio(figures.perSecond512, base.perSecond512),
    ratioP50: Rounds.ratio(figures.p50us, base.p50us),
    ratioCpu: Rounds.ratio(figures.cpuUs, base.cpuUs),
  }))
  const results = Command.keep(new URL("../results/rpc.json", import.meta.url), {
    rounds,
    quick: options.quick,
    results: rows,
  })
  yield* Command.print(
    options.json,
    results,
    Terminal.table("requests", rows, ({ system }) => system, columns),
  )
})

main.pipe(
  Effect.tapError(({ message }) => Console.error(message)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
