/**
 * Shared values in a simulation with all faults and with clocks that are wrong by up to an hour. No node ever goes back
 * to a write that its present writer had seen. After the faults all nodes agree, and the values outlive all nodes but
 * one.
 */
import * as Cluster from "@coterie/core/Cluster"
import type * as Transport from "@coterie/core/Transport"
import * as SharedValue from "@coterie/state/SharedValue"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { defaults, Overrides } from "../../src/internal/Overrides.ts"
import { supervise } from "../supervise.ts"

/** Names of the values. */
const names = ["flag", "level"] as const
type Name = (typeof names)[number]

/** A write has an id, and the initial value has none. */
type Value = SharedValue.SharedValue<string>

const hourMillis = 3_600_000

/** Observed actions of all nodes. */
class Observations {
  readonly wrong: Array<string> = []
  /** `true` while the nodes write. */
  isChanging = true
  private readonly tags = new Map<string, number>()
  /** Write that the writer of a write had seen. */
  private readonly seen = new Map<string, string>()

  count(tag: string): void {
    this.tags.set(tag, (this.tags.get(tag) ?? 0) + 1)
  }

  counted(tag: string): number {
    return this.tags.get(tag) ?? 0
  }

  /** Records that the writer of a write had seen another one. Returns the id of the write. */
  wrote(by: string, seen: string): string {
    const id = `${by}#${this.seen.size}`
    this.seen.set(id, seen)
    return id
  }

  /** Checks that a write is not one that the writer of the other one had seen. */
  check(node: string, before: string, after: string): void {
    if (before === after) return
    for (let id = this.seen.get(before); id !== undefined; id = this.seen.get(id))
      if (id === after) this.wrong.push(`${node} goes back from "${before}" to "${after}"`)
  }
}

class App extends Context.Service<
  App,
  {
    readonly cluster: Cluster.Cluster["Service"]
    /** Present values. */
    readonly present: ReadonlyMap<Name, string>
    readonly tags: ReadonlyArray<string>
  }
>()("test/SharedValues/App") {}

type Nodes = Readonly<Record<string, Simulation.Node<App>>>

const makeApp = Effect.fnUntraced(function* (name: string, observations: Observations) {
  const cluster = yield* Cluster.Cluster
  const tags: Array<string> = []
  const present = new Map<Name, string>()
  yield* Effect.forkScoped(Stream.runForEach(cluster.events, ({ _tag }) => Effect.sync(() => void tags.push(_tag))))

  const follow = (key: Name, value: Value) =>
    Stream.runForEach(value.values, (id) =>
      Effect.sync(() => {
        observations.check(name, present.get(key) ?? "", id)
        present.set(key, id)
      }),
    )
  const change = (value: Value) =>
    Effect.gen(function* () {
      yield* Effect.sleep(yield* Random.nextIntBetween(20, 1_500))
      if (!observations.isChanging) return
      let written = ""
      yield* Effect.orDie(value.update((seen) => (written = observations.wrote(name, seen))))
      observations.check(name, written, yield* value.get)
    })
  for (const key of names) {
    const value: Value = yield* SharedValue.make(key, { value: Schema.String, initial: "" })
    yield* Effect.forkScoped(follow(key, value))
    yield* Effect.forkScoped(
      Stream.runForEach(value.conflicts, () => Effect.sync(() => observations.count("conflict"))),
    )
    yield* Effect.forkScoped(Effect.forever(change(value)))
  }
  return App.of({ cluster, tags, present })
})

const layer = (
  name: string,
  observations: Observations,
  overrides: Partial<Overrides>,
): Layer.Layer<App, unknown, Transport.Transport> =>
  Layer.effect(App)(makeApp(name, observations)).pipe(
    Layer.provide(Layer.succeed(Overrides, { ...defaults, ...overrides })),
    Layer.provide(Cluster.layer({ cluster: "values", name, seeds: ["n1", "n2"] })),
  )

/** Returns `true` if all nodes have links to each other, or a node that does not. */
const isLinked = (nodes: Nodes): boolean | string => {
  for (const [name, node] of Object.entries(nodes)) {
    const app = node.service(App)
    if (app === undefined) return `${name} is not running`
    const { peers } = app.cluster.viewUnsafe()
    for (const other of Object.keys(nodes)) {
      if (other !== name && peers.get(other)?.link !== "up") return `${name} has no link to ${other}`
    }
  }
  return true
}

const presentOf = (nodes: Nodes): ReadonlyArray<string> =>
  Object.values(nodes).map((node) => names.map((name) => node.service(App)?.present.get(name) ?? "?").join())

/** Returns `true` if all nodes have the same values, or the values. */
const isAgreed = (nodes: Nodes): boolean | string => {
  const present = presentOf(nodes)
  return new Set(present).size === 1 && !present.includes("?,?") ? true : present.join(" | ")
}

/** Checks that the values outlive all nodes but one, which need not be the writer. */
const outlive = Effect.fnUntraced(function* (sim: Simulation.Sim, nodes: Nodes) {
  const before = presentOf(nodes)[0]
  const all = Object.values(nodes)
  const survivor = all[yield* Random.nextIntBetween(0, all.length - 1)]
  for (const node of all) if (node !== survivor) yield* (yield* Random.nextBoolean) ? node.crash : node.stop
  yield* Effect.sleep("1 minute")
  for (const node of all) if (node !== survivor) yield* node.restart
  yield* sim.until("the nodes have links again", () => isLinked(nodes), { within: "2 minutes" })
  yield* sim.until(
    "the values have outlived the other nodes",
    () => presentOf(nodes).every((present) => present === before) || `${presentOf(nodes).join(" | ")}, not ${before}`,
    { within: "10 seconds" },
  )
})

/** Makes a scenario with shared values under all faults. Some of many seeds must reach each of the goals. */
export const scenario = (name: string, overrides: Partial<Overrides> = {}, goals: ReadonlyArray<string> = []) =>
  Simulation.scenario(name, { faults: FaultPlan.swarm, timeLimit: "30 minutes", strict: true }, (sim) =>
    Effect.gen(function* () {
      const observations = new Observations()
      const nodeNames = Array.from({ length: yield* Random.nextIntBetween(2, 7) }, (_, i) => `n${i + 1}`)
      yield* Invariant.always("no write replaces one whose writer had seen it", () => observations.wrong[0] ?? true)
      for (const tag of goals) yield* Invariant.sometimes(tag, () => observations.counted(tag) > 0)
      const nodes = yield* sim.nodes(nodeNames, (name) => layer(name, observations, overrides))
      for (const node of Object.values(nodes))
        yield* Effect.ignore(node.setClock(yield* Random.nextIntBetween(-hourMillis, hourMillis)))
      yield* Effect.forkScoped(supervise(nodes, (node) => node.service(App)?.tags.includes("Superseded") === true))
      yield* Effect.sleep("20 seconds")
      yield* sim.converges(() => isLinked(nodes), { within: "2 minutes" })
      observations.isChanging = false
      // The first write of a node that has just started waits for its peers.
      yield* Effect.sleep("2 seconds")
      yield* sim.converges(() => isAgreed(nodes), { within: "10 seconds" })
      yield* outlive(sim, nodes)
    }),
  )

/** The scenario without a defect, for few seeds. */
export const fewSeeds = scenario("shared values agree, and outlive all nodes but one")

/** The scenario without a defect. */
export const sharedValues = scenario("shared values agree after faults, and outlive all nodes but one", {}, [
  "conflict",
])
