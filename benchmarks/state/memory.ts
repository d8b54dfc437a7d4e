/**
 * Measures the memory of presences of 100 bytes at the node that tracks them and at a node that has copies: heap and
 * buffers after garbage collection, for each presence. Two nodes on loopback TCP in one process. Then the memory of each
 * of five nodes that share the presences equally.
 *
 *     node --expose-gc benchmarks/state/memory.ts [--entries 1000,10000,100000] [--out docs]
 *
 * With `--out` it writes the table into state.md of the folder.
 */
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Cluster from "../../packages/core/src/Cluster.ts"
import type * as ClusterError from "../../packages/core/src/ClusterError.ts"
import * as NodeTransport from "../../packages/node-transport/src/NodeTransport.ts"
import * as OwnedMap from "../../packages/state/src/OwnedMap.ts"
import * as Presence from "../../packages/state/src/Presence.ts"
import type { StateError } from "../../packages/state/src/StateError.ts"
import { fill, table } from "../membership/markdown.ts"

const User = Schema.Struct({ user: Schema.String, since: Schema.Number, status: Schema.String, device: Schema.String })

/** Returns a value that has 88 bytes as JSON, so that it has about 100 with its key. */
const userOf = (i: number): typeof User.Type => ({
  user: `user-${String(i).padStart(7, "0")}`,
  since: 1_795_608_000_093 + i,
  status: "online",
  device: "web",
})

/** Returns the bytes that are in use after garbage collection. Finalizers of buffers run between collections. */
const used = Effect.gen(function* () {
  const { gc } = globalThis
  if (gc === undefined) return yield* Effect.die(new Error("start Node with --expose-gc"))
  yield* Effect.repeat(Effect.andThen(Effect.sync(gc), Effect.sleep("20 millis")), { times: 4 })
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
})

const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>) {
  const layer = Cluster.layer({ cluster: "memory", name, seeds }).pipe(
    Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
  )
  const cluster = Context.get(yield* Layer.build(layer), Cluster.Cluster)
  return { cluster, addresses: (yield* cluster.self).addresses }
})

/** Bytes for each entry, at its owner and at a reader. */
interface Row {
  readonly of: "owned map" | "presence"
  readonly count: number
  readonly own: number
  readonly copy: number
}

interface System {
  readonly add: (i: number) => Effect.Effect<unknown, StateError, Scope.Scope>
  readonly count: Effect.Effect<number>
}

const systems: Readonly<
  Record<Row["of"], Effect.Effect<System, ClusterError.OptionsError, Cluster.Cluster | Scope.Scope>>
> = {
  "owned map": Effect.gen(function* () {
    const map = yield* OwnedMap.make("users", { key: Schema.String, value: User })
    return {
      add: (i: number) => map.set(`user-${i}`, userOf(i)),
      count: Effect.map(map.view, ({ entries }) => entries.length),
    }
  }),
  presence: Effect.gen(function* () {
    const users = yield* Presence.make("users", { value: User })
    return {
      add: (i: number) => users.track(`user-${i}`, userOf(i)),
      count: users.count,
    }
  }),
}

const measure = (of: Row["of"], count: number) =>
  Effect.gen(function* () {
    const owner = yield* start("owner", [])
    const reader = yield* start("reader", owner.addresses)
    yield* Stream.runHead(Stream.filter(owner.cluster.views, ({ peers }) => peers.get("reader")?.link === "up"))
    const open = (cluster: Cluster.Cluster["Service"]) => Effect.provideService(systems[of], Cluster.Cluster, cluster)
    const before = yield* used
    const here = yield* open(owner.cluster)
    for (let i = 0; i < count; i++) yield* here.add(i)
    const owned = yield* used
    const there = yield* open(reader.cluster)
    while ((yield* there.count) < count) yield* Effect.sleep("20 millis")
    const mirrored = yield* used
    const row: Row = { of, count, own: (owned - before) / count, copy: (mirrored - owned) / count }
    return row
  }).pipe(Effect.scoped)

const nodeCount = 5

/** Returns the bytes at each of five nodes for each presence, of which every node tracks a fifth. */
const measureFive = (count: number) =>
  Effect.gen(function* () {
    const first = yield* start("node 0", [])
    const others = yield* Effect.forEach(Array.from({ length: nodeCount - 1 }), (_, i) =>
      start(`node ${i + 1}`, first.addresses),
    )
    const nodes = [first, ...others]
    for (const { cluster } of nodes)
      yield* Stream.runHead(
        Stream.filter(
          cluster.views,
          ({ peers }) => [...peers.values()].filter(({ link }) => link === "up").length === 4,
        ),
      )
    const users = yield* Effect.forEach(nodes, ({ cluster }) =>
      Effect.provideService(systems.presence, Cluster.Cluster, cluster),
    )
    const before = yield* used
    for (let i = 0; i < count; i++) yield* users[i % nodeCount]?.add(i) ?? Effect.void
    for (const each of users) while ((yield* each.count) < count) yield* Effect.sleep("20 millis")
    return ((yield* used) - before) / nodeCount / count
  }).pipe(Effect.scoped)

const kinds = ["owned map", "presence"] as const

const markdown = (rows: ReadonlyArray<Row>): string =>
  table(
    ["entries of 100 bytes", "own, bytes each", "copy at another node, bytes each"],
    rows.map(({ copy, count, of, own }) => [
      `${count.toLocaleString("en")}, ${of}`,
      Math.round(own).toString(),
      Math.round(copy).toString(),
    ]),
  )

const main = Effect.gen(function* () {
  const { values } = parseArgs({
    options: { entries: { type: "string", default: "1000,10000,100000" }, out: { type: "string" } },
  })
  // The first use compiles and caches code.
  for (const kind of kinds) yield* measure(kind, 1_000)
  const rows: Array<Row> = []
  for (const kind of kinds)
    for (const count of values.entries.split(",").map(Number)) rows.push(yield* measure(kind, count))
  const five = table(
    ["presences of 100 bytes on five nodes", "each node, bytes for each presence", "each node, MB"],
    yield* Effect.forEach(
      values.entries
        .split(",")
        .map(Number)
        .filter((count) => count >= 10_000),
      (count) =>
        Effect.map(measureFive(count), (bytes) => [
          count.toLocaleString("en"),
          Math.round(bytes).toString(),
          ((bytes * count) / 1e6).toFixed(1),
        ]),
    ),
  )
  const text = `${markdown(rows)}\n\n${five}`
  process.stdout.write(`${text}\n`)
  if (values.out !== undefined) fill(new URL("state.md", pathToFileURL(`${values.out}/`)), "memory", text)
})

await Effect.runPromise(Effect.provideService(main, References.MinimumLogLevel, "None"))
