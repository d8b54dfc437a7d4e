/** Runs the program of docs/recipes/cache-invalidation.md. */
import { Cluster } from "@coterie/core"
import type { Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { KeyValueStore } from "effect/persistence"
import * as Profiles from "../../recipes/cacheInvalidation.ts"

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
    // The caches forget everything when the instances meet, for the last time a second later.
    yield* Effect.sleep("3 seconds")
    assert.strictEqual(yield* shown(b), "ann")
    const writing = yield* Effect.forkScoped(Effect.ignore(rename(a, "Ann")))
    // The store has the name, and the write has not returned.
    yield* Effect.sleep("15 millis")
    yield* a.crash
    yield* Fiber.join(writing)
    assert.strictEqual(yield* shown(b), "ann")
    yield* sim.until("b takes a for failed", () => b.service(Cluster.Cluster)?.viewUnsafe().peers.has("a") === false)
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* shown(b), "Ann")
  }),
)

it.sim("the recipe does not cache a name that was overwritten in the store during its lookup", {}, (sim) =>
  Effect.gen(function* () {
    const { linked, nodes, rename, shown } = yield* start(sim)
    const { a, b } = nodes
    yield* sim.until("b has links", linked(b, 2))
    yield* Effect.sleep("3 seconds")
    const writing = yield* Effect.forkScoped(rename(a, "Ann"))
    // The lookup has the old name, and returns it after the invalidation has arrived.
    const reading = yield* Effect.forkScoped(shown(b))
    yield* Fiber.join(writing)
    assert.strictEqual(yield* Fiber.join(reading), "ann")
    assert.strictEqual(yield* shown(b), "Ann")
  }),
)
