/**
 * Compares messages between two processes with other systems: messages per second, round trip time, broadcasts, and the
 * memory of a sender whose receiver stops reading. ../README.md defines the measures.
 *
 *     pnpm bench [--quick] [--rounds 3] [--only oneway,roundtrip,broadcast,stopped] [--systems raw,coterie] [--json]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as Command from "../harness/command.ts"
import * as Proofs from "../harness/proofs.ts"
import type { Cell, Plan, Timing } from "./harness/Cell.ts"
import * as NatsServer from "./harness/natsServer.ts"
import * as Rows from "./harness/rows.ts"
import * as Broadcast from "./measures/broadcast.ts"
import * as OneWay from "./measures/oneWay.ts"
import * as RoundTrip from "./measures/roundTrip.ts"
import * as Stopped from "./measures/stopped.ts"
import { systems } from "./systems/index.ts"

const { values: options } = parseArgs({ options: { ...Command.options, only: { type: "string" } } })

const measures: { readonly [name: string]: (plan: Plan) => ReadonlyArray<Cell> } = {
  oneway: OneWay.cells,
  roundtrip: RoundTrip.cells,
  broadcast: Broadcast.cells,
  stopped: Stopped.cells,
}

const timing: Timing = options.quick
  ? { warmUp: 400, measured: 600, stopped: 1_500 }
  : { warmUp: 1_500, measured: 2_000, stopped: 5_000 }

const main = Effect.gen(function* () {
  const rounds = yield* Command.roundsOf(options)
  const wantedMeasures = yield* Command.choose("only", measures, options.only)
  const wanted = yield* Command.choose("systems", systems, options.systems)

  const cores = yield* Command.findCores
  const natsPort = wanted.some(([, { needs }]) => needs === "nats-server") ? yield* NatsServer.start : undefined
  const measured = wanted.filter(([, { needs }]) => needs !== "nats-server" || natsPort !== undefined)
  for (const [name, { needs }] of wanted) {
    if (!measured.some(([other]) => other === name)) yield* Console.error(`${name} is skipped: ${needs} is missing`)
  }
  const proofs = Proofs.make()

  const plan: Plan = {
    systems: measured,
    timing,
    cores,
    setup: (system, mode, size) => ({
      system,
      mode,
      size,
      proofs,
      ...(natsPort === undefined ? {} : { natsPort }),
    }),
  }
  const rows = yield* Rows.measure(
    wantedMeasures.flatMap(([, cells]) => cells(plan)),
    rounds,
  )
  const results = Command.keep(new URL("../results/messages.json", import.meta.url), {
    rounds,
    quick: options.quick,
    results: rows,
  })
  yield* Command.print(options.json, results, Rows.tables(rows))
}).pipe(Effect.scoped)

main.pipe(
  Effect.tapError(({ message }) => Console.error(message)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
