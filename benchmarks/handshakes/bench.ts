/**
 * Compares connections between two processes: how many are opened per second, the time of the processor that one costs
 * at both ends, and the memory of an idle connection. ../README.md defines the measures.
 *
 *     pnpm bench:handshakes [--quick] [--rounds 3] [--systems raw,coterie] [--json]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as Command from "../harness/command.ts"
import * as Proofs from "../harness/proofs.ts"
import * as Rounds from "../harness/rounds.ts"
import * as Terminal from "../harness/terminal.ts"
import * as Measure from "./measure.ts"
import { systems } from "./systems/index.ts"

const { values: options } = parseArgs({ options: Command.options })

const sizes: Measure.Sizes = options.quick
  ? { warmUp: 400, measured: 600, added: 50, readings: 4 }
  : { warmUp: 1_500, measured: 3_000, added: 250, readings: 5 }

interface Row extends Measure.Figures {
  readonly system: string
  /** Ratios to the bare sockets with the same proof. Those of processor and memory are of both ends together. */
  readonly connectionsToRaw: number | null
  readonly cpuToRaw: number | null
  readonly memoryToRaw: number | null
}

const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b)
const cpuOf = (figures: Measure.Figures) => sum(figures.dialerCpuUs, figures.acceptorCpuUs)
const memoryOf = (figures: Measure.Figures) => sum(figures.dialerKib, figures.acceptorKib)

const columns: ReadonlyArray<Terminal.Column<Row>> = [
  { title: "connections/s", of: (row) => Terminal.number(row.connectionsPerSecond) },
  { title: "to raw", of: (row) => Terminal.number(row.connectionsToRaw, 2) },
  { title: "CPU dialer, us", of: (row) => Terminal.number(row.dialerCpuUs) },
  { title: "acceptor, us", of: (row) => Terminal.number(row.acceptorCpuUs) },
  { title: "both to raw", of: (row) => Terminal.number(row.cpuToRaw, 2) },
  { title: "memory dialer, KiB", of: (row) => Terminal.number(row.dialerKib, 1) },
  { title: "acceptor, KiB", of: (row) => Terminal.number(row.acceptorKib, 1) },
  { title: "both to raw", of: (row) => Terminal.number(row.memoryToRaw, 2) },
]

const main = Effect.gen(function* () {
  const rounds = yield* Command.roundsOf(options)
  const wanted = yield* Command.choose("systems", systems, options.systems)
  const cores = yield* Command.findCores
  const proofs = Proofs.make()
  const cells = wanted.map(([system]) => ({
    label: system,
    measure: Measure.measure({ system, proofs, cores, sizes }),
  }))
  const medians = new Map(
    (yield* Rounds.run(cells, rounds, Measure.nothing)).map(([{ label }, figures]) => [label, figures]),
  )
  const rows = [...medians].map(([system, figures]): Row => {
    const limit = medians.get(systems[system]?.limit ?? system) ?? Measure.nothing
    return {
      system,
      ...figures,
      connectionsToRaw: Rounds.ratio(figures.connectionsPerSecond, limit.connectionsPerSecond),
      cpuToRaw: Rounds.ratio(cpuOf(figures), cpuOf(limit)),
      memoryToRaw: Rounds.ratio(memoryOf(figures), memoryOf(limit)),
    }
  })
  const results = Command.keep(new URL("../results/handshakes.json", import.meta.url), {
    rounds,
    quick: options.quick,
    results: rows,
  })
  yield* Command.print(
    options.json,
    results,
    Terminal.table("handshakes", rows, ({ system }) => system, columns),
  )
})

main.pipe(
  Effect.tapError(({ message }) => Console.error(message)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
