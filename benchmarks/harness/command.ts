/** Parts that the commands of the benchmarks have in common. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as Cores from "./cores.ts"
import { Failed } from "./Process.ts"

/** Options of the command line of every benchmark, for `parseArgs`. */
export const options = {
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  rounds: { type: "string" },
  systems: { type: "string" },
} as const

/** Returns the entries that a list names, or all entries without a list. */
export const choose = <A>(what: string, from: Readonly<Record<string, A>>, list: string | undefined) => {
  const names = list?.split(",") ?? Object.keys(from)
  const unknown = names.filter((name) => !Object.hasOwn(from, name))
  return unknown.length === 0
    ? Effect.succeed(Object.entries(from).filter(([name]) => names.includes(name)))
    : Effect.fail(
        new Failed({ message: `--${what}: ${unknown.join(", ")} is unknown; use ${Object.keys(from).join(", ")}` }),
      )
}

/** Returns the number of rounds. It defaults to 3, and to 1 with `--quick`. */
export const roundsOf = (values: { readonly quick: boolean; readonly rounds?: string | undefined }) => {
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
  return Number.isInteger(rounds) && rounds >= 1
    ? Effect.succeed(rounds)
    : Effect.fail(new Failed({ message: "--rounds must be 1 or more" }))
}

/** Returns the cores to run on, or `undefined` if processes cannot be pinned. Warns about what affects the figures. */
export const findCores = Effect.gen(function* () {
  const cores = Cores.find()
  if (cores === undefined) yield* Console.error("processes are not pinned to cores: taskset is missing")
  else if (cores.sender === cores.receiver) yield* Console.error("sender and receiver share the only core")
  return cores
})

/** Results of a run, as they are kept in a file. */
export interface Results<Row> {
  readonly date: string
  readonly machine: string
  readonly node: string
  readonly rounds: number
  readonly quick: boolean
  readonly results: ReadonlyArray<Row>
}

/** Writes the results of a run to a file. Returns them. */
export const keep = <Row>(file: URL, run: Pick<Results<Row>, "rounds" | "quick" | "results">): Results<Row> => {
  const [cpu] = os.cpus()
  const machine = `${cpu?.model ?? "unknown"}, ${os.cpus().length} cores`
  const results = { date: new Date().toISOString(), machine, node: process.version, ...run }
  fs.mkdirSync(new URL(".", file), { recursive: true })
  fs.writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  return results
}

/** Prints the tables of a run, or with `--json` its rows. */
export const print = <Row>(json: boolean, results: Results<Row>, tables: string): Effect.Effect<void> =>
  json
    ? Console.log(JSON.stringify(results.results))
    : Console.log(
        `${results.machine}, Node ${results.node}, medians of ${results.rounds} interleaved rounds\n\n${tables}`,
      )
