/**
 * Measures the memory and the CPU of one node at rest, alone in its process, and of bare sockets with a heartbeat each
 * second.
 *
 *     node benchmarks/memory/bench.ts [--links 0,50,200,1000] [--rounds 3] [--out docs]
 *
 * Before the first reading, links have come up and ended, so that the code is compiled. With `--out` it writes the
 * table into scale.md of the folder.
 */
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Process from "../harness/Process.ts"
import * as Rounds from "../harness/rounds.ts"
import { fill, table } from "../membership/markdown.ts"
import type { Calls } from "./Calls.ts"

const systems = ["raw", "coterie"] as const
type System = (typeof systems)[number]

/**
 * Figures of the node under test, by the measured property and the number of links: memory in bytes, and CPU in
 * milliseconds per second.
 */
interface Figures {
  readonly [name: string]: number | null
}

const properties = ["rss", "heap", "cpu"] as const
type Property = (typeof properties)[number]

const nameOf = (property: Property, links: number): string => `${property} with ${links} links`

/** Links that come up and end before the first reading. */
const warmUpLinks = 100

/** Time without messages before a reading, after which most links of a large cluster are idle. */
const idle = "20 seconds"

/** Seconds of a measurement of CPU. */
const seconds = 10

const start = Process.start<Calls>({
  module: new URL("child.ts", import.meta.url),
  core: undefined,
  flags: ["--expose-gc"],
})

const measure = Effect.fnUntraced(function* (system: System, counts: ReadonlyArray<number>) {
  const node = yield* start
  const peers = yield* start
  const port = yield* node.call("listen", system)
  const settled = (count: number) =>
    node.call("links").pipe(
      Effect.repeat({ until: (links) => links === count }),
      Effect.timeoutOrElse({
        duration: "1 minute",
        orElse: () => Effect.fail(new Process.Failed({ message: `the node never had ${count} links` })),
      }),
      Effect.andThen(Effect.sleep(idle)),
    )
  yield* peers.call("connect", system, port, { from: 0, to: warmUpLinks })
  yield* settled(warmUpLinks)
  yield* peers.call("disconnect")
  yield* settled(0)
  const figures: Record<string, number> = {}
  let links = 0
  for (const count of counts) {
    yield* peers.call("connect", system, port, { from: warmUpLinks + links, to: warmUpLinks + count })
    links = count
    yield* settled(count)
    const before = yield* node.call("cpu")
    yield* Effect.sleep(`${seconds} seconds`)
    figures[nameOf("cpu", count)] = ((yield* node.call("cpu")) - before) / seconds
    const { heap, rss } = yield* node.call("memory")
    figures[nameOf("heap", count)] = heap
    figures[nameOf("rss", count)] = rss
  }
  return figures
}, Effect.scoped)

const columns = ["links", ...systems.flatMap((system) => ["RSS", "heap", "ms/s"].map((title) => `${system}, ${title}`))]

/**
 * Rows of the table: the memory of the process in MiB and its CPU by the number of links, and the memory of one link in
 * KiB and its CPU in microseconds per second.
 */
const rowsOf = (counts: ReadonlyArray<number>, medians: ReadonlyMap<System, Figures>) => {
  const of = (system: System, property: Property, links: number): number =>
    medians.get(system)?.[nameOf(property, links)] ?? Number.NaN
  const cells = (value: (system: System, property: Property) => string) =>
    systems.flatMap((system) => properties.map((property) => value(system, property)))
  const first = counts[0] ?? 0
  const last = counts.at(-1) ?? 0
  return [
    ...counts.map((links) => [
      `${links}, MiB`,
      ...cells((system, property) => (of(system, property, links) / (property === "cpu" ? 1 : 2 ** 20)).toFixed(1)),
    ]),
    [
      `each of ${last - first}, KiB and µs/s`,
      ...cells((system, property) => {
        const grown = (of(system, property, last) - of(system, property, first)) / (last - first)
        return (property === "cpu" ? 1_000 * grown : grown / 2 ** 10).toFixed(1)
      }),
    ],
  ]
}

const main = Effect.gen(function* () {
  const { values } = parseArgs({
    options: {
      links: { type: "string", default: "0,50,200,1000" },
      rounds: { type: "string", default: "3" },
      out: { type: "string", default: "" },
    },
  })
  const counts = values.links.split(",").map(Number)
  const nothing: Figures = Object.fromEntries(
    counts.flatMap((count) => properties.map((property) => [nameOf(property, count), null])),
  )
  const cells = systems.map((system) => ({ label: system, system, measure: measure(system, counts) }))
  const measured = yield* Rounds.run<Figures, (typeof cells)[number]>(cells, Number(values.rounds), nothing)
  const incomplete = measured.flatMap(([{ label }, figures]) => (Object.values(figures).includes(null) ? label : []))
  if (incomplete.length > 0) {
    yield* Effect.fail(new Process.Failed({ message: `no complete round of ${incomplete}, so nothing is written` }))
  }
  const medians = new Map(measured.map(([{ system }, figures]) => [system, figures]))
  const machine = `${process.arch}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, medians of ${values.rounds} rounds`
  const text = `${machine}:\n\n${table(columns, rowsOf(counts, medians))}`
  yield* Console.log(text)
  if (values.out !== "") fill(new URL("scale.md", pathToFileURL(`${values.out}/`)), "memory", text)
})

NodeRuntime.runMain(main)
