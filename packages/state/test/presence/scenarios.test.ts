/** Reports of users of other presence systems, as scenarios: zombies, ghosts, false leaves, and traffic without an end. */
import * as Cluster from "@coterie/core/Cluster"
import * as Presence from "@coterie/state/Presence"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { MetricReader } from "../../../core/test/cluster/MetricReader.ts"
import { measured } from "../../../core/test/cluster/measured.ts"
import * as World from "../../../core/test/cluster/world.ts"
import { FoldedPresence } from "./FoldedPresence.ts"

type Users = Presence.Presence<string>

const options = { value: Schema.String, grace: "2 seconds" } as const

/** Starts a node with a presence, which ends before the node stops. */
const start = Effect.fnUntraced(function* (
  world: World.World,
  name: string,
  seeds: ReadonlyArray<string> = [],
  policies?: Layer.Layer<never>,
) {
  const node = yield* world.node(name, { seeds }, policies)
  const scope = yield* Scope.fork(yield* Effect.scope)
  const users = yield* Presence.make("users", options).pipe(
    Effect.provideService(Cluster.Cluster, node.cluster),
    Scope.provide(scope),
  )
  return {
    node,
    users,
    stop: Effect.andThen(Scope.close(scope, Exit.void), node.stop),
    crash: node.crash,
    /** Tracks a user until the scope of the returned effect closes. */
    track: (key: string) => Effect.asVoid(users.track(key, `at ${name}`)),
    /** Tracks users until the node ends. */
    keepAll: (keys: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        for (const [i, key] of keys.entries()) {
          yield* Scope.provide(users.track(key, ""), scope)
          // The test clock waits only for fibers that suspend now and then.
          if (i % 100 === 99) yield* Effect.sleep("1 millis")
        }
      }),
    /** Tracks a user until the node ends. */
    keep: (key: string) => Effect.asVoid(Scope.provide(users.track(key, ""), scope)),
  }
})

type Node = Effect.Success<ReturnType<typeof start>>

/** Starts nodes with links to each other. */
const startAll = Effect.fnUntraced(function* (
  world: World.World,
  names: ReadonlyArray<string>,
  policies?: Layer.Layer<never>,
) {
  const nodes: Record<string, Node> = {}
  for (const name of names) nodes[name] = yield* start(world, name, names, policies)
  for (const name of names) {
    const node = nodes[name]
    if (node !== undefined)
      yield* World.untilPeers(
        node.node,
        names.filter((other) => other !== name),
      )
  }
  return nodes
})

/** Folds the changes of a presence, from now on. */
const follow = Effect.fnUntraced(function* (users: Users) {
  const folded = new FoldedPresence()
  yield* Effect.forkScoped(Stream.runForEach(users.changes, (item) => Effect.sync(() => folded.apply(item))))
  while (folded.tags.length === 0) yield* Effect.yieldNow
  return folded
})

/** Waits until a presence lists exactly these keys, none of which is leaving. */
const untilKeys = (users: Users, expected: Iterable<string>) =>
  Effect.gen(function* () {
    const keys = [...expected].sort()
    for (;;) {
      // A list of thousands of keys costs more than their number.
      while ((yield* users.count) !== keys.length) yield* Effect.sleep("5 millis")
      const list = yield* users.list
      const isSettled = [...list.values()].every(({ leaving }) => !leaving)
      if (isSettled && String([...list.keys()].sort()) === String(keys)) return
      yield* Effect.sleep("5 millis")
    }
  })

const names = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

const scenario = measured((registry) => new MetricReader(registry))

/** Sum of the bytes that have arrived at a node from the others. */
const bytesTo = (network: SimNetwork.Shape, to: string, from: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(from, (other) => network.bytes(other, to)),
    (counts) => counts.reduce((sum, count) => sum + count, 0),
  )

/** Sum of the bytes that the nodes have sent to each other. */
const bytesOf = (network: SimNetwork.Shape, among: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(among, (to) => bytesTo(network, to, among)),
    (counts) => counts.reduce((sum, count) => sum + count, 0),
  )

/** Bytes that the nodes send to each other in the next 10 seconds. */
const spentIn = (network: SimNetwork.Shape, among: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const before = yield* bytesOf(network, among)
    yield* Effect.sleep("10 seconds")
    return (yield* bytesOf(network, among)) - before
  })

class App extends Context.Service<App, { readonly folded: FoldedPresence }>()("test/App") {}

/** A node that tracks its own name. */
const makeApp = Effect.fnUntraced(function* (name: string) {
  const users = yield* Presence.make("users", options)
  yield* users.track(name, "")
  return { folded: yield* follow(users) }
})

describe("the scenarios of a presence: a node", () => {
  scenario("has no zombies after a rolling deploy, and nobody leaves who reconnects within the grace", (_, world) =>
    Effect.gen(function* () {
      const nodes = yield* startAll(world, ["a", "b", "c", "w"])
      const { w } = nodes
      if (w === undefined) return
      const all = names("user", 60)
      const folded = yield* follow(w.users)
      const at = new Map(all.map((user, i) => [user, ["a", "b", "c"][i % 3] ?? "a"]))
      for (const [user, name] of at) yield* nodes[name]?.keep(user) ?? Effect.void
      yield* untilKeys(w.users, all)
      for (const name of ["a", "b", "c"]) {
        yield* nodes[name]?.stop ?? Effect.void
        nodes[name] = yield* start(world, name, ["a", "b", "c", "w"])
        yield* Effect.sleep("1 second")
        // The users reconnect to any node, also to the new one.
        for (const [i, user] of all.entries()) {
          if (at.get(user) !== name) continue
          const next = ["a", "b", "c"][i % 2] ?? "a"
          at.set(user, next)
          yield* nodes[next]?.keep(user) ?? Effect.void
        }
        yield* untilKeys(w.users, all)
      }
      yield* Effect.sleep("1 minute")
      const { peers } = yield* w.node.cluster.view
      for (const [user, { metas }] of yield* w.users.list) {
        assert.deepStrictEqual(
          metas.map(({ peer }) => peer.name),
          [at.get(user)],
        )
        for (const { peer } of metas) assert.strictEqual(peers.get(peer.name)?.generation, peer.generation)
      }
      assert.deepStrictEqual(folded.left, [])
      assert.deepStrictEqual(folded.wrong, [])
      assert.lengthOf(
        folded.tags.filter((tag) => tag === "Joined"),
        60,
      )
    }),
  )

  scenario("has no ghosts of a killed node, whether it starts again under its name or not", (_, world) =>
    Effect.gen(function* () {
      const nodes = yield* startAll(world, ["a", "b", "c"])
      const { a, b, c } = nodes
      if (a === undefined || b === undefined || c === undefined) return
      const folded = yield* follow(a.users)
      yield* a.keep("ann")
      yield* b.keepAll(names("b", 10))
      yield* c.keepAll(names("c", 10))
      yield* untilKeys(a.users, ["ann", ...names("b", 10), ...names("c", 10)])
      yield* b.crash
      yield* c.crash
      const again = yield* start(world, "b", ["a"])
      yield* again.keep("b-0")
      yield* untilKeys(a.users, ["ann", "b-0"])
      yield* untilKeys(again.users, ["ann", "b-0"])
      const [meta, ...others] = (yield* a.users.list).get("b-0")?.metas ?? []
      assert.deepStrictEqual(others, [])
      assert.strictEqual(meta?.peer.generation, (yield* again.node.cluster.self).generation)
      yield* Effect.sleep("1 minute")
      yield* untilKeys(a.users, ["ann", "b-0"])
      assert.deepStrictEqual([...folded.left].sort(), [...names("b", 10).slice(1), ...names("c", 10)].sort())
      assert.deepStrictEqual(folded.wrong, [])
    }),
  )

  scenario("lists the keys of both sides that had 500 each before they met", (_, world, network) =>
    Effect.gen(function* () {
      yield* network.partition(["a", "b"], ["c", "d"])
      const [a, c] = [yield* start(world, "a"), yield* start(world, "c")]
      const [b, d] = [yield* start(world, "b", ["a", "c"]), yield* start(world, "d", ["c", "a"])]
      yield* World.untilPeers(b.node, ["a"])
      yield* World.untilPeers(d.node, ["c"])
      for (const [node, prefix] of [
        [a, "a"],
        [b, "b"],
        [c, "c"],
        [d, "d"],
      ] as const)
        yield* node.keepAll(names(prefix, 250))
      yield* untilKeys(a.users, [...names("a", 250), ...names("b", 250)])
      yield* network.heal
      const all = ["a", "b", "c", "d"].flatMap((prefix) => names(prefix, 250))
      for (const { users } of [a, b, c, d]) yield* untilKeys(users, all)
    }),
  )

  scenario("lets the keys leave and join that did so during a partition", (_, world, network) =>
    Effect.gen(function* () {
      const nodes = yield* startAll(world, ["a", "b", "c", "d"])
      const { a, b, c, d } = nodes
      if (a === undefined || b === undefined || c === undefined || d === undefined) return
      const all = [a, b, c, d]
      const scope = yield* Scope.make()
      for (const node of [a, c]) yield* Scope.provide(node.track(`leaves-${node.users.name}`), scope)
      yield* Scope.provide(a.track("ann"), scope)
      yield* Scope.provide(c.track("cat"), scope)
      yield* b.keep("bob")
      yield* d.keep("dan")
      for (const { users } of all) yield* untilKeys(users, ["ann", "bob", "cat", "dan", "leaves-users"])
      yield* network.partition(["a", "b"], ["c", "d"])
      yield* untilKeys(b.users, ["ann", "bob", "leaves-users"])
      yield* Scope.close(scope, Exit.void)
      yield* a.keep("eve")
      yield* c.keep("eve")
      yield* untilKeys(b.users, ["bob", "eve"])
      yield* untilKeys(d.users, ["dan", "eve"])
      yield* network.heal
      for (const { users } of all) yield* untilKeys(users, ["bob", "dan", "eve"])
      assert.lengthOf((yield* b.users.list).get("eve")?.metas ?? [], 2)
    }),
  )

  scenario(
    "sends the keys of the others once to a node that restarts, and nothing lasting minutes",
    (metrics, world, network) =>
      Effect.gen(function* () {
        const five = ["a", "b", "c", "d", "e"]
        const others = five.slice(0, 4)
        const nodes = yield* startAll(world, five)
        for (const name of five) yield* nodes[name]?.keepAll(names(name, 2_000)) ?? Effect.void
        const all = five.flatMap((name) => names(name, 2_000))
        for (const name of five) {
          const users = nodes[name]?.users
          if (users !== undefined) yield* untilKeys(users, all)
        }
        const bytes = metrics.sum("e", "coterie_state_bytes", { of: "others" })
        assert.isAbove(bytes, 8_000 * 8)
        yield* Effect.sleep("10 seconds")
        const rest = yield* spentIn(network, five)
        yield* nodes["e"]?.stop ?? Effect.void
        const before = yield* bytesTo(network, "e", others)
        const again = yield* start(world, "e", others)
        yield* untilKeys(
          again.users,
          others.flatMap((name) => names(name, 2_000)),
        )
        assert.isBelow((yield* bytesTo(network, "e", others)) - before, 2 * bytes)
        yield* Effect.sleep("5 seconds")
        const messages = () =>
          five.reduce((sum, name) => sum + metrics.sum(name, "coterie_state_parts_total"), 0) +
          five.reduce((sum, name) => sum + metrics.sum(name, "coterie_state_requests_total"), 0)
        const sent = messages()
        assert.isBelow(yield* spentIn(network, five), 1.2 * rest)
        assert.strictEqual(messages(), sent)
      }),
  )

  scenario("keeps the keys of the others while the node is isolated, as leaving", (_, world, network) =>
    Effect.gen(function* () {
      const nodes = yield* startAll(world, ["a", "b", "c", "w"], Layer.empty)
      const { a, b, w } = nodes
      if (a === undefined || b === undefined || w === undefined) return
      const scope = yield* Scope.make()
      yield* a.keepAll(names("a", 10))
      yield* b.keepAll(names("b", 9))
      yield* Scope.provide(b.track("bob"), scope)
      const all = [...names("a", 10), ...names("b", 9), "bob"]
      yield* untilKeys(w.users, all)
      const folded = yield* follow(w.users)
      yield* network.partition(["w"], ["a", "b", "c"])
      yield* World.until(w.node, ({ peers }) => peers.size === 0)
      yield* Effect.sleep("2 minutes")
      assert.deepStrictEqual([...(yield* w.users.list).keys()].sort(), all.toSorted())
      assert.isTrue([...folded.state.values()].every(({ leaving }) => leaving))
      yield* Scope.close(scope, Exit.void)
      yield* network.heal
      yield* untilKeys(w.users, all.slice(0, -1))
      assert.deepStrictEqual(folded.left, ["bob"])
      assert.deepStrictEqual(folded.wrong, [])
    }),
  )

  scenario(
    "of two lets the keys of the other leave, because it cannot know which of them is cut off",
    (_, world, network) =>
      Effect.gen(function* () {
        const { a, b } = yield* startAll(world, ["a", "b"])
        if (a === undefined || b === undefined) return
        yield* b.keep("bob")
        yield* untilKeys(a.users, ["bob"])
        yield* network.partition(["a"], ["b"])
        yield* untilKeys(a.users, [])
        yield* network.heal
        yield* untilKeys(a.users, ["bob"])
      }),
  )

  scenario(
    "keeps the keys of an owner whose link is cut for 10 minutes, and gets a delta after it",
    (metrics, world, network) =>
      Effect.gen(function* () {
        const nodes = yield* startAll(world, ["a", "b", "c"], Layer.empty)
        const { a, b } = nodes
        if (a === undefined || b === undefined) return
        yield* b.keepAll(names("b", 100))
        yield* untilKeys(a.users, names("b", 100))
        const folded = yield* follow(a.users)
        const stateOf = Effect.map(a.users.owners, (owners) => owners.get("b")?.state)
        const until = (state: string) =>
          Effect.gen(function* () {
            while ((yield* stateOf) !== state) yield* Effect.sleep("5 millis")
          })
        yield* network.partition(["a"], ["b"])
        yield* until("stale")
        yield* b.keep("late")
        yield* Effect.sleep("10 minutes")
        assert.strictEqual(yield* stateOf, "stale")
        yield* untilKeys(a.users, names("b", 100))
        const full = metrics.sum("b", "coterie_state_batches_total", { kind: "full" })
        yield* network.heal
        yield* until("live")
        yield* untilKeys(a.users, [...names("b", 100), "late"])
        assert.strictEqual(metrics.sum("b", "coterie_state_batches_total", { kind: "full" }), full)
        assert.deepStrictEqual(folded.tags, ["Snapshot", "Joined"])
      }),
  )

  it.sim("of a node that stands still for 30 seconds loses no key of the others", {}, (sim) =>
    Effect.gen(function* () {
      const nodes = yield* sim.nodes(["a", "b", "r"], (name) =>
        Layer.effect(App)(makeApp(name)).pipe(
          Layer.provideMerge(Cluster.layer({ cluster: "test", name, seeds: ["a", "b"] })),
        ),
      )
      const { a, r } = nodes
      const keysOf = (node: typeof a) => [...(node.service(App)?.folded.state.values() ?? [])]
      const lists = (node: typeof a, expected: ReadonlyArray<string>) => () => {
        const keys = keysOf(node).map(({ key, leaving }) => (leaving ? `${key} leaving` : key))
        return String(keys.sort()) === String(expected) || `${node.name} lists ${keys}`
      }
      for (const node of [a, r]) yield* sim.until("all keys are listed", lists(node, ["a", "b", "r"]))
      yield* r.pause
      yield* sim.until("the key of r is gone", lists(a, ["a", "b"]), { within: "1 minute" })
      yield* Effect.sleep("20 seconds")
      yield* r.resume
      for (const node of [a, r]) yield* sim.until("all keys are listed again", lists(node, ["a", "b", "r"]))
      yield* Effect.sleep("30 seconds")
      for (const node of [a, r]) assert.strictEqual(lists(node, ["a", "b", "r"])(), true)
      assert.deepStrictEqual(r.service(App)?.folded.left, [])
      assert.deepStrictEqual(r.service(App)?.folded.wrong, [])
    }),
  )
})
