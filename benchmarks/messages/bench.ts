/**
 * Compares messages between two processes with other systems: messages per second, round trip time, broadcasts, and the
 * memory of a sender whose receiver stops reading. ../README.md defines the measures.
 *
 *     pnpm bench [--quick] [--rounds 3] [--only oneway,roundtrip,broadcast,stopped] [--systems raw,coterie] [--json]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import { parseArgs } from "node:util"
import type { Cell, Plan, Timing } from "./harness/Cell.ts"
import * as Certificate from "./harness/certificate.ts"
import * as Cores from "./harness/cores.ts"
import * as NatsServer from "./harness/natsServer.ts"
import { Failed } from "./harness/Process.ts"
import * as Report from "./harness/report.ts"
import * as Rounds from "./harness/rounds.ts"
import * as Broadcast from "./measures/broadcast.ts"
import * as OneWay from "./measures/oneWay.ts"
import * as RoundTrip from "./measures/roundTrip.ts"
import * as Stopped from "./measures/stopped.ts"
import { systems } from "./systems/index.ts"

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    systems: { type: "string" },
  },
})

const measures: { readonly [name: string]: (plan: Plan) => ReadonlyArray<Cell> } = {
  oneway: OneWay.cells,
  roundtrip: RoundTrip.cells,
  broadcast: Broadcast.cells,
  stopped: Stopped.cells,
}

const timing: Timing = options.quick
  ? { warmUp: 400, measured: 600, stopped: 1_500 }
  : { warmUp: 1_500, measured: 2_000, stopped: 5_000 }

const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))

/** Returns the entries that a list names, or all entries without a list. */
const choose = <A>(what: string, from: Readonly<Record<string, A>>, list: string | undefined) => {
  const names = list?.split(",") ?? Object.keys(from)
  const unknown = names.filter((name) => !Object.hasOwn(from, name))
  return unknown.length === 0
    ? Effect.succeed(Object.entries(from).filter(([name]) => names.includes(name)))
    : Effect.fail(
        new Failed({ message: `--${what}: ${unknown.join(", ")} is unknown; use ${Object.keys(from).join(", ")}` }),
      )
}

const main = Effect.gen(function* () {
  if (!Number.isInteger(rounds) || rounds < 1) return yield* new Failed({ message: "--rounds must be 1 or more" })
  const wantedMeasures = yield* choose("only", measures, options.only)
  const wanted = yield* choose("systems", systems, options.systems)

  const cores = Cores.find()
  if (cores === undefined) yield* Console.error("processes are not pinned to cores: taskset is missing")
  else if (cores.sender === cores.receiver) yield* Console.error("sender and receiver share the only core")
  const natsPort = wanted.some(([, { needs }]) => needs === "nats-server") ? yield* NatsServer.start : undefined
  const measured = wanted.filter(([, { needs }]) => needs !== "nats-server" || natsPort !== undefined)
  for (const [name, { needs }] of wanted) {
    if (!measured.some(([other]) => other === name)) yield* Console.error(`${name} is skipped: ${needs} is missing`)
  }
  const certificate = yield* Effect.promise(Certificate.make)

  const plan: Plan = {
    systems: measured,
    timing,
    cores,
    setup: (system, mode, size) => ({
      system,
      mode,
      size,
      certificate,
      ...(natsPort === undefined ? {} : { natsPort }),
    }),
  }
  const rows = yield* Rounds.run(
    wantedMeasures.flatMap(([, cells]) => cells(plan)),
    rounds,
  )

  const [cpu] = os.cpus()
  const machine = `${cpu?.model ?? "unknown"}, ${os.cpus().length} cores`
  const run = { date: new Date().toISOString(), machine, node: process.version, rounds, quick: options.quick, timing }
  fs.writeFileSync(
    new URL("../results.json", import.meta.url),
    `${JSON.stringify({ ...run, results: rows }, undefined, 2)}\n`,
  )
  if (options.json) return yield* Console.log(JSON.stringify(rows))
  yield* Console.log(`${machine}, Node ${process.version}, medians of ${rounds} interleaved rounds\n`)
  yield* Console.log(Report.table(rows))
}).pipe(Effect.scoped)

main.pipe(
  Effect.tapError(({ message }) => Console.error(message)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
