/**
 * Instances of an application with one store, in a simulation with all faults. Each has queries of all keys, and mutates
 * them at random. After the faults, the last run of each query at each instance has read the last value.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import type * as Limits from "@coterie/core/Limits"
import type * as Transport from "@coterie/core/Transport"
import * as PeerReactivity from "@coterie/reactivity/PeerReactivity"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Stream from "effect/Stream"

/** Smallest window that a node accepts (docs/protocol.md, section "Limits"). */
const leastWindow = 1_024

const keys = ["a", "b", "c", "d", "e", "f"] as const

/** The store of all instances. It survives their crashes. */
type Store = Map<string, number>

class App extends Context.Service<
  App,
  {
    /** Value that the last run of the query of each key has read. */
    readonly seen: ReadonlyMap<string, number>
    /** Mutates a key. */
    readonly mutate: (key: string) => Effect.Effect<void>
    /** Stops the mutations. */
    readonly stop: Effect.Effect<void>
  }
>()("test/App") {}

const makeApp = Effect.fnUntraced(function* (store: Store) {
  const reactivity = yield* Reactivity.Reactivity
  const seen = new Map<string, number>()
  let isTalking = true
  for (const key of keys) {
    // A read takes time, and the answer is that of its start.
    const read = Effect.suspend(() => {
      const value = store.get(key) ?? 0
      return Effect.andThen(
        Effect.sleep("3 millis"),
        Effect.sync(() => void seen.set(key, value)),
      )
    })
    yield* Effect.forkScoped(Stream.runDrain(reactivity.stream([key], read)))
  }
  const write = Effect.fnUntraced(function* (key: string) {
    // A crash may come before the value is stored, and between that and the invalidation.
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 5))
    store.set(key, (store.get(key) ?? 0) + 1)
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 5))
  })
  const mutate = (key: string) => reactivity.mutation([key], write(key))
  const talk = Effect.gen(function* () {
    while (isTalking) {
      const key = keys[yield* Random.nextIntBetween(0, keys.length)] ?? "a"
      yield* mutate(key)
      yield* Effect.sleep(yield* Random.nextIntBetween(1, 400))
    }
  })
  yield* Effect.forkScoped(talk)
  return App.of({
    seen,
    mutate,
    stop: Effect.sync(() => {
      isTalking = false
    }),
  })
})

const layer = (
  name: string,
  seeds: ReadonlyArray<string>,
  store: Store,
  options: PeerReactivity.Options,
  limits: Partial<Limits.Limits>,
): Layer.Layer<App | Cluster.Cluster, unknown, Transport.Transport> =>
  Layer.provideMerge(Cluster.layerStart, Layer.effect(App)(makeApp(store))).pipe(
    Layer.provide(PeerReactivity.layerWith(options)),
    Layer.provideMerge(Cluster.layer({ cluster: "shop", name, seeds, limits, start: "manual" })),
  )

type Nodes = Readonly<Record<string, Simulation.Node<App | Cluster.Cluster>>>

/** Checks that each query at each node has read the last value of its key. */
const isFresh = (nodes: Nodes, store: Store): boolean | string => {
  for (const node of Object.values(nodes)) {
    const app = node.service(App)
    if (app === undefined) return `${node.name} is not running`
    for (const [key, value] of store) {
      const seen = app.seen.get(key)
      if (seen !== value) return `${node.name} has read ${seen} of ${key}, which is ${value}`
    }
  }
  return true
}

/** Mutations under all faults. */
export const mutations = Simulation.scenario(
  "after any faults, the queries of all instances have read the last mutation of their keys",
  { describe: ClusterTrace.describe(), faults: FaultPlan.swarm, timeLimit: "30 minutes", strict: true },
  (sim) =>
    Effect.gen(function* () {
      const store: Store = new Map()
      const size = yield* Random.nextIntBetween(2, 6)
      const names = Array.from({ length: size }, (_, i) => `n${i + 1}`)
      // Small windows and bounds make keys wait, and become "all keys".
      const limits = { laneWindowBytes: yield* Random.nextIntBetween(leastWindow, 4 * leastWindow) }
      const options = {
        maxKeys: yield* Random.nextIntBetween(1, 8),
        messageInterval: yield* Random.nextIntBetween(1, 200),
        allInterval: yield* Random.nextIntBetween(1, 2_000),
      }
      const nodes = yield* sim.nodes(names, (name) => layer(name, ["n1", "n2"], store, options, limits))
      yield* Invariant.sometimes("an instance has read an old value", () => isFresh(nodes, store) !== true)
      yield* Effect.sleep("20 seconds")
      yield* sim.converges(() => Object.values(nodes).every((node) => node.state === "running"))
      for (const node of Object.values(nodes)) yield* node.run(Effect.flatMap(App, ({ stop }) => stop))
      yield* sim.converges(() => isFresh(nodes, store), { within: "1 minute" })
      // Nobody hears of the writes of an instance that it has never listed (docs/reactivity.md, section "Guarantees").
      const allAreListed = () =>
        Object.values(nodes).every((node) => node.service(Cluster.Cluster)?.viewUnsafe().peers.size === size - 1)
      yield* sim.until("all instances list each other", allAreListed, { within: "2 minutes" })
      // The last mutation of an instance that does not return, at any moment of it. It may be lost with the link.
      const { [names.at(-1) ?? ""]: last, ...others } = nodes
      if (last === undefined) return
      yield* Effect.forkScoped(Effect.ignore(last.run(Effect.flatMap(App, ({ mutate }) => mutate("a")))))
      yield* Effect.sleep(yield* Random.nextIntBetween(1, 10))
      yield* (yield* Random.nextBoolean) ? last.crash : last.powerOff
      const othersAreFresh = () => isFresh(others, store)
      yield* sim.until("the others have read the last value without the writer", othersAreFresh, { within: "1 minute" })
    }),
)
