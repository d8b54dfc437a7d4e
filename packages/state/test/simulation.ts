/**
 * Owned maps in a simulation with all faults. Every copy is at all times the state of its owner after one of the
 * owner's steps, and after the faults every node has the newest entries of all others and no others.
 */
import type * as ChangeFeed from "@coterie/core/ChangeFeed"
import * as Cluster from "@coterie/core/Cluster"
import type * as Limits from "@coterie/core/Limits"
import type * as Transport from "@coterie/core/Transport"
import * as OwnedMap from "@coterie/state/OwnedMap"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { defaults, Overrides } from "../src/internal/Overrides.ts"
import { supervise } from "./supervise.ts"

type TestMap = OwnedMap.OwnedMap<string, string>
type Entries = ReadonlyMap<string, string>

/** Key whose value numbers the steps of an instance. */
const stepKey = "step"

/** Smallest window that a node accepts. */
const leastWindow = 1_024

/** Returns a text that is equal for equal entries. */
const textOf = (entries: Entries): string => JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))

/** Observed actions of all nodes. */
class Observations {
  readonly wrong: Array<string> = []
  /** Entries of each owner after each of its steps, by the value of its step key. */
  readonly history = new Map<string, string>()
  private readonly tags = new Map<string, number>()

  count(tag: string): void {
    this.tags.set(tag, (this.tags.get(tag) ?? 0) + 1)
  }

  counted(tag: string): number {
    return this.tags.get(tag) ?? 0
  }

  /** Checks that a copy is the state of its owner after one of its steps. */
  checkCopy(reader: string, owner: string, entries: Entries): void {
    const step = entries.get(stepKey)
    if (entries.size === 0) return
    const expected = step === undefined ? undefined : this.history.get(step)
    const actual = textOf(entries)
    if (actual !== expected) this.wrong.push(`${reader} has ${actual} of ${owner}, which had ${expected} at ${step}`)
  }
}

class App extends Context.Service<
  App,
  {
    readonly cluster: Cluster.Cluster["Service"]
    /** The map, unless it is closed now. */
    readonly map: () => TestMap | undefined
    /** Own entries after the last step. */
    readonly own: () => Entries
    /** Entries by owner, folded from the changes. */
    readonly folded: () => ReadonlyMap<string, Entries>
    readonly stopChanges: Effect.Effect<void>
    readonly tags: ReadonlyArray<string>
  }
>()("test/App") {}

type Nodes = Readonly<Record<string, Simulation.Node<App>>>

/** Folds the changes of a map, by owner. */
class Folded {
  readonly owners = new Map<string, Map<string, string>>()
  private readonly touched = new Set<string>()
  private readonly state = new Map<string, OwnedMap.Entry<string, string>>()

  apply(item: ChangeFeed.Item<OwnedMap.View<string, string>, OwnedMap.Change<string, string>>): void {
    OwnedMap.apply(this.state, item)
    if (item._tag === "Snapshot") {
      for (const name of this.owners.keys()) this.touched.add(name)
      for (const entry of item.state.entries) this.touched.add(entry.owner.name)
    } else if (item._tag === "Set" || item._tag === "Removed") this.touched.add(item.entry.owner.name)
  }

  /** Updates the entries of the owners that have changed, and returns their names. */
  takeTouched(): ReadonlyArray<string> {
    const names = [...this.touched]
    this.touched.clear()
    for (const name of names) this.owners.delete(name)
    for (const { key, owner, value } of this.state.values()) {
      if (!names.includes(owner.name)) continue
      const entries = this.owners.get(owner.name) ?? new Map<string, string>()
      this.owners.set(owner.name, entries.set(key, value))
    }
    return names
  }
}

/** Map of one life of a node. */
interface State {
  isChanging: boolean
  map: TestMap | undefined
  own: Map<string, string>
  folded: Folded
}

const pause = Effect.flatMap(Random.nextIntBetween(20, 800), (millis) => Effect.sleep(millis))

/** Folds the changes of a map, and checks each copy. */
const follow = (name: string, map: TestMap, folded: Folded, observations: Observations) =>
  Stream.runForEachArray(map.changes, (items) =>
    Effect.sync(() => {
      for (const item of items) {
        folded.apply(item)
        observations.count(item._tag)
        if (item._tag === "Removed") {
          observations.count(`Removed: ${item.why}`)
          if (item.why === "diverged" || item.why === "refused" || item.why === "undecodable")
            observations.wrong.push(`${name} lost the entry ${OwnedMap.idOf(item.entry)}, because it ${item.why}`)
        }
        if (item._tag === "OwnerChanged") observations.count(`OwnerChanged: ${item.owner?.state}`)
      }
      for (const owner of folded.takeTouched()) {
        observations.checkCopy(name, owner, folded.owners.get(owner) ?? new Map<string, string>())
      }
    }),
  )

/** Opens the map for some time, and changes its own entries in steps. */
const instance = Effect.fnUntraced(function* (
  name: string,
  state: State,
  observations: Observations,
  options: { readonly limits: Partial<OwnedMap.Limits>; readonly duration: number },
) {
  const map = yield* OwnedMap.make("test", { key: Schema.String, value: Schema.String, limits: options.limits })
  const id = `${name}/${yield* Random.nextInt}`
  const own = new Map<string, string>()
  const folded = new Folded()
  Object.assign(state, { map, own, folded })
  yield* Effect.forkScoped(follow(name, map, folded, observations))
  let step = 0
  const change = Effect.gen(function* () {
    const many = (yield* Random.nextIntBetween(0, 10)) === 0 ? yield* Random.nextIntBetween(5, 40) : 1
    for (let i = 0; i < many && state.isChanging; i++) {
      const key = `k${yield* Random.nextIntBetween(0, 60)}`
      if ((yield* Random.nextIntBetween(0, 3)) === 0) own.delete(key)
      else own.set(key, "x".repeat(yield* Random.nextIntBetween(0, 60)))
      own.set(stepKey, `${id}@${++step}`)
      observations.history.set(`${id}@${step}`, textOf(own))
      yield* Effect.orDie(map.setAll(own))
    }
    yield* pause
  })
  yield* Effect.raceFirst(Effect.forever(change), Effect.sleep(options.duration))
  state.map = undefined
}, Effect.scoped)

const makeApp = Effect.fnUntraced(function* (
  name: string,
  observations: Observations,
  limits: Partial<OwnedMap.Limits>,
) {
  const cluster = yield* Cluster.Cluster
  const tags: Array<string> = []
  const state: State = { isChanging: true, map: undefined, own: new Map(), folded: new Folded() }
  yield* Effect.forkScoped(Stream.runForEach(cluster.events, ({ _tag }) => Effect.sync(() => void tags.push(_tag))))
  const run = Effect.gen(function* () {
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 3_000))
    for (let i = yield* Random.nextIntBetween(0, 3); i > 0; i--) {
      yield* instance(name, state, observations, { limits, duration: yield* Random.nextIntBetween(0, 4_000) })
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 1_000))
    }
    yield* instance(name, state, observations, { limits, duration: Infinity })
  })
  yield* Effect.forkScoped(Effect.orDie(run))
  return App.of({
    cluster,
    tags,
    map: () => state.map,
    own: () => state.own,
    folded: () => state.folded.owners,
    stopChanges: Effect.sync(() => {
      state.isChanging = false
    }),
  })
})

interface Options {
  readonly observations: Observations
  readonly limits: Partial<Limits.Limits>
  readonly mapLimits: Partial<OwnedMap.Limits>
  readonly overrides: Partial<Overrides>
}

const layer = (
  name: string,
  { limits, mapLimits, observations, overrides }: Options,
): Layer.Layer<App, unknown, Transport.Transport> =>
  Layer.effect(App)(makeApp(name, observations, mapLimits)).pipe(
    Layer.provide(Layer.succeed(Overrides, { ...defaults, ...overrides })),
    Layer.provide(Cluster.layer({ cluster: "state", name, seeds: ["n1", "n2"], limits })),
  )

/** Returns `true` if all nodes have links to each other, or a node that does not. */
const isLinked = (nodes: Nodes): boolean | string => {
  for (const [name, node] of Object.entries(nodes)) {
    const app = node.service(App)
    if (app?.map() === undefined) return `${name} has no map`
    const { peers } = app.cluster.viewUnsafe()
    for (const other of Object.keys(nodes)) {
      if (other !== name && peers.get(other)?.link !== "up") return `${name} has no link to ${other}`
    }
  }
  return true
}

/** Returns `true` if every node shows the entries of all nodes and no others, or the first difference. */
const isConverged = (nodes: Nodes): boolean | string => {
  for (const [name, node] of Object.entries(nodes)) {
    const folded = node.service(App)?.folded()
    if (folded === undefined) return `${name} is not running`
    for (const owner of folded.keys()) if (nodes[owner] === undefined) return `${name} has entries of ${owner}`
    for (const [owner, other] of Object.entries(nodes)) {
      const own = other.service(App)?.own() ?? new Map<string, string>()
      const copy = folded.get(owner) ?? new Map<string, string>()
      if (textOf(copy) !== textOf(own)) return `${name} has ${textOf(copy)} of ${owner}, which has ${textOf(own)}`
    }
  }
  return true
}

/** Checks that the view of each map is the fold of its changes. */
const viewIsFold = (nodes: Nodes) =>
  Effect.forEach(Object.values(nodes), (node) =>
    Effect.gen(function* () {
      const app = node.service(App)
      const map = app?.map()
      if (app === undefined || map === undefined) return
      const { entries } = yield* map.view
      const view = entries.map(({ key, owner, value }) => `${owner.name} ${key} ${value}`).sort()
      const folded = [...app.folded()].flatMap(([owner, of]) =>
        [...of].map(([key, value]) => `${owner} ${key} ${value}`),
      )
      assert.deepStrictEqual(folded.sort(), view, `the fold and the view of ${node.name}`)
    }),
  )

/** Makes a scenario with owned maps under all faults. Some of many seeds must reach each of the goals. */
export const scenario = (name: string, overrides: Partial<Overrides> = {}, goals: ReadonlyArray<string> = []) =>
  Simulation.scenario(name, { faults: FaultPlan.swarm, timeLimit: "30 minutes", strict: true }, (sim) =>
    Effect.gen(function* () {
      const observations = new Observations()
      const names = Array.from({ length: yield* Random.nextIntBetween(2, 7) }, (_, i) => `n${i + 1}`)
      yield* Invariant.always("every copy is a state of its owner", () => observations.wrong[0] ?? true)
      for (const tag of goals) yield* Invariant.sometimes(tag, () => observations.counted(tag) > 0)
      const limits = {
        laneWindowBytes: yield* Random.nextIntBetween(leastWindow, 4 * leastWindow),
        slowPeerTimeout: yield* Random.nextIntBetween(200, 3_000),
      }
      const mapLimits = {
        partBytes: yield* Random.nextIntBetween(100, 2_000),
        tombstones: yield* Random.nextIntBetween(0, 40),
      }
      const nodes = yield* sim.nodes(names, (name) => layer(name, { observations, limits, mapLimits, overrides }))
      yield* Effect.forkScoped(supervise(nodes, (node) => node.service(App)?.tags.includes("Superseded") === true))
      yield* Effect.sleep("20 seconds")
      yield* sim.converges(() => isLinked(nodes), { within: "2 minutes" })
      yield* Effect.forEach(Object.values(nodes), (node) => node.run(Effect.flatMap(App, (app) => app.stopChanges)))
      yield* sim.converges(() => isConverged(nodes), { within: "10 seconds" })
      // Nothing changes it any more.
      yield* Effect.sleep("10 seconds")
      yield* sim.converges(() => isConverged(nodes), { within: "10 seconds" })
      yield* viewIsFold(nodes)
      const [first, ...rest] = Object.values(nodes)
      if (first === undefined || rest.length === 0) return
      yield* (yield* Random.nextBoolean) ? first.crash : first.stop
      const left = Object.fromEntries(Object.entries(nodes).filter(([name]) => name !== first.name))
      // `converges` would restart the node.
      yield* sim.until("the entries of the stopped node are gone", () => isConverged(left), { within: "1 minute" })
    }),
  )

/** The scenario without a defect, for few seeds. */
export const fewSeeds = scenario("copies of owned maps are states of their owners")

/** The scenario without a defect. */
export const ownedMaps = scenario(
  "copies of owned maps are states of their owners, and become equal to them",
  {},
  ["failed", "left", "closed", "replaced"].map((why) => `Removed: ${why}`),
)
