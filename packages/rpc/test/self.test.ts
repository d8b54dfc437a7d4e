/** Requests of a node to itself, which need neither a peer nor a link, and requests to one life of a peer. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import * as Support from "./support.ts"

const scenario = World.simulated

const setUp = Effect.fnUntraced(function* ({ node }: World.World) {
  const a = yield* node("a")
  const server = yield* Support.serve(a)
  const client = yield* Support.requests(a)
  return { a, client, server, seen: server.seen, toSelf: yield* client.to("a") }
})

scenario("a node answers its own requests and streams, and its handlers see it as the caller", (world) =>
  Effect.gen(function* () {
    const { a, toSelf } = yield* setUp(world)
    const { generation, name } = yield* a.cluster.self
    assert.strictEqual(yield* toSelf.Half({ number: 8 }), 4)
    assert.deepStrictEqual(yield* toSelf.Who(), { name, generation })
    const numbers = yield* Stream.runCollect(toSelf.Count({ to: 100 }))
    assert.strictEqual(numbers.length, 100)
    const large = yield* toSelf.Repeat({ text: "0123456789", times: 100_000 })
    assert.strictEqual(large.length, 1_000_000)
  }),
)

scenario("a request of a node to itself is lost when the server stops and when the node leaves", (world) =>
  Effect.gen(function* () {
    const { a, seen, server, toSelf } = yield* setUp(world)
    const given = yield* Support.background(toSelf.Wait({ id: "given up" }))
    yield* World.eventually(() => seen.began.length === 1)
    yield* server.stop
    assert.strictEqual(yield* Support.failure(given.result), "lost GivenUp")
    assert.deepStrictEqual(seen.interrupted, ["given up"])
    assert.strictEqual(yield* Support.failure(toSelf.Half({ number: 2 })), "send NotReading")

    const again = yield* Support.serve(a)
    const left = yield* Support.background(toSelf.Wait({ id: "left" }))
    yield* World.eventually(() => again.seen.began.length === 1)
    yield* a.cluster.leave
    assert.strictEqual(yield* Support.failure(left.result), "lost ClientClosed")
  }),
)

scenario("a client of one life of a peer fails with Replaced when another life has the name", (world) =>
  Effect.gen(function* () {
    const { a, b, client, toB } = yield* Support.pair(world)
    const life = (yield* a.cluster.view).peers.get("b") ?? assert.fail()
    const toLife = yield* client.to(life)
    assert.strictEqual(yield* toLife.Half({ number: 8 }), 4)
    yield* b.crash
    const again = yield* world.node("b", { seeds: [a.address] })
    yield* Support.serve(again)
    yield* World.until(a, ({ peers }) => {
      const peer = peers.get("b")
      return peer !== undefined && peer.generation > life.generation && peer.link === "up"
    })
    assert.strictEqual(yield* Support.failure(toLife.Half({ number: 8 })), "send Replaced")
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)
