/** The engine over the links of peers, on the simulated network and in virtual time. */
import { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import * as CoterieCluster from "../src/CoterieCluster.ts"
import { Account } from "./engine/account.ts"
import * as Runners from "./engine/runners.ts"

const scenario = World.simulated

const pair = (world: World.World, options?: Parameters<typeof Runners.startAll>[2]) =>
  Effect.map(Runners.startAll(world, ["a", "b"], options), ({ engines, storage }) => {
    const [a, b] = engines
    if (a === undefined || b === undefined) return assert.fail()
    return { a, b, storage }
  })

scenario("entities answer over the links of peers", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* pair(world)
    for (const [caller, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const id = yield* Runners.idOn(caller, other.name)
      assert.strictEqual(yield* caller.client(id).Repeat({ text: "x", times: 100_000 }), "x".repeat(100_000))
      assert.strictEqual(yield* caller.client(id).Deposit({ id, amount: 1 }), other.name)
    }
  }),
)

scenario("entities stream over the links of peers, at the pace of the reader", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* pair(world)
    const id = yield* Runners.idOn(a, "b")
    const all = yield* Stream.runCollect(a.client(id).Count({ to: 50 }))
    assert.deepStrictEqual(
      all,
      Array.from({ length: 50 }, (_, i) => i + 1),
    )
    b.seen.counted = 0
    const taken = a
      .client(id)
      .Count({ to: 10_000 })
      .pipe(
        Stream.mapEffect((number) => Effect.as(Effect.sleep("100 millis"), number)),
        Stream.take(3),
        Stream.runCollect,
      )
    assert.deepStrictEqual(yield* taken, [1, 2, 3])
    assert.isBelow(b.seen.counted, 100)
  }),
)

scenario("an interrupted call interrupts its entity over the link", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* pair(world)
    const id = yield* Runners.idOn(a, "b")
    const call = yield* Effect.forkScoped(a.client(id).Wait())
    yield* World.eventually(() => b.seen.waiting === 1)
    yield* Fiber.interrupt(call)
    yield* World.eventually(() => b.seen.interrupted === 1)
  }),
)

scenario("a lost link fails no call forever, and a persisted one is carried out once", (world, network) =>
  Effect.gen(function* () {
    const deposits = new Map<string, number>()
    const deposited = (id: string) => void deposits.set(id, (deposits.get(id) ?? 0) + 1)
    const { a } = yield* pair(world, { deposited })
    const ids = yield* Runners.idsOn(a, "b", 3)
    const calls: Array<Fiber.Fiber<string, unknown>> = []
    for (let round = 0; round < 20; round++) {
      for (const id of ids) {
        const deposit = a.client(id).Deposit({ id: `${round}-${id}`, amount: 1 })
        for (const call of [a.client(id).Where(), deposit]) calls.push(yield* Effect.forkScoped(call))
      }
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 30))
      if (round % 3 === 0) yield* a.node.sever
      if (round % 5 === 0) {
        yield* network.partition(["a"], ["b"])
        yield* Effect.sleep(yield* Random.nextIntBetween(1, 1_500))
        yield* network.heal
      }
    }
    const exits = yield* Effect.timeout(Effect.forEach(calls, Fiber.await), "5 minutes")
    for (const exit of exits) assert.isTrue(Exit.isSuccess(exit), String(exit))
    assert.deepStrictEqual([...new Set(deposits.values())], [1])
    assert.strictEqual(deposits.size, 60)
  }),
)

scenario("calls and answers that are too large end once, with the sizes", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* pair(world, { node: { limits: { messageBytes: 20_000 } } })
    const id = yield* Runners.idOn(a, "b")
    b.seen.begun.length = 0
    const text = "0123456789"
    const call = yield* Effect.exit(a.client(id).Length({ text: text.repeat(3_000) }))
    assert.match(String(call), /message has 3\d{4} bytes; the limit is 20000 \(limits.messageBytes\)/)
    assert.deepStrictEqual(b.seen.begun, [])
    const answer = yield* Effect.exit(a.client(id).Repeat({ text, times: 3_000 }))
    assert.match(String(answer), /response has 3\d{4} bytes; the limit of the peer is 20000 \(limits.messageBytes\)/)
    assert.deepStrictEqual(b.seen.begun, ["Repeat"])
    const chunk = yield* Effect.exit(Stream.runDrain(a.client(id).Chunks({ text, times: 3_000 })))
    assert.match(String(chunk), /response has 3\d{4} bytes; the limit of the peer is 20000 \(limits.messageBytes\)/)
    assert.deepStrictEqual(b.seen.begun, ["Repeat", "Chunks"])
    // The entity and the link work on.
    assert.strictEqual(yield* a.client(id).Repeat({ text, times: 1_000 }), text.repeat(1_000))
  }),
)

scenario("a persisted call that is too large for a link goes through the storage", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* pair(world, { node: { limits: { messageBytes: 20_000 } } })
    const id = yield* Runners.idOn(a, "b")
    b.seen.begun.length = 0
    assert.strictEqual(yield* a.client(id).Deposit({ id: "x".repeat(30_000), amount: 1 }), "b")
    assert.deepStrictEqual(b.seen.begun, ["Deposit"])
  }),
)

scenario("calls beyond the limit of a runner wait for room, and hold up nobody else", (world) =>
  Effect.gen(function* () {
    const { engines } = yield* Runners.startAll(world, ["a", "b", "c"], { engine: { requestLimit: 20 } })
    const [a, b, c] = engines
    if (a === undefined || b === undefined || c === undefined) return assert.fail()
    const id = yield* Runners.idOn(a, "b")
    const waiting: Array<Fiber.Fiber<void, unknown>> = []
    for (let i = 0; i < 20; i++) waiting.push(yield* Effect.forkScoped(a.client(id).Wait()))
    yield* World.eventually(() => b.seen.waiting === 20)
    const beyond = yield* Effect.forkScoped(a.client(id).Where())
    yield* Effect.sleep("2 seconds")
    assert.isUndefined(beyond.pollUnsafe())
    assert.strictEqual(yield* c.client(id).Where(), "b")
    assert.strictEqual(yield* b.client(yield* Runners.idOn(b, "a")).Where(), "a")
    for (const call of waiting.slice(0, 1)) yield* Fiber.interrupt(call)
    assert.strictEqual(yield* Fiber.join(beyond), "b")
  }),
)

scenario("a runner whose node has left hands its shards over", (world) =>
  Effect.gen(function* () {
    const { a, b, storage } = yield* pair(world)
    const id = yield* Runners.idOn(b, "a")
    yield* a.node.cluster.leave
    yield* Runners.untilOwners(storage, ["b"])
    assert.strictEqual(yield* b.client(id).Where(), "b")
    assert.deepStrictEqual(
      storage
        .runners()
        .filter(({ healthy }) => healthy)
        .map(({ address }) => address.split(":")[0]),
      ["b"],
    )
    yield* Effect.sleep("10 seconds")
    assert.deepStrictEqual(
      storage.history().filter(({ event }) => event === "healthy"),
      [],
    )
  }),
)

scenario("an engine that stops hands its shards over and keeps its node", (world) =>
  Effect.gen(function* () {
    const { a, b, storage } = yield* pair(world)
    yield* a.stop
    yield* Runners.untilOwners(storage, ["b"])
    assert.strictEqual((yield* b.node.cluster.view).peers.get("a")?.link, "up")
  }),
)

scenario("a peer without a runner calls the entities of the runners", (world) =>
  Effect.gen(function* () {
    const { a, storage } = yield* pair(world)
    const node = yield* world.node("c", { seeds: [a.node.address] })
    const client = yield* CoterieCluster.layerClientOnly({
      storage: storage.layer("c"),
      sharding: Runners.sharding,
    }).pipe(
      Layer.provide([Layer.succeed(Cluster, node.cluster), Logger.layer([])]),
      Layer.build,
      Effect.flatMap((context) => Effect.provide(Account.client, context)),
    )
    for (const name of ["a", "b"]) {
      const id = yield* Runners.idOn(a, name)
      assert.strictEqual(yield* client(id).Where(), name)
      assert.strictEqual(yield* client(id).Deposit({ id, amount: 1 }), name)
    }
    assert.strictEqual(storage.runners().length, 2)
  }),
)

scenario("options that cannot be used, and a second engine, fail the layer", (world) =>
  Effect.gen(function* () {
    const { a, storage } = yield* pair(world)
    const c = yield* world.node("c")
    const error = ({ cluster }: World.Node, options: Partial<CoterieCluster.Options<never, never>>) =>
      CoterieCluster.layer({ storage: storage.layer("c"), ...options }).pipe(
        Layer.provide([Layer.succeed(Cluster, cluster), Logger.layer([])]),
        Layer.build,
        Effect.flip,
      )
    const problems = yield* Effect.all([
      error(c, { requestLimit: 0 }),
      error(c, { rememberedRunners: 0 }),
      error(c, { responder: { stagger: "Infinity" } }),
      error(a.node, {}),
    ])
    for (const problem of problems) assert.instanceOf(problem, OptionsError)
    assert.deepStrictEqual(
      problems.map((problem) => (problem instanceof OptionsError ? problem.option : "")),
      ["requestLimit", "rememberedRunners", "responder.stagger", "engine"],
    )
  }),
)

scenario("a storage that cannot be opened fails the layer with its error", (world) =>
  Effect.gen(function* () {
    const node = yield* world.node("a")
    const storage = Layer.effectContext(Effect.fail("the database is down"))
    const error = yield* CoterieCluster.layer({ storage }).pipe(
      Layer.provide([Layer.succeed(Cluster, node.cluster), Logger.layer([])]),
      Layer.build,
      Effect.flip,
    )
    assert.strictEqual(error, "the database is down")
  }),
)

scenario("a storage that fails for a while loses no runner", (world) =>
  Effect.gen(function* () {
    const { a, b, storage } = yield* pair(world)
    const id = yield* Runners.idOn(a, "b")
    yield* storage.cut("a")
    yield* Effect.sleep("5 seconds")
    yield* storage.restore("a")
    assert.strictEqual(yield* a.client(id).Where(), "b")
    assert.strictEqual(yield* b.client(yield* Runners.idOn(b, "a")).Where(), "a")
    assert.deepStrictEqual(
      storage.history().filter(({ event }) => event === "unhealthy"),
      [],
    )
  }),
)

scenario("the majority serves everything in a partition, and the minority serves again afterwards", (world, network) =>
  Effect.gen(function* () {
    const { engines, storage } = yield* Runners.startAll(world, ["a", "b", "c"])
    const [a, b, c] = engines
    if (a === undefined || b === undefined || c === undefined) return assert.fail()
    const ids = yield* Runners.idsOn(b, "a", 3)
    // The storage is reachable from all of them.
    yield* network.partition(["a"], ["b", "c"])
    yield* Effect.timeout(Runners.untilOwners(storage, ["b", "c"]), "20 seconds")
    for (const id of ids) assert.include(["b", "c"], yield* c.client(id).Where())
    const marked = storage.history().filter(({ event }) => event === "unhealthy")
    assert.deepStrictEqual([...new Set(marked.map(({ address }) => address.split(":")[0]))], ["a"])
    yield* Effect.sleep("1 minute")
    assert.isFalse(storage.history().some(({ event }) => event === "healthy"))
    assert.strictEqual(storage.soleOwners(), true)
    yield* network.heal
    yield* Effect.timeout(Runners.untilOwners(storage, ["a", "b", "c"]), "1 minute")
    for (const id of ids) assert.strictEqual(yield* b.client(id).Where(), "a")
  }),
)

scenario("in a partition of two runners, the one with the first address serves everything", (world, network) =>
  Effect.gen(function* () {
    const { a, b, storage } = yield* pair(world)
    const id = yield* Runners.idOn(a, "b")
    yield* network.partition(["a"], ["b"])
    yield* Effect.timeout(Runners.untilOwners(storage, ["a"]), "30 seconds")
    assert.strictEqual(yield* a.client(id).Where(), "a")
    yield* Effect.sleep("1 minute")
    assert.isFalse(storage.history().some(({ event }) => event === "healthy"))
    yield* network.heal
    yield* Effect.timeout(Runners.untilOwners(storage, ["a", "b"]), "1 minute")
    assert.strictEqual(yield* b.client(id).Where(), "b")
  }),
)
