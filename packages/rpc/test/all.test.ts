/** Requests to all peers that serve a service. */
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import * as Support from "./support.ts"

const scenario = World.simulated

/** Makes a cluster in which `a` makes requests, `b` and `c` serve them, and `d` does not serve. */
const cluster = Effect.fnUntraced(function* ({ node }: World.World) {
  const b = yield* node("b")
  const c = yield* node("c", { seeds: [b.address] })
  yield* node("d", { seeds: [b.address] })
  const a = yield* node("a", { seeds: [b.address] })
  const servers = { b: yield* Support.serve(b), c: yield* Support.serve(c) }
  const { service } = yield* Support.requests(a)
  yield* World.untilPeers(a, ["b", "c", "d"])
  // By then `a` knows which peers serve.
  yield* Effect.sleep("100 millis")
  const ask = Effect.provideService(PeerRpcClient.PeerRpcClient, service)
  return { a, b, c, servers, ask }
})

const describeAnswer = <A>({ exit, peer }: PeerRpcClient.Answer<A, unknown>): string => {
  if (Exit.isSuccess(exit)) return `${peer.name}: ${String(exit.value)}`
  const error = Exit.findErrorOption(exit)
  return `${peer.name}: ${error._tag === "Some" ? Support.describeError(error.value) : "defect"}`
}

const sorted = <A>(answers: ReadonlyArray<PeerRpcClient.Answer<A, unknown>>) => answers.map(describeAnswer).sort()

scenario("each peer that serves the service answers a request to all, and no other peer does", (world) =>
  Effect.gen(function* () {
    const { ask, b, c } = yield* cluster(world)
    const answers = yield* ask(PeerRpcClient.all(Support.Work, (client) => client.Half({ number: 8 })))
    assert.deepStrictEqual(sorted(answers), ["b: 4", "c: 4"])
    const generations = new Map(answers.map(({ peer }) => [peer.name, peer.generation]))
    assert.strictEqual(generations.get("b"), (yield* b.cluster.self).generation)
    assert.strictEqual(generations.get("c"), (yield* c.cluster.self).generation)
  }),
)

scenario(
  "a request to all returns the typed errors and the defects of single peers with the answers of the others",
  (world) =>
    Effect.gen(function* () {
      const { ask } = yield* cluster(world)
      const answers = yield* ask(
        PeerRpcClient.all(Support.Work, (client, { name }) => client.Half({ number: name === "b" ? 7 : 8 })),
      )
      assert.deepStrictEqual(sorted(answers), [`b: ${String(new Support.Odd({ number: 7 }))}`, "c: 4"])
      const defects = yield* ask(PeerRpcClient.all(Support.Work, (client) => client.Fail()))
      assert.deepStrictEqual(sorted(defects), ["b: defect", "c: defect"])
    }),
)

scenario("the answers to a request to all arrive one by one, and the handlers end when the reader stops", (world) =>
  Effect.gen(function* () {
    const { ask, servers } = yield* cluster(world)
    const answers = PeerRpcClient.streamAll(Support.Work, (client, { name }) =>
      name === "b"
        ? Effect.andThen(Effect.sleep("1 second"), client.Half({ number: 8 }))
        : Effect.as(client.Wait({ id: "never" }), 0),
    )
    const first = yield* ask(Stream.runCollect(Stream.take(answers, 1)))
    assert.deepStrictEqual(sorted(first), ["b: 4"])
    yield* World.eventually(() => servers.c.seen.interrupted.includes("never"))
  }),
)

scenario("a request to all ends at its timeout and interrupts the handlers that have not answered", (world) =>
  Effect.gen(function* () {
    const { ask, servers } = yield* cluster(world)
    const answers = yield* ask(
      PeerRpcClient.all(
        Support.Work,
        (client, { name }) => (name === "b" ? client.Half({ number: 8 }) : Effect.as(client.Wait({ id: "never" }), 0)),
        { timeout: "3 seconds" },
      ),
    )
    assert.deepStrictEqual(sorted(answers), ["b: 4", "c: TimeoutError: the peer did not respond in time"])
    yield* World.eventually(() => servers.c.seen.interrupted.includes("never"))
  }),
)

scenario("a request to all returns NotConnected for a peer without a link", (world, network) =>
  Effect.gen(function* () {
    const { a, ask } = yield* cluster(world)
    yield* network.partition(["a"], ["c"])
    yield* World.until(a, ({ peers }) => peers.get("c")?.link === "indirect")
    const answers = yield* ask(PeerRpcClient.all(Support.Work, (client) => client.Half({ number: 8 })))
    assert.deepStrictEqual(sorted(answers), ["b: 4", "c: send NotConnected"])
  }),
)

scenario("this node answers a request to all if it serves, unless self is false", (world) =>
  Effect.gen(function* () {
    const { a, ask } = yield* cluster(world)
    const requestAll = PeerRpcClient.all(Support.Work, (client) => client.Half({ number: 8 }))
    assert.deepStrictEqual(sorted(yield* ask(requestAll)), ["b: 4", "c: 4"])
    yield* Support.serve(a)
    assert.deepStrictEqual(sorted(yield* ask(requestAll)), ["a: 4", "b: 4", "c: 4"])
    const others = PeerRpcClient.all(Support.Work, (client) => client.Half({ number: 8 }), { self: false })
    assert.deepStrictEqual(sorted(yield* ask(others)), ["b: 4", "c: 4"])
  }),
)

scenario("a request to given peers returns an answer for each, including a peer that does not serve", (world) =>
  Effect.gen(function* () {
    const { a, ask } = yield* cluster(world)
    const peers = (yield* a.cluster.peers).filter(({ name }) => name !== "b")
    const answers = yield* ask(
      PeerRpcClient.all(Support.Work, (client) => client.Half({ number: 8 }), { peers, concurrency: 1 }),
    )
    assert.deepStrictEqual(sorted(answers), ["c: 4", "d: send NotReading"])
  }),
)
