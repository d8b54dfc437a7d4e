/**
 * Measures for how long a node that reads the presences of one owner does nothing else: with the snapshot, with the
 * end of the owner, and with the end of the grace. A pause is the time between two turns of the event loop, in which
 * timers and sockets run. It is CPU time of the thread, so that other processes do not count. Two nodes on loopback TCP
 * in one process. The measure is the ratio to a loop that puts the same entries into a `Map`, in the same run.
 *
 *     node benchmarks/state/steps.ts [--entries 2000,20000,100000] [--rounds 3] [--out docs]
 *
 * Of some rounds the shortest of their longest pauses counts, because a busy machine only makes pauses longer. The exit
 * code is 1 if a pause is longer than its bound. With `--out` it writes the table into state.md of the folder.
 */
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Cluster from "../../packages/core/src/Cluster.ts"
import * as NodeTransport from "../../packages/node-transport/src/NodeTransport.ts"
import { defaults, Overrides } from "../../packages/state/src/internal/Overrides.ts"
import { PresenceTable } from "../../packages/state/src/internal/presence/PresenceTable.ts"
import * as Presence from "../../packages/state/src/Presence.ts"
import { fill, table } from "../membership/markdown.ts"

/**
 * A pause may last as often as this as long as a loop over the entries, and over as many more entries as take the time of
 * the work that does not depend on their number: two parts, the fold of two slices, and a collection of garbage.
 */
const maxRatio = 1.5
const fixedEntries = 25_000

const stages = ["snapshot", "end of the owner", "end of the grace"] as const

const Value = Schema.Struct({ device: Schema.String })
type Value = typeof Value.Type

const graceMillis = 500

/** Returns the CPU time of this thread in milliseconds. Some machines count it in steps of 4 ms. */
const cpuMillis = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Records the longest time between two turns of the event loop. */
class Turns {
  private last = cpuMillis()
  private longest = 0
  private isRunning = true

  constructor() {
    this.turn()
  }

  /** Returns the longest pause since the last call. */
  take(): number {
    const { longest } = this
    this.longest = 0
    return longest
  }

  end(): void {
    this.isRunning = false
  }

  private readonly turn = (): void => {
    const now = cpuMillis()
    this.longest = Math.max(this.longest, now - this.last)
    this.last = now
    if (this.isRunning) setImmediate(this.turn)
  }
}

/** Returns the milliseconds of a loop that puts entries into a map. Short loops run many times. */
const loop = (count: number): number => {
  const keys = Array.from({ length: count }, (_, i) => Buffer.from(`user-${i}`).toString())
  const times = Math.ceil(200_000 / count)
  const begin = cpuMillis()
  for (let i = 0; i < times; i++) {
    const map = new Map<string, { readonly key: string; readonly value: Value }>()
    for (const key of keys) map.set(key, { key, value: { device: "web" } })
    if (map.size !== count) throw new Error("the loop has lost entries")
  }
  return (cpuMillis() - begin) / times
}

const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>) {
  const layer = Cluster.layer({ cluster: "steps", name, seeds }).pipe(
    Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
  )
  const scope = yield* Scope.fork(yield* Effect.scope)
  const cluster = Context.get(yield* Layer.buildWithScope(layer, scope), Cluster.Cluster)
  return { cluster, addresses: (yield* cluster.self).addresses, stop: Scope.close(scope, Exit.void) }
})

const open = (node: Effect.Success<ReturnType<typeof start>>) =>
  Effect.provideService(Presence.make("users", { value: Value, grace: graceMillis }), Cluster.Cluster, node.cluster)

/** Waits for a state of a table. A read of the presence would fold a step at once. */
const until = (condition: () => boolean) =>
  Effect.gen(function* () {
    while (!condition()) yield* Effect.sleep("5 millis")
  })

const round = (count: number) =>
  Effect.gen(function* () {
    const owner = yield* start("owner", [])
    const reader = yield* start("reader", owner.addresses)
    yield* Stream.runHead(Stream.filter(owner.cluster.views, ({ peers }) => peers.get("reader")?.link === "up"))
    const there = yield* open(owner)
    for (let i = 0; i < count; i++) yield* there.track(`user-${i}`, { device: "web" })
    const plain = { same: loop(count), allowed: maxRatio * loop(count + fixedEntries) }
    let readers: PresenceTable<unknown> = new PresenceTable(graceMillis)
    const makePresenceTable = <A>(grace: number): PresenceTable<A> => {
      const made = new PresenceTable<A>(grace)
      readers = made
      return made
    }
    const turns = yield* Effect.acquireRelease(
      Effect.sync(() => new Turns()),
      (each) => Effect.sync(() => each.end()),
    )
    yield* Effect.provideService(open(reader), Overrides, { ...defaults, makePresenceTable })
    yield* until(() => readers.size === count)
    const snapshot = turns.take()
    yield* owner.stop
    // The first keys may leave before this fiber runs.
    yield* until(() => readers.leavingSize === count || readers.size < count)
    const end = turns.take()
    yield* until(() => readers.size === 0)
    return { plain, pauses: [snapshot, end, turns.take()] }
  }).pipe(Effect.scoped)

const shortest = (numbers: ReadonlyArray<number>): number => Math.min(...numbers)

interface Row {
  readonly count: number
  readonly stage: string
  readonly pause: number
  readonly ratio: number
  readonly isWithin: boolean
}

const measure = (count: number, rounds: number) =>
  Effect.map(Effect.all(Array.from({ length: rounds }, () => round(count))), (all) => {
    const same = shortest(all.map(({ plain }) => plain.same))
    const allowed = shortest(all.map(({ plain }) => plain.allowed))
    return stages.map((stage, i): Row => {
      const pause = shortest(all.map(({ pauses }) => pauses[i] ?? Infinity))
      return { count, stage, pause, ratio: pause / same, isWithin: pause <= allowed }
    })
  })

const markdown = (rows: ReadonlyArray<Row>): string =>
  table(
    ["entries of one owner", "longest pause of a reader, ms of CPU", "pause to a loop over the entries"],
    rows.map(({ count, pause, ratio, stage }) => [
      `${count.toLocaleString("en")}, ${stage}`,
      pause.toFixed(0),
      ratio.toFixed(2),
    ]),
  )

const main = Effect.gen(function* () {
  const { values } = parseArgs({
    options: {
      entries: { type: "string", default: "2000,20000,100000" },
      rounds: { type: "string", default: "3" },
      out: { type: "string" },
    },
  })
  // The first use compiles and caches code.
  for (let i = 0; i < 2; i++) yield* round(5_000)
  const rows: Array<Row> = []
  for (const count of values.entries.split(",").map(Number))
    rows.push(...(yield* measure(count, Number(values.rounds))))
  const text = markdown(rows)
  process.stdout.write(`${text}\n`)
  if (values.out !== undefined) fill(new URL("state.md", pathToFileURL(`${values.out}/`)), "pauses", text)
  const long = rows.filter(({ isWithin }) => !isWithin)
  for (const { count, pause, stage } of long)
    process.stderr.write(`${count} entries, ${stage}: a pause of ${pause.toFixed(0)} ms is above its bound\n`)
  if (long.length > 0) process.exitCode = 1
})

await Effect.runPromise(Effect.provideService(main, References.MinimumLogLevel, "None"))
