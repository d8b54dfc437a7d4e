/**
 * Compares presences of five nodes over Coterie with the same presences over one Redis. ../README.md defines the
 * measures.
 *
 *     pnpm bench:presence [--quick] [--only propagation,ramp,rest,kill,stall,restart,join,memory] [--systems coterie,redis]
 *       [--rounds 1] [--presences 10000] [--rates 100,1000,10000] [--sizes 10000,100000] [--seconds 30] [--renewal 30]
 *       [--kills 3] [--stall 40] [--json] [--out docs]
 *
 * With `--out` it writes the figures into state.md of the folder.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import * as Command from "../harness/command.ts"
import * as Page from "../harness/page.ts"
import { Failed } from "../harness/Process.ts"
import * as Rounds from "../harness/rounds.ts"
import * as Terminal from "../harness/terminal.ts"
import { type Figures, type Measure, measures, type Options } from "./measures.ts"
import * as Server from "./server.ts"
import { systems } from "./systems/index.ts"

const { values } = parseArgs({
  options: {
    ...Command.options,
    only: { type: "string" },
    presences: { type: "string" },
    rates: { type: "string" },
    sizes: { type: "string" },
    seconds: { type: "string" },
    renewal: { type: "string" },
    kills: { type: "string" },
    stall: { type: "string" },
    out: { type: "string" },
  },
})

/** Rates of the ramp: steps of a third to two thirds, so that the greatest rate is known to about that. */
const ramp = [1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 40_000, 60_000, 80_000]

const defaults: Options = values.quick
  ? {
      presences: 1_000,
      rates: [100, 1_000],
      ramp: [2_500, 5_000],
      sizes: [1_000],
      millis: 1_000,
      seconds: 3,
      renewal: 3,
      kills: 1,
      stall: 15,
    }
  : {
      presences: 10_000,
      rates: [100, 1_000, 10_000],
      ramp,
      sizes: [10_000, 100_000],
      millis: 4_000,
      seconds: 30,
      renewal: 30,
      kills: 3,
      stall: 40,
    }

/** Returns the numbers of an option, or its default. */
const numbers = (name: string, text: string | undefined, otherwise: ReadonlyArray<number>, multipleOf = 1) => {
  const all = text?.split(",").map(Number) ?? otherwise
  return all.every((each) => Number.isInteger(each) && each >= 1 && each % multipleOf === 0)
    ? Effect.succeed(all)
    : Effect.fail(new Failed({ message: `--${name} must be whole multiples of ${multipleOf} from ${multipleOf}` }))
}

const single = (name: string, text: string | undefined, otherwise: number, multipleOf = 1) =>
  Effect.map(numbers(name, text, [otherwise], multipleOf), ([first = otherwise]) => first)

const read = Effect.gen(function* () {
  const renewal = yield* single("renewal", values.renewal, defaults.renewal)
  const options: Options = {
    ...defaults,
    renewal,
    // Five nodes, and four before a node joins, have a whole number of users each.
    presences: yield* single("presences", values.presences, defaults.presences, 5),
    rates: yield* numbers("rates", values.rates, defaults.rates, 5),
    sizes: yield* numbers("sizes", values.sizes, defaults.sizes, 4),
    // Other times have more or fewer renewals than their share.
    seconds: yield* single("seconds", values.seconds, defaults.seconds, renewal),
    kills: yield* single("kills", values.kills, defaults.kills),
    stall: yield* single("stall", values.stall, defaults.stall),
  }
  if (options.kills > 3) return yield* new Failed({ message: "--kills must be up to 3, so that two nodes are left" })
  return options
})

interface Row {
  readonly name: string
  readonly decimals: number
  readonly coterie: number | null
  readonly redis: number | null
  /** Redis divided by Coterie. */
  readonly ratio: number | null
}

/** Measures the systems in turn. */
const compare = Effect.fnUntraced(function* (
  name: string,
  measure: Measure,
  compared: ReadonlyArray<string>,
  options: Options,
  rounds: number,
) {
  const rows = measure.rows(options)
  const nothing: Figures = Object.fromEntries(rows.map((row) => [row.name, null]))
  const cells = compared.map((system) => ({
    label: `${name}, ${system}`,
    system,
    measure: measure.run(system, options),
  }))
  const medians = yield* Rounds.run(cells, rounds, nothing)
  const of = (system: string, row: string) => medians.find(([cell]) => cell.system === system)?.[1][row] ?? null
  return rows.map((row): Row => {
    const [coterie, redis] = [of("coterie", row.name), of("redis", row.name)]
    return { ...row, coterie, redis, ratio: Rounds.ratio(redis, coterie) }
  })
})

const columns: ReadonlyArray<Page.Column<Row>> = [
  { title: "Coterie", of: ({ coterie, decimals }) => Page.digits(coterie, decimals) },
  { title: "Redis", of: ({ decimals, redis }) => Page.digits(redis, decimals) },
  { title: "Redis to Coterie", of: ({ ratio }) => Page.digits(ratio, 2) },
]

/** Writes the rows of a run into the page. Rows that were not measured stay. */
const write = (folder: string, text: string, rows: ReadonlyArray<Row>, order: ReadonlyArray<string>): void => {
  const page = new URL("state.md", pathToFileURL(`${folder}/`))
  const next = Page.update(fs.readFileSync(page, "utf8"), {
    name: "presence-run",
    date: new Date().toISOString().slice(0, 10),
    text,
    tables: [Page.tableOf({ name: "presence", order }, rows, ({ name }) => name, columns)],
  })
  fs.writeFileSync(page, next)
}

const main = Effect.gen(function* () {
  const options = yield* read
  const rounds = yield* Command.roundsOf({ ...values, rounds: values.rounds ?? "1" })
  const only = yield* Command.choose("only", measures, values.only)
  const compared = (yield* Command.choose("systems", systems, values.systems)).map(([name]) => name)
  if (values.out !== undefined && (values.quick || compared.length < Object.keys(systems).length)) {
    return yield* new Failed({ message: "--out needs both systems, and figures without --quick" })
  }
  const server = compared.includes("redis") ? `redis-server ${yield* Server.version}` : "without redis-server"
  const rows: Array<Row> = []
  for (const [name, measure] of only) rows.push(...(yield* compare(name, measure, compared, options, rounds)))
  const file = new URL("../results/presence.json", import.meta.url)
  const results = Command.keep(file, { rounds, quick: values.quick, results: rows })
  const table = Terminal.table(`presences of five nodes, ${server}`, rows, ({ name }) => name, columns.map(asText))
  yield* Command.print(values.json, results, table)
  if (values.out === undefined) return
  const text = `${results.machine}, Node ${results.node}, ${server}, medians of ${rounds} interleaved rounds`
  const order = Object.values(measures).flatMap((measure) => measure.rows(options).map((row) => row.name))
  write(values.out, text, rows, order)
})

const asText = ({ of, title }: Page.Column<Row>): Terminal.Column<Row> => ({ title, of: (row) => of(row) ?? "" })

main.pipe(
  Effect.tapError(({ message }) => Console.error(message)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
