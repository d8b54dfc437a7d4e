import { Cluster } from "@coterie/core/Cluster"
import { OptionsError, StoppedError } from "@coterie/core/ClusterError"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import { textOf } from "../src/internal/runnerAddresses.ts"
import * as RunnerPeers from "../src/RunnerPeers.ts"

const build = <E>(node: World.Node, layer: Layer.Layer<RunnerPeers.RunnerPeers, E, Cluster>) =>
  layer.pipe(
    Layer.provide([Layer.succeed(Cluster, node.cluster), Logger.layer([])]),
    Layer.build,
    Effect.map(Context.get(RunnerPeers.RunnerPeers)),
  )

const scenario = World.simulated

scenario("runners have the addresses of their peers, and a killed one is dead at the others", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const peers = yield* build(a, RunnerPeers.layerByPeer())
    const life = yield* b.cluster.self
    const address = RunnerPeers.addressOf(life)
    assert.strictEqual(textOf(address), `b:${life.generation}`)
    assert.strictEqual(peers.nameOf(address), "b")
    assert.strictEqual(peers.verdict(address), "alive")
    assert.strictEqual(peers.verdict(peers.self), "alive")
    const verdicts: Array<RunnerPeers.Verdict> = []
    yield* Effect.forkScoped(
      Stream.runForEach(peers.deaths, () => Effect.sync(() => verdicts.push(peers.verdict(address)))),
    )
    yield* World.eventually(() => verdicts.length === 1)
    yield* b.crash
    yield* World.eventually(() => verdicts.length === 2)
    assert.deepStrictEqual(verdicts, ["alive", "dead"])
  }),
)

scenario("a restarted peer is another runner", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const peers = yield* build(a, RunnerPeers.layerByPeer())
    const before = RunnerPeers.addressOf(yield* b.cluster.self)
    yield* b.crash
    const again = yield* world.node("b", { seeds: [a.address] })
    yield* World.untilPeers(again, ["a"])
    const after = RunnerPeers.addressOf(yield* again.cluster.self)
    yield* World.eventually(() => peers.verdict(after) === "alive")
    assert.strictEqual(peers.verdict(before), "dead")
  }),
)

scenario("a node that has left is stopped, and its stream of deaths has ended", (world) =>
  Effect.gen(function* () {
    const { a } = yield* World.pair(world)
    const peers = yield* build(a, RunnerPeers.layerByPeer())
    assert.isFalse(peers.isStopped())
    const ended = yield* Effect.forkScoped(Stream.runDrain(peers.deaths))
    yield* a.cluster.leave
    yield* peers.awaitStopped
    yield* World.eventually(() => ended.pollUnsafe() !== undefined)
    assert.isTrue(peers.isStopped())
  }),
)

scenario("a node of another cluster does not become a runner", (world) =>
  Effect.gen(function* () {
    const { a } = yield* World.pair(world)
    const second = yield* world.node("c", { cluster: "other", seeds: [a.address] })
    const error = yield* Effect.flip(build(second, RunnerPeers.layerByPeer()))
    assert.instanceOf(error, StoppedError)
    assert.strictEqual(error.reason._tag, "OtherCluster")
  }),
)

scenario("a node with a manual start may start after its runners", (world) =>
  Effect.gen(function* () {
    const a = yield* world.node("a")
    const b = yield* world.node("b", { seeds: [a.address], start: "manual" })
    const peers = yield* build(b, RunnerPeers.layerByPeer())
    const address = RunnerPeers.addressOf(yield* a.cluster.self)
    assert.strictEqual(peers.verdict(address), "unknown")
    yield* b.cluster.start
    yield* World.eventually(() => peers.verdict(address) === "alive")
  }),
)

scenario("a name that is too long for the storage fails the layer", (world) =>
  Effect.gen(function* () {
    for (const [name, fits] of [
      ["x".repeat(120), true],
      ["é".repeat(38), true],
      ["é".repeat(39), false],
    ] as const) {
      const node = yield* world.node(`host-${name.length}`, { name })
      const built = build(node, RunnerPeers.layerByPeer())
      if (fits) {
        assert.isAtMost(textOf((yield* built).self).length, 255)
        continue
      }
      const error = yield* Effect.flip(built)
      assert.instanceOf(error, OptionsError)
      assert.strictEqual(error.option, "name")
      assert.include(error.problem, "at most 230 characters")
      assert.include(error.problem, "this name has 234")
    }
  }),
)

scenario("the address of a runner may be in the metadata of its peer", (world) =>
  Effect.gen(function* () {
    const runner = (port: number) => ({ [RunnerPeers.metadataKey]: `10.0.0.1:${port}` })
    const a = yield* world.node("a", { metadata: runner(1) })
    const b = yield* world.node("b", { metadata: runner(2), seeds: [a.address] })
    const c = yield* world.node("c", { seeds: [a.address] })
    for (const node of [b, c]) yield* World.until(node, ({ peers }) => peers.size === 2)
    yield* World.untilPeers(a, ["b", "c"])
    const peers = yield* build(a, RunnerPeers.layerByMetadata())
    assert.strictEqual(textOf(peers.self), "10.0.0.1:1")
    const { self: address } = yield* build(b, RunnerPeers.layerByMetadata())
    assert.strictEqual(peers.nameOf(address), "b")
    yield* b.cluster.updateMetadata({})
    yield* World.until(a, (view) => view.peers.get("b")?.metadata[RunnerPeers.metadataKey] === undefined)
    yield* b.crash
    yield* World.eventually(() => peers.verdict(address) === "dead")
    const error = yield* Effect.flip(build(c, RunnerPeers.layerByMetadata()))
    assert.instanceOf(error, OptionsError)
    assert.strictEqual(error.option, `metadata.${RunnerPeers.metadataKey}`)
  }),
)

scenario("the number of remembered runners must be an integer of at least 1", (world) =>
  Effect.gen(function* () {
    const a = yield* world.node("a")
    for (const rememberedRunners of [0, -1, 1.5, Number.NaN]) {
      const error = yield* Effect.flip(build(a, RunnerPeers.layerByPeer({ rememberedRunners })))
      assert.instanceOf(error, OptionsError)
      assert.strictEqual(error.option, "rememberedRunners")
    }
  }),
)

scenario("a higher generation after the start of the runner is logged", (world) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const a = yield* world.node("a")
    const first = yield* world.node("b", { seeds: [a.address] })
    yield* World.untilPeers(first, ["a"])
    const { generation } = yield* first.cluster.self
    yield* first.stop
    // The clock of the next life is behind.
    const b = yield* world.node("b", { seeds: [a.address], start: "manual" }, World.clockBack("1 hour"))
    const logged = Deferred.makeUnsafe<void>()
    const logger = Logger.make(({ message }) => {
      lines.push(String(message))
      Deferred.doneUnsafe(logged, Effect.void)
    })
    yield* RunnerPeers.layerByPeer().pipe(
      Layer.provide([Layer.succeed(Cluster, b.cluster), Logger.layer([logger])]),
      Layer.build,
    )
    yield* b.cluster.start
    assert.isAbove((yield* b.cluster.self).generation, generation)
    yield* Deferred.await(logged)
    assert.include(lines.join("\n"), "the generation of this node has risen")
  }),
)
