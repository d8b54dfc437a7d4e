/**
 * Groups and placements in a simulation with all faults. After the faults, every node sees the joins of all nodes and no
 * others, and each key has one owner, which runs its effect. While members come and go without faults, no effect runs on
 * two nodes at one time.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as Rendezvous from "@coterie/core/Rendezvous"
import type * as Transport from "@coterie/core/Transport"
import * as Group from "@coterie/state/Group"
import * as Placement from "@coterie/state/Placement"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { defaults, Overrides } from "../../src/internal/Overrides.ts"
import { supervise } from "../supervise.ts"

const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)

/** A join of a node that the scenario has made. */
interface Join {
  readonly weight: number
  readonly scope: Scope.Closeable
  value: string
}

/** One life of a node. */
class Life {
  readonly name: string
  isChanging = true
  hasStopped = false
  /** `true` once the group stays open. */
  isLast = false
  /** Joins of this life, in their order. */
  joins: Array<Join> = []
  /** Keys whose effects run. */
  running = new Set<string>()
  /** The newest view of the group. `undefined` while the group is closed. */
  view: Group.View<string> | undefined

  constructor(name: string) {
    this.name = name
  }

  get texts(): ReadonlyArray<string> {
    return this.joins.map(({ value, weight }) => `${this.name} ${weight} ${value}`)
  }

  get shown(): ReadonlyArray<string> {
    return this.view?.members.map(({ peer, value, weight }) => `${peer.name} ${weight} ${value}`) ?? ["no group"]
  }
}

/** Observed actions of all nodes. */
class Observations {
  readonly wrong: Array<string> = []
  /** `true` while there are no faults. */
  isCalm = false
  /** Newest life of each node. */
  readonly lives = new Map<string, Life>()
  private readonly tags = new Set<string>()

  add(tag: string): void {
    this.tags.add(tag)
  }

  has(tag: string): boolean {
    return this.tags.has(tag)
  }

  begin(life: Life, key: string): void {
    if (life.running.has(key)) this.wrong.push(`${life.name} runs ${key} twice`)
    for (const other of this.lives.values()) {
      if (other === life || !other.running.has(key)) continue
      this.add("two owners")
      if (this.isCalm) this.wrong.push(`${life.name} and ${other.name} run ${key}`)
    }
    life.running.add(key)
    this.add(this.isCalm ? "begins without faults" : "begins")
  }

  end(life: Life, key: string): void {
    life.running.delete(key)
    this.add("ends")
  }
}

class App extends Context.Service<App, { readonly cluster: Cluster.Cluster["Service"]; readonly life: Life }>()(
  "test/App",
) {}

type Nodes = Readonly<Record<string, Simulation.Node<App>>>

/** Joins, leaves, or changes a value. */
const change = Effect.fnUntraced(function* (life: Life, group: Group.Group<string>, observations: Observations) {
  const action = yield* Random.nextIntBetween(0, 3)
  const join = life.joins[yield* Random.nextIntBetween(0, Math.max(1, life.joins.length))]
  if (join !== undefined && action === 0) {
    // The effects of this node are interrupted while the scope closes.
    life.joins = life.joins.filter((each) => each !== join)
    return yield* Scope.close(join.scope, Exit.void)
  }
  if (life.joins.length >= 4) return
  const scope = yield* Scope.fork(yield* Effect.scope)
  const [weight, value] = [yield* Random.nextIntBetween(1, 6), `v${yield* Random.nextIntBetween(0, 100)}`]
  const entry = yield* Scope.provide(group.join(value, { weight }), scope)
  const made: Join = { weight, scope, value }
  life.joins.push(made)
  if (life.joins.length > 1) observations.add("several joins")
  if (action !== 1) return
  made.value = `${value} changed`
  yield* entry.set(made.value)
})

interface Options {
  readonly observations: Observations
  readonly placement: Placement.Options
  readonly overrides: Partial<Overrides>
}

/** Opens the group and the placement for some time. */
const instance = Effect.fnUntraced(function* (life: Life, options: Options, duration: number) {
  const { observations } = options
  const group = yield* Group.make("workers", { value: Schema.String })
  const placement = yield* Placement.make(group, options.placement)
  yield* Effect.forkScoped(
    Stream.runForEach(group.views, (view) =>
      Effect.sync(() => {
        life.view = view
      }),
    ),
  )
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      life.view = undefined
      life.joins = []
    }),
  )
  for (const key of keys) {
    const run = Effect.acquireRelease(
      Effect.sync(() => observations.begin(life, key)),
      () => Effect.sync(() => observations.end(life, key)),
    )
    yield* Effect.forkScoped(placement.whileOwner(key, run))
  }
  const changes = Effect.gen(function* () {
    if (life.isChanging) yield* change(life, group, observations)
    yield* Effect.sleep(yield* Random.nextIntBetween(20, 3_000))
  })
  yield* Effect.raceFirst(Effect.forever(changes), Effect.sleep(duration))
}, Effect.scoped)

const makeApp = Effect.fnUntraced(function* (name: string, options: Options) {
  const cluster = yield* Cluster.Cluster
  const life = new Life(name)
  options.observations.lives.set(name, life)
  yield* Effect.forkScoped(
    Stream.runForEach(cluster.events, ({ _tag }) =>
      Effect.sync(() => {
        if (_tag === "Superseded") life.hasStopped = true
        options.observations.add(_tag)
      }),
    ),
  )
  const run = Effect.gen(function* () {
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 3_000))
    if (yield* Random.nextBoolean) {
      yield* instance(life, options, yield* Random.nextIntBetween(0, 10_000))
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 1_000))
    }
    life.isLast = true
    yield* instance(life, options, Infinity)
  })
  yield* Effect.forkScoped(Effect.orDie(run))
  return App.of({ cluster, life })
})

const layer = (name: string, options: Options): Layer.Layer<App, unknown, Transport.Transport> =>
  Layer.effect(App)(makeApp(name, options)).pipe(
    Layer.provide(Layer.succeed(Overrides, { ...defaults, ...options.overrides })),
    Layer.provide(Cluster.layer({ cluster: "placement", name, seeds: ["n1", "n2"] })),
  )

const lifeOf = (node: Simulation.Node<App>): Life | undefined => node.service(App)?.life

/** Returns `true` if all nodes have links to each other and a group, or a node that does not. */
const isLinked = (nodes: Nodes): boolean | string => {
  for (const [name, node] of Object.entries(nodes)) {
    const app = node.service(App)
    if (app?.life.view === undefined || !app.life.isLast) return `${name} has no group that stays open`
    const { peers } = app.cluster.viewUnsafe()
    for (const other of Object.keys(nodes)) {
      if (other !== name && peers.get(other)?.link !== "up") return `${name} has no link to ${other}`
    }
  }
  return true
}

/** Returns the node that owns a key, by the joins that the nodes have made. */
const ownerOf = (lives: ReadonlyArray<Life>, key: string): string | undefined => {
  const candidates = lives.flatMap(({ joins, name }) =>
    joins.length === 0
      ? []
      : [
          Rendezvous.candidate(
            name,
            joins.reduce((sum, { weight }) => sum + weight, 0),
          ),
        ],
  )
  return Rendezvous.owner(candidates, key)?.name
}

/** Returns `true` if all nodes see the joins of all, and each key runs on its owner only, or the first difference. */
const isConverged = (nodes: Nodes): boolean | string => {
  const lives: Array<Life> = []
  for (const [name, node] of Object.entries(nodes)) {
    const life = lifeOf(node)
    if (life === undefined) return `${name} is not running`
    lives.push(life)
  }
  const expected = lives.flatMap(({ texts }) => texts).join()
  for (const { name, shown } of lives) if (shown.join() !== expected) return `${name} sees ${shown}, not ${expected}`
  for (const key of keys) {
    const owner = ownerOf(lives, key)
    const running = lives.filter((life) => life.running.has(key)).map(({ name }) => name)
    if (running.join() !== (owner ?? "")) return `${key} of ${owner} runs on [${running}]`
  }
  return true
}

const setChanging = (nodes: Nodes, isChanging: boolean) =>
  Effect.forEach(Object.values(nodes), (node) =>
    node.run(
      Effect.map(App, ({ life }) => {
        life.isChanging = isChanging
      }),
    ),
  )

/** Makes a scenario with placements under all faults. Some of many seeds must reach each of the goals. */
export const scenario = (name: string, overrides: Partial<Overrides> = {}, goals: ReadonlyArray<string> = []) =>
  Simulation.scenario(name, { faults: FaultPlan.swarm, timeLimit: "30 minutes", strict: true }, (sim) =>
    Effect.gen(function* () {
      const observations = new Observations()
      // The views have the nodes in the order of their names.
      const names = Array.from({ length: yield* Random.nextIntBetween(2, 6) }, (_, i) => `n${i + 1}`)
      yield* Invariant.always("no key runs twice", () => observations.wrong[0] ?? true)
      for (const tag of goals) yield* Invariant.sometimes(tag, () => observations.has(tag))
      const placement = { settle: yield* Random.nextIntBetween(1_000, 4_000) }
      const nodes = yield* sim.nodes(names, (each) => layer(each, { observations, placement, overrides }))
      yield* Effect.forkScoped(supervise(nodes, (node) => lifeOf(node)?.hasStopped === true))
      yield* Effect.sleep("30 seconds")
      yield* sim.converges(() => isLinked(nodes), { within: "2 minutes" })
      // A segment that was lost during the faults is sent again after seconds, and holds all later ones back until then or until
      // the link times out. Changes of the group would not arrive within `settle`.
      yield* Effect.sleep("10 seconds")
      yield* sim.converges(() => isLinked(nodes), { within: "2 minutes" })
      yield* setChanging(nodes, false)
      yield* sim.converges(() => isConverged(nodes), { within: "10 seconds" })
      observations.isCalm = true
      yield* setChanging(nodes, true)
      yield* Effect.sleep("1 minute")
      yield* setChanging(nodes, false)
      yield* sim.converges(() => isConverged(nodes), { within: "10 seconds" })
      observations.isCalm = false
      const [first, ...rest] = Object.values(nodes)
      if (first === undefined || rest.length === 0) return
      yield* (yield* Random.nextBoolean) ? first.crash : first.stop
      const others = Object.fromEntries(Object.entries(nodes).filter(([each]) => each !== first.name))
      // `converges` would restart the node.
      yield* sim.until("the keys of the stopped node have owners", () => isConverged(others), { within: "1 minute" })
    }),
  )

/** The scenario without a defect, for few seeds. */
export const fewSeeds = scenario("each key has one owner after all faults")

/** The scenario without a defect. */
export const placements = scenario("each key has one owner after all faults, the same in the view of all nodes", {}, [
  "two owners",
  "several joins",
  "begins without faults",
  "Isolated",
  "Replaced",
])
