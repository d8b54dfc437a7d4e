import { Cluster } from "@coterie/core/Cluster"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Rendezvous from "@coterie/core/Rendezvous"
import * as Group from "@coterie/state/Group"
import * as Placement from "@coterie/state/Placement"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { EventHub } from "../../core/src/cluster/EventHub.ts"
import * as World from "../../core/test/cluster/world.ts"
import { peerOf, removedOf } from "../../core/test/peers.ts"
import { recordLog } from "./recordLog.ts"

const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)

interface Host {
  readonly node: World.Node
  readonly group: Group.Group<null>
  readonly placement: Placement.Placement
}

/** Opens the group of a node, and a placement. The node is a member unless `joins` is 0. */
const host = (node: World.Node, options: Placement.Options = {}, joins = 1) =>
  Effect.gen(function* () {
    const group = yield* Group.make("hosts", { value: Schema.Null })
    const placement = yield* Placement.make(group, options)
    for (let i = 0; i < joins; i++) yield* group.join(null)
    // A key is taken only while it is watched.
    for (const key of keys) yield* Effect.forkScoped(Stream.runDrain(placement.watch(key)))
    const self: Host = { node, group, placement }
    return self
  }).pipe(Effect.provideService(Cluster, node.cluster))

const names = ({ members }: Group.View<null>) => members.map(({ peer }) => peer.name).join()

const untilMembers = ({ group }: Host, expected: string) =>
  Effect.gen(function* () {
    while (names(yield* group.view) !== expected) yield* Effect.sleep("5 millis")
  })

const ownership = ({ placement }: Host, key: string) =>
  Effect.map(Stream.runHead(placement.watch(key)), Option.getOrThrow)

/** Returns the keys that a node owns. */
const ownedBy = (of: Host) => Effect.filter(keys, (key) => Effect.map(ownership(of, key), (state) => state === "mine"))

const ownerOf = ({ placement }: Host, key: string) =>
  Effect.map(placement.owner(key), (peer) => Option.getOrUndefined(peer)?.name)

/** Waits until a node has the members of all nodes, and has taken its keys if the group does not change. */
const settled = ({ group }: Pick<Host, "group">) => Effect.andThen(group.synced, Effect.sleep("2100 millis"))

describe("a placement", () => {
  World.simulated("ends its streams although its scope closes before it has begun", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const group = yield* Effect.provideService(Group.make("hosts", { value: Schema.Null }), Cluster, a.cluster)
      const placement = yield* Effect.scoped(Effect.provideService(Placement.make(group), Cluster, a.cluster))
      assert.deepStrictEqual(yield* Effect.timeout(Stream.runCollect(placement.watch("k")), "1 minute"), ["nobody"])
    }),
  )

  World.simulated("gives each key to one node, the same in the view of all, after the time to settle", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [here, there] = [yield* host(a), yield* host(b, {}, 2)]
      yield* untilMembers(here, "a,b,b")
      yield* untilMembers(there, "a,b,b")
      assert.deepStrictEqual(yield* ownedBy(here), [])
      yield* settled(here)
      for (const key of keys) {
        const owner = yield* ownerOf(here, key)
        assert.strictEqual(yield* ownerOf(there, key), owner)
        assert.strictEqual(yield* ownership(here, key), owner === "a" ? "mine" : "other")
        assert.strictEqual(yield* ownership(there, key), owner === "b" ? "mine" : "other")
        const ranked = yield* here.placement.owners(key, 5)
        assert.deepStrictEqual(ranked.map(({ name }) => name).sort(), ["a", "b"])
        assert.strictEqual(ranked[0]?.name, owner)
      }
      // Two of three members are on the node b.
      assert.isAbove((yield* ownedBy(there)).length, (yield* ownedBy(here)).length)
    }),
  )

  World.simulated("gives a node without a join no key, and tells it the owners", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [here, there] = [yield* host(a, {}, 0), yield* host(b)]
      yield* untilMembers(here, "b")
      yield* settled(here)
      assert.deepStrictEqual(yield* ownedBy(here), [])
      assert.strictEqual(yield* ownership(here, "k0"), "other")
      assert.strictEqual(yield* ownerOf(here, "k0"), "b")
      assert.lengthOf(yield* ownedBy(there), keys.length)
    }),
  )

  World.simulated("says once in the log that this node runs no effect, because it has not joined the group", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const { lines, logger } = recordLog()
      const run = (node: World.Node, joins: number) =>
        Effect.gen(function* () {
          const { group, placement } = yield* host(node, {}, joins)
          for (const name of ["x", "y"]) yield* Effect.forkScoped(placement.singleton(name, Effect.never))
          yield* settled({ group })
        }).pipe(Effect.provide(logger))
      yield* run(b, 1)
      assert.deepStrictEqual(lines, [])
      yield* run(a, 0)
      yield* Effect.sleep("1 minute")
      assert.lengthOf(lines, 1)
      assert.match(lines[0] ?? "", /^state: no effect of the placement runs on this node, .* "hosts"/)
    }),
  )

  World.simulated("moves keys at once away from this node, and to it after the time to settle", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* host(a)
      yield* settled(here)
      assert.lengthOf(yield* ownedBy(here), keys.length)
      const joined = yield* Scope.make()
      const there = yield* host(b, {}, 0)
      const both = [Rendezvous.candidate("a"), Rendezvous.candidate("b")]
      const moving = keys.find((key) => Rendezvous.owner(both, key)?.name === "b") ?? assert.fail("b owns no key")
      const watched = yield* Effect.forkScoped(Stream.runCollect(Stream.take(here.placement.watch(moving), 3)))
      yield* Effect.yieldNow
      yield* Scope.provide(there.group.join(null), joined)
      yield* untilMembers(here, "a,b")
      yield* Effect.yieldNow
      const left = yield* ownedBy(here)
      assert.isTrue(left.length > 0 && left.length < keys.length)
      assert.deepStrictEqual(yield* ownedBy(there), [])
      yield* settled(here)
      assert.deepStrictEqual([...left, ...(yield* ownedBy(there))].sort(), [...keys].sort())
      yield* Scope.close(joined, Exit.void)
      yield* untilMembers(here, "a")
      assert.deepStrictEqual(yield* ownedBy(here), left)
      yield* settled(here)
      assert.lengthOf(yield* ownedBy(here), keys.length)
      assert.deepStrictEqual(yield* Fiber.join(watched), ["mine", "other", "nobody"])
    }),
  )

  World.simulated("runs an effect while this node owns the key, and waits for its finalizers", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const here = yield* host(a)
      const log: Array<string> = []
      const job = Effect.acquireRelease(
        Effect.sync(() => void log.push("begins")),
        () => Effect.map(Effect.sleep("1 second"), () => void log.push("ends")),
      )
      const key = "k0"
      const running = yield* Effect.forkScoped(here.placement.whileOwner(key, job))
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(log, [])
      yield* settled(here)
      assert.deepStrictEqual(log, ["begins"])
      // The effect has succeeded, and its scope is open.
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(log, ["begins"])
      const joined = yield* Scope.make()
      const there = yield* host(b, {}, 0)
      // Enough members of the node b for any key.
      for (let i = 0; i < 50; i++) yield* Scope.provide(there.group.join(null, { weight: 1_000_000 }), joined)
      while ((yield* ownerOf(here, key)) !== "b") yield* Effect.sleep("5 millis")
      yield* Effect.sleep("500 millis")
      assert.deepStrictEqual(log, ["begins"])
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(log, ["begins", "ends"])
      yield* Scope.close(joined, Exit.void)
      while ((yield* ownerOf(here, key)) !== "a") yield* Effect.sleep("5 millis")
      yield* settled(here)
      assert.deepStrictEqual(log, ["begins", "ends", "begins"])
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(log, ["begins", "ends", "begins", "ends"])
    }),
  )

  World.simulated("fails with the effect, and then does not run it again", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const here = yield* host(a)
      let runs = 0
      const failing = Effect.suspend(() => {
        runs++
        return Effect.fail("broken" as const)
      })
      assert.strictEqual(yield* Effect.flip(here.placement.whileOwner("k0", failing)), "broken")
      assert.strictEqual(runs, 1)
    }),
  )

  World.simulated("runs a singleton on one node, and on another after the first one stops", (world) =>
    Effect.gen(function* () {
      const nodes = [
        yield* world.node("a"),
        yield* world.node("b", { seeds: ["a"] }),
        yield* world.node("c", { seeds: ["a", "b"] }),
      ]
      const running = new Set<string>()
      let most = 0
      const lives = yield* Effect.forEach(nodes, (node) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const { name } = yield* node.cluster.self
          const { placement } = yield* Scope.provide(host(node), scope)
          const job = Effect.acquireRelease(
            Effect.sync(() => {
              running.add(name)
              most = Math.max(most, running.size)
            }),
            () => Effect.sync(() => running.delete(name)),
          )
          yield* Effect.forkIn(placement.singleton("job", job), scope)
          return { name, stop: Effect.andThen(Scope.close(scope, Exit.void), node.stop) }
        }),
      )
      for (let count = lives.length; count > 0; count--) {
        while (running.size === 0) yield* Effect.sleep("5 millis")
        const [name] = running
        const life = lives.find((each) => each.name === name)
        if (life === undefined) return assert.fail("nobody runs the job")
        yield* life.stop
        assert.strictEqual(running.size, 0)
      }
      assert.strictEqual(most, 1)
    }),
  )

  World.simulated("owns nothing while it reaches fewer members than required", (world, network) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const b = yield* world.node("b", { seeds: ["a"] })
      const c = yield* world.node("c", { seeds: ["a", "b"] })
      const hosts = yield* Effect.forEach([a, b, c], (node) => host(node, { minimumMembers: 2 }))
      for (const each of hosts) yield* untilMembers(each, "a,b,c")
      const [alone, ...others] = hosts
      if (alone === undefined) return
      yield* settled(alone)
      assert.isNotEmpty(yield* ownedBy(alone))
      yield* network.partition(["a"], ["b", "c"])
      while ((yield* ownedBy(alone)).length > 0) yield* Effect.sleep("5 millis")
      // The other side has not even called it failed.
      for (const each of others) assert.strictEqual(names(yield* each.group.view), "a,b,c")
      assert.strictEqual(yield* ownerOf(alone, "k0"), undefined)
      assert.strictEqual(yield* ownership(alone, "k0"), "nobody")
      for (const each of others) yield* untilMembers(each, "b,c")
      yield* settled(alone)
      const owned = yield* Effect.forEach(others, ownedBy)
      assert.deepStrictEqual(owned.flat().sort(), [...keys].sort())
      yield* network.heal
      for (const each of hosts) yield* untilMembers(each, "a,b,c")
      yield* settled(alone)
      assert.isNotEmpty(yield* ownedBy(alone))
    }),
  )

  World.simulated("owns nothing once others take its keys, although most links were idle", (world, network) =>
    Effect.gen(function* () {
      const all = [..."abcdefghijklmnop"]
      const policies = FailureDetector.layer({ watchers: 2 })
      const nodes = yield* Effect.forEach(all, (name) => world.node(name, { seeds: ["a"] }, policies))
      const hosts = yield* Effect.forEach(nodes, (node) => host(node, { minimumMembers: all.length / 2 + 1 }))
      for (const each of hosts) yield* untilMembers(each, all.join())
      // Until the links are idle.
      yield* Effect.sleep("40 seconds")
      const owned = yield* Effect.forEach(hosts, ownedBy)
      const place = owned.findIndex((of) => of.length > 1)
      const [alone, name, lost] = [hosts[place], all[place], owned[place]]
      if (alone === undefined || name === undefined || lost === undefined) return assert.fail("no node owns two keys")
      const others = hosts.filter((each) => each !== alone)
      const rest = all.filter((each) => each !== name)
      yield* network.partition([name], rest)
      while ((yield* ownedBy(alone)).length > 0) yield* Effect.sleep("5 millis")
      const taken = new Set((yield* Effect.forEach(others, ownedBy)).flat())
      assert.isFalse(lost.some((key) => taken.has(key)))
      for (const each of others) yield* untilMembers(each, rest.join())
    }),
  )

  World.simulated("takes no keys of others while this node is isolated, and keeps its own", (world, network) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const b = yield* world.node("b", { seeds: ["a"] })
      const c = yield* world.node("c", { seeds: ["a", "b"] })
      const hosts = yield* Effect.forEach([a, b, c], (node) => host(node))
      for (const each of hosts) yield* untilMembers(each, "a,b,c")
      const [alone, ...others] = hosts
      if (alone === undefined) return
      yield* settled(alone)
      const before = yield* ownedBy(alone)
      yield* network.partition(["a"], ["b", "c"])
      yield* untilMembers(alone, "a")
      for (const each of others) yield* untilMembers(each, "b,c")
      yield* Effect.sleep("1 minute")
      assert.isTrue(a.cluster.viewUnsafe().isolated)
      assert.deepStrictEqual(yield* ownedBy(alone), before)
      // The last member that knew no more than one other takes over, because it cannot tell a partition from a failure.
      const [second, third] = others
      yield* c.crash
      if (second === undefined || third === undefined) return
      yield* untilMembers(second, "b")
      yield* settled(second)
      assert.lengthOf(yield* ownedBy(second), keys.length)
    }),
  )

  World.simulated("takes keys if one member leaves and the last one is lost in one step", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const { self } = a.cluster.viewUnsafe()
      let view = ClusterEvent.makeView({ self, peers: [peerOf("b"), peerOf("c")] })
      const hub = new EventHub({ view: () => view, capacity: 10 })
      const publish = (event: ClusterEvent.ViewChange) => {
        view = ClusterEvent.apply(view, event)
        hub.publish(event)
      }
      const cluster = { ...a.cluster, viewUnsafe: () => view, views: hub.views, events: hub.events }
      const group = yield* Effect.provideService(Group.make("hosts", { value: Schema.Null }), Cluster, a.cluster)
      const placement = yield* Effect.provideService(Placement.make(group), Cluster, cluster)
      yield* group.join(null)
      const ownsKey = yield* Effect.forkScoped(
        Stream.runHead(Stream.filter(placement.watch("k0"), (state) => state === "mine")),
      )
      yield* Effect.yieldNow
      publish({ _tag: "Left", peer: removedOf("b", "left") })
      publish({ _tag: "Isolated" })
      publish({ _tag: "Failed", peer: removedOf("c", "failed") })
      assert.isTrue(Option.isSome(yield* Effect.timeout(Fiber.join(ownsKey), "1 minute")))
    }),
  )

  World.simulated("ends the effect before the node leaves the group, if layers stop the node", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      class Hosts extends Context.Service<Hosts, Group.Group<null>>()("test/StoppingHosts") {}
      class Keys extends Context.Service<Keys, Placement.Placement>()("test/StoppingKeys") {}
      const log: Array<string> = []
      const both = [Rendezvous.candidate("a"), Rendezvous.candidate("b")]
      // A job that stays at the node a when b joins.
      const name = keys.find((key) => Rendezvous.owner(both, `singleton/${key}`)?.name === "a") ?? assert.fail("no job")
      const layer = (node: World.Node, label: string) =>
        Layer.effectDiscard(
          Effect.gen(function* () {
            const job = Effect.acquireRelease(
              Effect.sync(() => void log.push(`${label} begins`)),
              () => Effect.map(Effect.sleep("1 minute"), () => void log.push(`${label} ends`)),
            )
            yield* (yield* Hosts).join(null)
            yield* Effect.forkScoped((yield* Keys).singleton(name, job))
          }),
        ).pipe(
          Layer.provideMerge(Placement.layer(Keys, Hosts)),
          Layer.provideMerge(Group.layer(Hosts, "hosts", { value: Schema.Null })),
          Layer.provide(Layer.succeed(Cluster, node.cluster)),
        )
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(layer(a, "a"), scope)
      while (log.length === 0) yield* Effect.sleep("5 millis")
      const group = Context.get(yield* Layer.build(layer(b, "b")), Hosts)
      while (names(yield* group.view) !== "a,b") yield* Effect.sleep("5 millis")
      const stopping = yield* Effect.forkScoped(Effect.andThen(Scope.close(scope, Exit.void), a.stop))
      yield* Effect.sleep("50 seconds")
      assert.deepStrictEqual(log, ["a begins"])
      assert.strictEqual(names(yield* group.view), "a,b")
      yield* Fiber.join(stopping)
      while (log.length < 3) yield* Effect.sleep("5 millis")
      assert.deepStrictEqual(log, ["a begins", "a ends", "b begins"])
      assert.strictEqual(names(yield* group.view), "b")
    }),
  )

  World.simulated("ends the effects of others when its scope closes", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const scope = yield* Scope.make()
      const { placement } = yield* Scope.provide(host(a), scope)
      const log: Array<string> = []
      const job = Effect.onInterrupt(
        Effect.andThen(
          Effect.sync(() => void log.push("begins")),
          Effect.never,
        ),
        () => Effect.sync(() => void log.push("ends")),
      )
      yield* Effect.forkScoped(placement.whileOwner("k0", job))
      while (log.length === 0) yield* Effect.sleep("5 millis")
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(log, ["begins", "ends"])
      assert.deepStrictEqual(yield* Stream.runCollect(placement.watch("k0")), ["nobody"])
    }),
  )

  World.simulated("gives up all keys when the node leaves, and runs nothing after that", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const here = yield* host(a)
      const log: Array<string> = []
      const job = Effect.acquireRelease(
        Effect.sync(() => void log.push("begins")),
        () => Effect.sync(() => void log.push("ends")),
      )
      yield* Effect.forkScoped(here.placement.whileOwner("k0", job))
      yield* settled(here)
      yield* a.stop
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(log, ["begins", "ends"])
      assert.strictEqual(yield* ownership(here, "k0"), "nobody")
      assert.strictEqual(yield* ownerOf(here, "k0"), undefined)
    }),
  )

  World.simulated("counts the keys that this node owns", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const here = yield* host(a, {}, 0)
      const joined = yield* Scope.make()
      yield* Scope.provide(here.group.join(null), joined)
      const metrics = Effect.map(Metric.snapshot, (all) =>
        all
          .filter(({ attributes, id }) => id.startsWith("coterie_placement") && attributes?.["node"] === "a")
          .map(
            ({ attributes, id, state }) =>
              `${id} ${attributes?.["group"]} ${attributes?.["kind"]} ${JSON.stringify(state)}`,
          )
          .sort(),
      )
      yield* settled(here)
      assert.deepStrictEqual(yield* metrics, [
        'coterie_placement_changes_total hosts acquired {"count":20,"incremental":true}',
        'coterie_placement_changes_total hosts released {"count":0,"incremental":true}',
        'coterie_placement_keys hosts undefined {"value":20}',
      ])
      yield* Scope.close(joined, Exit.void)
      yield* Effect.sleep("5 millis")
      assert.include(yield* metrics, 'coterie_placement_keys hosts undefined {"value":0}')
    }),
  )

  World.simulated("refuses options that it cannot use", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      for (const minimumMembers of [0, 1.5, Number.NaN]) {
        const error = yield* Effect.flip(host(a, { minimumMembers }))
        assert.strictEqual("option" in error ? error.option : undefined, "minimumMembers")
      }
      for (const settle of [-1, "infinity" as never]) {
        const error = yield* Effect.flip(host(a, { settle }))
        assert.strictEqual("option" in error ? error.option : undefined, "settle")
      }
    }),
  )

  it.effect("is a service with its layer", () => {
    class Hosts extends Context.Service<Hosts, Group.Group<null>>()("test/Hosts") {}
    class Keys extends Context.Service<Keys, Placement.Placement>()("test/Keys") {}
    const layer: Layer.Layer<Keys, unknown, Cluster | Hosts> = Placement.layer(Keys, Hosts)
    assert.isTrue(Layer.isLayer(layer))
    return Effect.void
  })
})
