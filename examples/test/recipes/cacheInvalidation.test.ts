/** Runs the program of docs/recipes/cache-invalidation.md. */
import { Cluster } from "@coterie/core"
import { SimNetwork, type Simulation, VirtualTime } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert } from "@effect/vitest"
import { Cache, Context, Effect, Fiber, Latch, Layer, Logger, Schema, Stream } from "effect"
import { KeyValueStore } from "effect/persistence"
import * as Profiles from "../../recipes/cacheInvalidation.ts"
import * as Invalidation from "../../recipes/Invalidation.ts"

const Colours = Invalidation.topic("colours", Schema.String)

it.effect("caches hold no overwritten value, including values written during a partition", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "5 millis" })
    const store = new Map<string, string>()
    const start = Effect.fnUntraced(function* (name: string) {
      const node = yield* Cluster.layer({ cluster: "cache", name, seeds: ["a"] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.provide(Logger.layer([])),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
      const events: Array<string> = []
      const cache = yield* Cache.make({
        capacity: 100,
        lookup: (key: string) => Effect.sync(() => store.get(key) ?? "nothing"),
      })
      const onInvalidated = ({ _tag }: Invalidation.Event<string>) => Effect.sync(() => void events.push(_tag))
      const { invalidate } = yield* Effect.provideService(
        Invalidation.attach(cache, Colours, { onInvalidated }),
        Cluster.Cluster,
        node,
      )
      const put = (key: string, value: string) =>
        Effect.suspend(() => {
          store.set(key, value)
          return invalidate(key)
        })
      const sees = (link: "up" | "down") =>
        Stream.runHead(Stream.filter(node.views, ({ peers }) => peers.size > 0 === (link === "up")))
      return { get: (key: string) => Cache.get(cache, key), put, events, sees }
    })
    const a = yield* start("a")
    const b = yield* start("b")
    yield* b.sees("up")
    yield* Effect.sleep("1 second")
    // Each node invalidates the whole cache when it meets the other.
    assert.deepStrictEqual([a.events, b.events], [["Unheard"], ["Unheard"]])

    assert.strictEqual(yield* b.get("sky"), "nothing")
    yield* a.put("sky", "blue")
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* b.get("sky"), "blue")
    assert.deepStrictEqual(b.events.splice(0), ["Unheard", "Key"])

    store.set("sky", "written silently")
    assert.strictEqual(yield* b.get("sky"), "blue", "the cache keeps a value that was not invalidated")
    yield* network.partition(["a"], ["b"])
    yield* b.sees("down")
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(b.events.splice(0), ["Gap"])
    assert.strictEqual(yield* b.get("sky"), "written silently")

    // b cannot receive this invalidation. It invalidates its whole cache when it has a link to a again.
    yield* a.put("sky", "red")
    assert.strictEqual(yield* b.get("sky"), "written silently")
    yield* network.heal
    yield* b.sees("up")
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(b.events, ["Unheard"])
    assert.strictEqual(yield* b.get("sky"), "red")
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("a peer that reads slowly is told to forget everything once, not each of the keys that wait", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "5 millis" })
    const attach = Effect.fnUntraced(function* (
      name: string,
      onInvalidated: (event: Invalidation.Event<string>) => Effect.Effect<void>,
    ) {
      const node = yield* Cluster.layer({ cluster: "cache", name, seeds: ["a"] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.provide(Logger.layer([])),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
      const cache = yield* Cache.make({ capacity: 100, lookup: (key: string) => Effect.succeed(key) })
      return yield* Effect.provideService(Invalidation.attach(cache, Colours, { onInvalidated }), Cluster.Cluster, node)
    })
    const reads = yield* Latch.make(true)
    const events: Array<string> = []
    const a = yield* attach("a", () => Effect.void)
    yield* attach("b", ({ _tag }) =>
      Effect.andThen(
        Effect.sync(() => void events.push(_tag)),
        reads.await,
      ),
    )
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(events.splice(0), ["Unheard"])

    yield* reads.close
    // More than a peer may send before the reader takes some: 256 KiB.
    const keys = Array.from({ length: 1_000 }, (_, i) => `colour ${i}`.padEnd(1_000))
    for (const key of keys) yield* a.invalidate(key)
    yield* reads.open
    yield* Effect.sleep("1 minute")
    assert.isBelow(events.length, 600)
    assert.strictEqual(events.at(-1), "Unheard")
  }).pipe(Effect.scoped, VirtualTime.flow),
)

const names = ["a", "b", "c"] as const

/** Starts three instances with one store. A read takes 40 ms. A write takes 20 ms, with the change in the middle. */
const start = Effect.fnUntraced(function* (sim: Simulation.Sim) {
  const entries = new Map<string, string>()
  const read = <A>(f: () => A) => Effect.tap(Effect.sync(f), Effect.sleep("40 millis"))
  const write = (f: () => void) =>
    Effect.sleep("10 millis").pipe(Effect.andThen(Effect.sync(f)), Effect.andThen(Effect.sleep("10 millis")))
  const store = KeyValueStore.makeStringOnly({
    get: (key) => read(() => entries.get(key)),
    set: (key, value) => write(() => void entries.set(key, value)),
    remove: (key) => write(() => void entries.delete(key)),
    clear: write(() => entries.clear()),
    size: read(() => entries.size),
    keys: read(() => [...entries.keys()]),
  })
  const nodes = yield* sim.nodes(
    names,
    (name) =>
      Profiles.layer.pipe(
        Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)),
        Layer.provideMerge(Cluster.layer({ cluster: "profiles", name, seeds: names, start: "manual" })),
      ),
    { start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start) },
  )
  type Node = (typeof nodes)["a"]
  return {
    nodes,
    shown: (node: Node) => node.run(Effect.flatMap(Profiles.Profiles, ({ name }) => name("ann"))),
    rename: (node: Node, name: string) =>
      node.run(Effect.flatMap(Profiles.Profiles, ({ rename }) => rename("ann", name))),
    linked: (node: Node, count: number) => () =>
      [...(node.service(Cluster.Cluster)?.viewUnsafe().peers.values() ?? [])].filter(({ link }) => link === "up")
        .length === count,
  }
})

it.sim("the recipe shows a new name at all instances, including an instance that was cut off", {}, (sim) =>
  Effect.gen(function* () {
    const { linked, nodes, rename, shown } = yield* start(sim)
    const { a, b, c } = nodes
    for (const node of [a, b, c]) yield* sim.until("all have links", linked(node, 2))
    for (const node of [a, b, c]) assert.strictEqual(yield* shown(node), "ann")
    yield* rename(a, "Ann")
    yield* Effect.sleep("1 second")
    for (const node of [a, b, c]) assert.strictEqual(yield* shown(node), "Ann")

    yield* sim.network.partition(["c"], ["a", "b"])
    yield* sim.until("c is alone", linked(c, 0))
    assert.strictEqual(yield* shown(c), "Ann")
    yield* rename(a, "Anna")
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual([yield* shown(b), yield* shown(c)], ["Anna", "Ann"])
    yield* sim.network.heal
    yield* sim.until("c is back", linked(c, 2))
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* shown(c), "Anna")
  }),
)

it.sim("the recipe shows a new name even if the writer crashed before it invalidated the caches", {}, (sim) =>
  Effect.gen(function* () {
    const { linked, nodes, rename, shown } = yield* start(sim)
    const { a, b } = nodes
    yield* sim.until("b has links", linked(b, 2))
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* shown(b), "ann")
    const writing = yield* Effect.forkScoped(Effect.ignore(rename(a, "Ann")))
    // The store has the name, and the write has not returned.
    yield* Effect.sleep("15 millis")
    yield* a.crash
    yield* Fiber.join(writing)
    assert.strictEqual(yield* shown(b), "ann")
    yield* sim.until("b has lost a", linked(b, 1))
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* shown(b), "Ann")
  }),
)

it.sim("the recipe does not cache a name that was overwritten in the store during its lookup", {}, (sim) =>
  Effect.gen(function* () {
    const { linked, nodes, rename, shown } = yield* start(sim)
    const { a, b } = nodes
    yield* sim.until("b has links", linked(b, 2))
    yield* Effect.sleep("1 second")
    const writing = yield* Effect.forkScoped(rename(a, "Ann"))
    // The lookup has the old name, and returns it after the invalidation has arrived.
    const reading = yield* Effect.forkScoped(shown(b))
    yield* Fiber.join(writing)
    assert.strictEqual(yield* Fiber.join(reading), "ann")
    assert.strictEqual(yield* shown(b), "Ann")
  }),
)
