/**
 * Compares the speed of messages of two revisions of this repository: CPU time and throughput of interleaved windows.
 * ../README.md defines the measures.
 *
 *     pnpm bench:compare BASE [HEAD] [--only batch-100,roundtrip] [--rounds 3] [--pairs 5] [--window 400]
 *       [--warm-up 2000] [--json]
 */
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Command from "../harness/command.ts"
import * as Arguments from "./arguments.ts"
import type { Case, Measure, Options } from "./cases.ts"
import * as Checkout from "./checkout.ts"
import * as Report from "./report.ts"
import type { Pair } from "./statistics.ts"

const nanosPerMilli = 1e6

const root = path.join(import.meta.dirname, "../..")

/** Returns the module of the child processes of a revision. Without a revision, that of this working tree. */
const moduleOf = Effect.fnUntraced(function* (revision: string | undefined) {
  if (revision === undefined) return new URL("child.ts", import.meta.url)
  yield* Console.error(`checking out ${revision}`)
  const folder = yield* Checkout.workingTree(root, revision)
  yield* Checkout.prepare(root, folder)
  return pathToFileURL(path.join(folder, "benchmarks/compare/child.ts"))
})

/** Runs windows until the processes have run for the warm-up, however little of the cores they get. */
const warmUp = Effect.fnUntraced(function* (measure: Measure, plan: Arguments.Arguments) {
  let left = plan.warmUp * nanosPerMilli
  while (left > 0) left -= (yield* measure(plan.window)).time.ran
})

/** Measures one round of a case: new processes of both revisions, and pairs of windows in alternating order. */
const round = (start: Case, { base, head }: Record<"base" | "head", Options>, plan: Arguments.Arguments) =>
  Effect.scoped(
    Effect.gen(function* () {
      const measureBase = yield* start(base)
      const measureHead = yield* start(head)
      yield* warmUp(measureBase, plan)
      yield* warmUp(measureHead, plan)
      const pairs: Array<Pair> = []
      for (let i = 0; i < plan.pairs; i++) {
        if (i % 2 === 0) {
          const ofBase = yield* measureBase(plan.window)
          pairs.push({ base: ofBase, head: yield* measureHead(plan.window) })
        } else {
          const ofHead = yield* measureHead(plan.window)
          pairs.push({ base: yield* measureBase(plan.window), head: ofHead })
        }
      }
      return pairs
    }),
  )

const main = Effect.gen(function* () {
  const plan = yield* Arguments.parse(process.argv.slice(2))
  const cores = yield* Command.findCores
  const base = { module: yield* moduleOf(plan.base), cores }
  const head = { module: yield* moduleOf(plan.head), cores }
  const pairs = new Map<string, Array<Pair>>(plan.cases.map(([name]) => [name, []]))
  for (let i = 1; i <= plan.rounds; i++) {
    for (const [name, start] of plan.cases) {
      yield* Console.error(`round ${i} of ${plan.rounds}: ${name}`)
      pairs.get(name)?.push(...(yield* round(start, { base, head }, plan)))
    }
  }
  const rows = [...pairs].flatMap(([name, some]) => Report.rowsOf(name, some))
  yield* Console.log(
    plan.json
      ? JSON.stringify(rows)
      : `base ${plan.base}, head ${plan.head ?? "working tree"}\n\n${Report.tables(rows)}`,
  )
}).pipe(Effect.scoped)

main.pipe(
  Effect.tapError(({ message }) => Console.error(message)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
