/**
 * Presences in a simulation with all faults. Users come and go at all nodes. After the faults, every node lists the keys
 * that the nodes track and no others. A node that is isolated lets no key leave.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type * as Transport from "@coterie/core/Transport"
import type * as OwnedMap from "@coterie/state/OwnedMap"
import * as Presence from "@coterie/state/Presence"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Isolation } from "../../src/internal/Isolation.ts"
import { defaults, Overrides } from "../../src/internal/Overrides.ts"
import { FoldedPresence, textsOf } from "./FoldedPresence.ts"
import { supervise } from "../supervise.ts"

type Users = Presence.Presence<string>

/** Users who come and go. With few of them, several nodes track one at the same time. */
const userCount = 12

/** Sessions of users that a node has at the same time. */
const sessionCount = 5

/** Time that the event of an isolation may need to reach the map, in milliseconds. */
const eventMillis = 100

/** Observed actions of all nodes. */
class Observations {
  readonly wrong: Array<string> = []
  private readonly tags = new Set<string>()

  mark(tag: string): void {
    this.tags.add(tag)
  }

  has(tag: string): boolean {
    return this.tags.has(tag)
  }
}

/** A key that a node tracks, with its value. */
interface Session {
  readonly key: string
  value: string
}

/** State of one life of a node. */
class Life {
  isChanging = true
  /** `true` once the node has stopped. */
  hasStopped = false
  readonly isolation = new Isolation()
  /** Time since which the node is isolated. */
  isolatedSince = Infinity
  users: Users | undefined
  sessions = new Set<Session>()
  folded = new FoldedPresence()
}

class App extends Context.Service<App, { readonly cluster: Cluster.Cluster["Service"]; readonly life: Life }>()(
  "test/App",
) {}

type Nodes = Readonly<Record<string, Simulation.Node<App>>>

/** Returns the metas of all sessions of a node, by key. */
const trackedBy = (life: Life): ReadonlyArray<string> =>
  [...life.sessions].map(({ key, value }) => `${key} ${value}`).sort()

/** Returns the metas of a node in a list. A key that is leaving has none. */
const listedOf = (name: string, list: ReadonlyMap<string, Presence.Present<string>>): ReadonlyArray<string> => {
  const metas: Array<string> = []
  for (const { key, leaving, metas: of } of list.values()) {
    for (const { peer, value } of of) if (peer.name === name) metas.push(`${key} ${value}${leaving ? " leaving" : ""}`)
  }
  return metas.sort()
}

/** Folds the changes, and checks each of them. */
const follow = (name: string, users: Users, life: Life, observations: Observations) => {
  const { folded } = life
  return Stream.runForEach(users.changes, (item) =>
    Effect.map(MonotonicTime.millis, (now) => {
      folded.apply(item)
      observations.mark(folded.tags.at(-1) ?? "")
      for (const problem of folded.wrong) observations.wrong.push(`${name}: ${problem}`)
      const isIsolated = life.isolatedSince + eventMillis < now
      if (item._tag === "Changed" && item.present.leaving && isIsolated) observations.mark("leaving while isolated")
      if (item._tag === "Left" && isIsolated)
        observations.wrong.push(`${name} is isolated, and "${item.present.key}" left`)
    }),
  )
}

/** Tracks a user for some time, and changes the value now and then. */
const session = Effect.fnUntraced(function* (users: Users, life: Life) {
  const { sessions } = life
  const key = `user-${yield* Random.nextIntBetween(0, userCount)}`
  const of: Session = { key, value: `v${yield* Random.nextIntBetween(0, 1_000)}` }
  const tracked = yield* users.track(key, of.value)
  yield* Effect.acquireRelease(
    Effect.sync(() => sessions.add(of)),
    () => Effect.sync(() => sessions.delete(of)),
  )
  for (let i = yield* Random.nextIntBetween(0, 4); i > 0 || !life.isChanging; i--) {
    yield* Effect.sleep(yield* Random.nextIntBetween(20, 2_000))
    if (!life.isChanging) continue
    const value = `v${yield* Random.nextIntBetween(0, 1_000)}`
    yield* tracked.update(value)
    of.value = value
  }
}, Effect.scoped)

/** Opens the presence for some time, with sessions. */
const instance = Effect.fnUntraced(function* (
  name: string,
  life: Life,
  observations: Observations,
  options: { readonly limits: Partial<OwnedMap.Limits>; readonly grace: number; readonly duration: number },
) {
  const { duration, grace, limits } = options
  const users = yield* Presence.make("users", { value: Schema.String, grace, limits })
  Object.assign(life, { users, sessions: new Set(), folded: new FoldedPresence() })
  yield* Effect.forkScoped(follow(name, users, life, observations))
  const coming = Effect.andThen(
    Effect.ignore(session(users, life)),
    Effect.flatMap(Random.nextIntBetween(20, 1_500), (millis) => Effect.sleep(millis)),
  )
  for (let i = 0; i < sessionCount; i++) yield* Effect.forkScoped(Effect.forever(coming))
  yield* Effect.sleep(duration)
  life.users = undefined
}, Effect.scoped)

const makeApp = Effect.fnUntraced(function* (
  name: string,
  observations: Observations,
  options: { readonly limits: Partial<OwnedMap.Limits>; readonly grace: number },
) {
  const cluster = yield* Cluster.Cluster
  const life = new Life()
  yield* Effect.forkScoped(
    Effect.ensuring(
      Effect.ignore(cluster.stopped),
      Effect.sync(() => (life.hasStopped = true)),
    ),
  )
  // Of two changes in a row, `views` may emit the second view only. Which members left before the node was isolated counts.
  let view = cluster.viewUnsafe()
  yield* Effect.forkScoped(
    Stream.runForEach(cluster.events, (event) =>
      Effect.map(MonotonicTime.millis, (now) => {
        view = ClusterEvent.apply(view, event)
        if (!life.isolation.update(view.isolated, view.peers.size)) life.isolatedSince = Infinity
        else life.isolatedSince = Math.min(life.isolatedSince, now)
      }),
    ),
  )
  const run = Effect.gen(function* () {
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 3_000))
    if (yield* Random.nextBoolean) {
      yield* instance(name, life, observations, { ...options, duration: yield* Random.nextIntBetween(0, 8_000) })
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 2_000))
    }
    yield* instance(name, life, observations, { ...options, duration: Infinity })
  })
  yield* Effect.forkScoped(Effect.orDie(run))
  return App.of({ cluster, life })
})

interface Options {
  readonly observations: Observations
  readonly limits: Partial<OwnedMap.Limits>
  readonly grace: number
  readonly overrides: Partial<Overrides>
}

const layer = (name: string, options: Options): Layer.Layer<App, unknown, Transport.Transport> =>
  Layer.effect(App)(makeApp(name, options.observations, options)).pipe(
    Layer.provide(Layer.succeed(Overrides, { ...defaults, ...options.overrides })),
    Layer.provide(Cluster.layer({ cluster: "presence", name, seeds: ["n1", "n2"] })),
  )

/** Returns `true` if all nodes have links to each other and a presence, or a node that does not. */
const isLinked = (nodes: Nodes): boolean | string => {
  for (const [name, node] of Object.entries(nodes)) {
    const app = node.service(App)
    if (app?.life.users === undefined) return `${name} has no presence`
    const { peers } = app.cluster.viewUnsafe()
    for (const other of Object.keys(nodes)) {
      if (other !== name && peers.get(other)?.link !== "up") return `${name} has no link to ${other}`
    }
  }
  return true
}

/** Returns `true` if every node lists what the nodes track and nothing else, or the first difference. */
const isConverged = (nodes: Nodes): boolean | string => {
  for (const [name, node] of Object.entries(nodes)) {
    const state = node.service(App)?.life.folded.state
    if (state === undefined) return `${name} is not running`
    let listed = 0
    for (const [owner, other] of Object.entries(nodes)) {
      const life = other.service(App)?.life
      const expected = life === undefined ? [] : trackedBy(life)
      const actual = listedOf(owner, state)
      listed += actual.length
      if (String(actual) !== String(expected)) return `${name} lists ${actual} of ${owner}, which has ${expected}`
    }
    for (const { metas } of state.values()) listed -= metas.length
    if (listed !== 0) return `${name} lists metas of a node that is gone`
  }
  return true
}

/** Checks that the list of each presence is the fold of its changes. */
const listIsFold = (nodes: Nodes) =>
  Effect.forEach(Object.values(nodes), (node) =>
    Effect.gen(function* () {
      const { folded, users } = node.service(App)?.life ?? new Life()
      if (users === undefined) return
      assert.deepStrictEqual(textsOf(folded.state), textsOf(yield* users.list), `the fold and the list of ${node.name}`)
      assert.strictEqual(folded.state.size, yield* users.count)
    }),
  )

/** Makes a scenario with presences under all faults. Some of many seeds must reach each of the goals. */
export const scenario = (name: string, overrides: Partial<Overrides> = {}, goals: ReadonlyArray<string> = []) =>
  Simulation.scenario(name, { faults: FaultPlan.swarm, timeLimit: "30 minutes", strict: true }, (sim) =>
    Effect.gen(function* () {
      const observations = new Observations()
      const names = Array.from({ length: yield* Random.nextIntBetween(2, 6) }, (_, i) => `n${i + 1}`)
      yield* Invariant.always("every change is allowed", () => observations.wrong[0] ?? true)
      for (const tag of goals) yield* Invariant.sometimes(tag, () => observations.has(tag))
      const limits = {
        partBytes: yield* Random.nextIntBetween(100, 2_000),
        tombstones: yield* Random.nextIntBetween(0, 40),
      }
      const grace = (yield* Random.nextBoolean) ? yield* Random.nextIntBetween(0, 2_000) : 0
      const nodes = yield* sim.nodes(names, (name) => layer(name, { observations, limits, grace, overrides }))
      yield* Effect.forkScoped(supervise(nodes, (node) => node.service(App)?.life.hasStopped === true))
      yield* Effect.sleep("30 seconds")
      yield* sim.converges(() => isLinked(nodes), { within: "2 minutes" })
      yield* Effect.forEach(Object.values(nodes), (node) =>
        node.run(Effect.map(App, ({ life }) => (life.isChanging = false))),
      )
      yield* sim.converges(() => isConverged(nodes), { within: "10 seconds" })
      // Nothing changes it any more.
      yield* Effect.sleep("10 seconds")
      yield* sim.converges(() => isConverged(nodes), { within: "10 seconds" })
      yield* listIsFold(nodes)
      const [first, ...rest] = Object.values(nodes)
      if (first === undefined || rest.length === 0) return
      yield* (yield* Random.nextBoolean) ? first.crash : first.stop
      const others = Object.fromEntries(Object.entries(nodes).filter(([name]) => name !== first.name))
      // `converges` would restart the node.
      yield* sim.until("the keys of the stopped node are gone", () => isConverged(others), { within: "1 minute" })
    }),
  )

/** The scenario without a defect, for few seeds. */
export const fewSeeds = scenario("all nodes list the keys that are tracked")

/** The scenario without a defect. */
export const presences = scenario("all nodes list the keys that are tracked, and no others", {}, [
  "Joined",
  "Left",
  "Back",
  "leaving while isolated",
])
