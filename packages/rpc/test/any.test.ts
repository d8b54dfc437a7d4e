/** Requests to any node that serves a service: which node gets them, and which errors lead to another one. */
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as RequestLost from "@coterie/rpc/RequestLost"
import { assert, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Rpc from "effect/rpc/Rpc"
import { RpcClientError } from "effect/rpc/RpcClientError"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import * as Support from "./support.ts"

const scenario = World.simulated

type Options = PeerRpcClient.AnyOptions<RpcGroup.Rpcs<typeof Support.Work>>

/** Makes a client of any node on a node with this client layer. */
const anyOn = ({ service }: Pick<Effect.Success<ReturnType<typeof Support.requests>>, "service">, options?: Options) =>
  Effect.provideService(PeerRpcClient.any(Support.Work, options), PeerRpcClient.PeerRpcClient, service)

type Names<Name extends string> = Readonly<Record<Name, Support.How>>

/** Makes a cluster in which `a` makes requests to the given servers, and `z` does not serve. */
const cluster = Effect.fnUntraced(function* <const Name extends string>(
  { node }: World.World,
  servers: Names<Name>,
  options: Pick<Support.How, "serialization"> = {},
) {
  const z = yield* node("z")
  const nodes = new Map<string, World.Node>()
  const running = new Map<string, Effect.Success<ReturnType<typeof Support.serve>>>()
  for (const name in servers) {
    const server = yield* node(name, { seeds: [z.address] })
    nodes.set(name, server)
    running.set(name, yield* Support.serve(server, { ...options, ...servers[name] }))
  }
  const a = yield* node("a", { seeds: [z.address] })
  const client = yield* Support.requests(a, options)
  yield* World.untilPeers(a, [...nodes.keys(), "z"])
  // By then `a` knows which peers serve.
  yield* Effect.sleep("100 millis")
  return {
    a,
    z,
    client,
    node: (name: Name) => nodes.get(name) ?? assert.fail(),
    server: (name: Name) => running.get(name) ?? assert.fail(),
  }
})

/** Makes the request several times, one after the other unless there is a concurrency. Counts its results. */
const count = <E, R>(request: Effect.Effect<string, E, R>, times: number, concurrency = 1) =>
  Effect.map(
    Effect.forEach(Array.from({ length: times }), () => request, { concurrency }),
    (results): Readonly<Record<string, number>> =>
      Object.fromEntries([...Map.groupBy(results, (result) => result)].map(([result, all]) => [result, all.length])),
  )

const causeOf = <A, E>(request: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(request), (error) =>
    error instanceof RpcClientError ? RequestLost.causeOf(error) : undefined,
  )

scenario("requests to any are spread over the nodes that serve, and no other node gets one", (world) =>
  Effect.gen(function* () {
    const { client } = yield* cluster(world, { b: {}, c: {}, d: {} })
    const any = yield* anyOn(client)
    const counts = yield* count(any.Where(), 300)
    assert.deepStrictEqual(Object.keys(counts).sort(), ["b", "c", "d"])
    for (const each of Object.values(counts)) assert.isAbove(each, 60)
  }),
)

scenario("a slow node gets fewer of the requests to any", (world) =>
  Effect.gen(function* () {
    const { client } = yield* cluster(world, {
      b: { delay: "1 second" },
      c: { delay: "50 millis" },
      d: { delay: "50 millis" },
    })
    const any = yield* anyOn(client)
    const { b = 0, c = 0, d = 0 } = yield* count(any.Where(), 400, 12)
    assert.isBelow(b, 60)
    assert.isAbove(c, 120)
    assert.isAbove(d, 120)
  }),
)

scenario("a request to any that a busy node refuses is made to another node", (world) =>
  Effect.gen(function* () {
    const { a, client, server } = yield* cluster(world, { b: { limit: 1 }, c: {} })
    // The other client layer, so that the requests to any do not know that `b` is busy.
    const other = yield* Support.requests(a)
    const toB = yield* other.to("b")
    // The limit is for the session, which both layers share.
    yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => server("b").seen.began.length === 1)
    const any = yield* anyOn(client)
    assert.deepStrictEqual(yield* count(any.Where(), 30), { c: 30 })
  }),
)

scenario("a request to any fails with Busy after three nodes have refused it", (world) =>
  Effect.gen(function* () {
    const names = ["b", "c", "d", "e"] as const
    const { client, server } = yield* cluster(world, {
      b: { limit: 1 },
      c: { limit: 1 },
      d: { limit: 1 },
      e: { limit: 1 },
    })
    for (const name of names) {
      yield* Support.background((yield* client.to(name)).Wait({ id: "x" }))
      yield* World.eventually(() => server(name).seen.began.length === 1)
    }
    const cause = yield* causeOf((yield* anyOn(client)).Where())
    assert.deepStrictEqual([cause?.reason._tag, cause?.maybeDelivered], ["Busy", false])
  }),
)

scenario("a request to any at a node that crashes fails, and no other node carries it out", (world) =>
  Effect.gen(function* () {
    const { client, node, server } = yield* cluster(world, { b: {}, c: {} })
    const any = yield* anyOn(client)
    const waiting = yield* Effect.forEach(
      Array.from({ length: 20 }, (_, i) => String(i)),
      (id) => Support.background(any.Wait({ id })),
    )
    const { b, c } = { b: server("b").seen, c: server("c").seen }
    yield* World.eventually(() => b.began.length + c.began.length === 20)
    const [atB, atC] = [[...b.began], [...c.began]]
    yield* node("b").crash
    for (const id of atB) {
      const lost = waiting[Number(id)] ?? assert.fail()
      assert.strictEqual(yield* Support.failure(lost.result), "lost SessionEnded")
    }
    yield* Effect.sleep("1 minute")
    assert.deepStrictEqual(c.began, atC)
    for (const id of atC) assert.isFalse(waiting[Number(id)]?.isDone())
    assert.deepStrictEqual(yield* count(any.Where(), 10), { c: 10 })
  }),
)

scenario("requests to any follow the servers that stop and start", (world) =>
  Effect.gen(function* () {
    const { client, node, server } = yield* cluster(world, { b: {}, c: {} })
    const any = yield* anyOn(client)
    yield* server("b").stop
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(yield* count(any.Where(), 20), { c: 20 })
    yield* server("c").stop
    yield* Effect.sleep("1 second")
    const waiting = yield* Support.background(any.Where())
    yield* Effect.sleep("900 millis")
    assert.isFalse(waiting.isDone())
    yield* Support.serve(node("b"))
    assert.strictEqual(yield* waiting.result, "b")
  }),
)

scenario("a request to any fails with NotServed while no node serves", (world) =>
  Effect.gen(function* () {
    const { a, client } = yield* cluster(world, {})
    const [before] = [yield* MonotonicTime.millis]
    const cause = yield* causeOf((yield* anyOn(client)).Where())
    assert.strictEqual((yield* MonotonicTime.millis) - before, 1_000)
    assert.deepStrictEqual(
      [cause?._tag, cause?.reason._tag, cause?.maybeDelivered],
      ["RequestLost", "NotServed", false],
    )
    const atOnce = yield* anyOn(client, { wait: 0 })
    assert.strictEqual((yield* causeOf(atOnce.Where()))?.reason._tag, "NotServed")
    assert.strictEqual((yield* causeOf(Stream.runDrain(atOnce.Count({ to: 3 }))))?.reason._tag, "NotServed")
    yield* a.cluster.leave
    assert.strictEqual((yield* causeOf((yield* anyOn(client)).Where()))?.reason._tag, "NotServed")
  }),
)

scenario("this node gets requests to any if it serves, unless self is false", (world) =>
  Effect.gen(function* () {
    const { a, client } = yield* cluster(world, { b: {} })
    const [any, others] = [yield* anyOn(client), yield* anyOn(client, { self: false })]
    yield* Support.serve(a)
    yield* Effect.sleep("100 millis")
    const counts = yield* count(any.Where(), 100)
    assert.isAbove(counts["a"] ?? 0, 25)
    assert.isAbove(counts["b"] ?? 0, 25)
    assert.deepStrictEqual(yield* count(others.Where(), 20), { b: 20 })
  }),
)

scenario(
  "the nearest nodes get the requests to any, and a farther one if they do not serve",
  (world) =>
    Effect.gen(function* () {
      const { a, client, server } = yield* cluster(world, { b: {}, c: {}, far: {} })
      const any = yield* anyOn(client, { pick: "nearest" })
      // The first request starts the measurement.
      yield* any.Where()
      yield* Effect.sleep("1 second")
      const near = yield* count(any.Where(), 100)
      assert.deepStrictEqual(Object.keys(near).sort(), ["b", "c"])
      for (const name of ["b", "c"] as const) yield* server(name).stop
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* count(any.Where(), 10), { far: 10 })
      // The time of a node to itself is zero.
      yield* Support.serve(a)
      yield* Effect.sleep("1 second")
      yield* any.Where()
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* count(any.Where(), 10), { a: 10 })
    }),
  { latency: (from, to) => (from === "far" || to === "far" ? "40 millis" : "4 millis") },
)

for (const [name, serialization] of [
  ["JSON", undefined],
  ["SchemaBinary", RpcSerialization.layerSchemaBinary()],
] as const) {
  scenario(`all nodes give a key to the same node, and move only the keys of a node that goes (${name})`, (world) =>
    Effect.gen(function* () {
      const { client, node, z } = yield* cluster(world, { b: {}, c: {}, d: {} }, { serialization })
      const clients = [
        client,
        yield* Support.requests(z, { serialization }),
        yield* Support.requests(node("b"), { serialization }),
      ]
      yield* Effect.sleep("1 second")
      const pick = { key: (request: { readonly tag: string; readonly payload: unknown }) => JSON.stringify(request) }
      const [fromA, fromZ, fromB] = yield* Effect.forEach(clients, (each) => anyOn(each, { pick }))
      if (fromA === undefined || fromZ === undefined || fromB === undefined) return assert.fail()
      const owners = new Map<number, string>()
      for (let to = 1; to <= 30; to++) {
        const places = yield* Effect.forEach([fromA, fromZ, fromB], (each) => Stream.runCollect(each.Places({ to })))
        const [owner = ""] = new Set(places.flat())
        assert.strictEqual(new Set(places.flat()).size, 1)
        assert.deepStrictEqual(
          places.map(({ length }) => length),
          [to, to, to],
        )
        owners.set(to, owner)
      }
      assert.deepStrictEqual([...new Set(owners.values())].sort(), ["b", "c", "d"])
      yield* node("d").stop
      yield* Effect.sleep("1 second")
      for (const [to, owner] of owners) {
        const [now] = yield* Stream.runCollect(fromA.Places({ to }))
        if (owner === "d") assert.notStrictEqual(now, "d")
        else assert.strictEqual(now, owner)
      }
    }),
  )
}

scenario("a node with another serialization gets no request to any", (world) =>
  Effect.gen(function* () {
    const { client } = yield* cluster(world, { b: {}, c: { serialization: RpcSerialization.layerSchemaBinary() } })
    const any = yield* anyOn(client)
    assert.deepStrictEqual(yield* count(any.Where(), 20), { b: 20 })
  }),
)

scenario("a stream of a client of any comes from one node, and ends there when its reader stops", (world) =>
  Effect.gen(function* () {
    const { client, server } = yield* cluster(world, { b: {}, c: {} })
    const any = yield* anyOn(client)
    for (let i = 0; i < 10; i++) {
      const places = yield* Stream.runCollect(any.Places({ to: 100 }))
      assert.strictEqual(places.length, 100)
      assert.strictEqual(new Set(places).size, 1)
    }
    const ended = () => server("b").seen.ended + server("c").seen.ended
    const before = ended()
    yield* Stream.runDrain(Stream.take(any.Count({ to: 1_000_000 }), 3))
    yield* World.eventually(() => ended() === before + 1)
  }),
)

scenario("discard requests of a client of any are spread, and a busy node does not get them", (world) =>
  Effect.gen(function* () {
    const { client, server } = yield* cluster(world, { b: { limit: 2 }, c: {} })
    const any = yield* anyOn(client)
    for (let i = 0; i < 20; i++) yield* any.Wait({ id: String(i) }, { discard: true })
    const began = [...server("b").seen.began, ...server("c").seen.began]
    assert.strictEqual(server("b").seen.began.length, 2)
    assert.deepStrictEqual(
      began.map(Number).sort((x, y) => x - y),
      Array.from({ length: 20 }, (_, i) => i),
    )
  }),
)

scenario("an interrupted caller and a closed client of any interrupt the handlers at their nodes", (world) =>
  Effect.gen(function* () {
    const { client, server } = yield* cluster(world, { b: {}, c: {} })
    const seen = () => [server("b").seen, server("c").seen]
    const interrupted = () => seen().flatMap((each) => each.interrupted).length
    const began = () => seen().flatMap((each) => each.began).length
    const scope = yield* Scope.fork(yield* Effect.scope)
    const any = yield* Scope.provide(anyOn(client), scope)
    const ofCallers = yield* Effect.forEach(Array.from({ length: 10 }), () => Support.background(any.Wait({ id: "x" })))
    yield* World.eventually(() => began() === 10)
    for (const { began } of seen()) assert.isAbove(began.length, 1)
    for (const { fiber } of ofCallers) yield* Fiber.interrupt(fiber)
    yield* World.eventually(() => interrupted() === 10)
    for (let i = 0; i < 10; i++) yield* Support.background(any.Wait({ id: "y" }))
    yield* World.eventually(() => began() === 20)
    for (const { began } of seen()) assert.isAbove(began.filter((id) => id === "y").length, 1)
    for (let i = 0; i < 10; i++) {
      yield* Support.background(Stream.runForEach(any.Count({ to: 1_000 }), () => Effect.never))
    }
    yield* World.eventually(() => seen().every(({ counted }) => counted > 0))
    yield* Scope.close(scope, Exit.void)
    yield* World.eventually(() => interrupted() === 20)
    yield* World.eventually(() => seen().reduce((sum, { ended }) => sum + ended, 0) === 10)
  }),
)

scenario("a defect that ends the requests at one node does not end those of the same client at another", (world) =>
  Effect.gen(function* () {
    const { client, server } = yield* cluster(world, { b: { disableFatalDefects: false }, c: {} })
    const any = yield* anyOn(client)
    const waiting = yield* Effect.forEach(
      Array.from({ length: 20 }, (_, i) => String(i)),
      (id) => Support.background(any.Wait({ id })),
    )
    const { b, c } = { b: server("b").seen, c: server("c").seen }
    yield* World.eventually(() => b.began.length + c.began.length === 20)
    yield* Effect.exit((yield* client.to("b")).Fail())
    for (const id of b.began) {
      const error = yield* Effect.flip(waiting[Number(id)]?.result ?? Effect.die("none"))
      assert.include(String(error), '"b" ended all requests of this node by a defect: a bug')
    }
    yield* Effect.sleep("1 second")
    for (const id of c.began) assert.isFalse(waiting[Number(id)]?.isDone())
  }),
)

scenario("a closed client layer with a client of any leaves no fibers", (world) =>
  Effect.gen(function* () {
    const { a } = yield* cluster(world, { b: {} })
    yield* Effect.sleep("1 minute")
    const fibers = World.countFibers()
    yield* fibers.within(
      Effect.scoped(
        Effect.gen(function* () {
          const any = yield* anyOn(yield* Support.requests(a), { pick: "nearest" })
          yield* any.Where()
          assert.isAbove(fibers.alive(), 1)
        }),
      ),
    )
    yield* Effect.sleep("1 minute")
    assert.strictEqual(fibers.alive(), 0)
  }),
)

scenario("attempts that are not an integer of at least 1 are an error of the options", (world) =>
  Effect.gen(function* () {
    const client = yield* Support.requests(yield* world.node("a"))
    for (const attempts of [0, 1.5, Number.NaN]) {
      assert.strictEqual((yield* Effect.flip(anyOn(client, { attempts }))).option, "attempts")
    }
  }),
)

it("a key is made from the payload of each procedure, and only of the group", () => {
  const group = RpcGroup.make(
    Rpc.make("Get", { payload: { id: Schema.Number }, success: Schema.String }),
    Rpc.make("List", { payload: { prefix: Schema.String }, success: Schema.String, stream: true }),
  )
  const client = PeerRpcClient.any(group, {
    pick: { key: (request) => (request.tag === "Get" ? String(request.payload.id) : request.payload.prefix) },
  })
  expectTypeOf<Effect.Success<typeof client>>().toEqualTypeOf<PeerRpcClient.FromGroup<typeof group>>()
  const flat = PeerRpcClient.any(group, { flatten: true })
  expectTypeOf<Effect.Success<typeof flat>>().toEqualTypeOf<PeerRpcClient.FlatClient<RpcGroup.Rpcs<typeof group>>>()
  // @ts-expect-error: the group has no such payload
  PeerRpcClient.any(group, { pick: { key: ({ payload }) => payload.name } })
  // @ts-expect-error: there is no such rule
  PeerRpcClient.any(group, { pick: "random" })
  // @ts-expect-error: a request to all is an effect; a stream is collected first
  PeerRpcClient.all(group, (each) => each.List({ prefix: "x" }))
})
