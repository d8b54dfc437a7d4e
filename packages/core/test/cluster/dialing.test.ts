/**
 * The addresses that a node dials, and the number of parallel dials. `reconnect.test.ts` covers the pauses between
 * dials.
 */
import * as Address from "@coterie/core/Address"
import * as Discovery from "@coterie/core/Discovery"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Transport from "@coterie/core/Transport"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { addressOf } from "./RawPeer.ts"
import * as World from "./world.ts"

const scenario = World.simulated

describe("a seed", () => {
  scenario(
    "that resolves to this node is dialed again, because the name may resolve to another node later",
    ({ node }, network) =>
      Effect.gen(function* () {
        let target = "b"
        const { node: nodeViaName } = World.redirected(network, "service:1", () => addressOf(`${target}:24868`))
        const a = yield* node("a")
        const b = yield* nodeViaName("b", { seeds: ["service:1"] })
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(yield* b.cluster.peers, [])
        target = "a"
        yield* World.untilPeers(b, ["a"])
        yield* World.untilPeers(a, ["b"])
      }),
  )

  scenario("whose peer left is dialed again, and a new peer at that address becomes a member", ({ node }) =>
    Effect.gen(function* () {
      const b = yield* node("b")
      const a = yield* node("a", { seeds: [b.address] })
      yield* World.untilPeers(a, ["b"])
      yield* Effect.sleep("1 minute")
      yield* b.stop
      yield* World.until(a, ({ peers }) => peers.size === 0)
      yield* node("b", { name: "c" })
      yield* World.untilPeers(a, ["c"])
    }),
  )

  scenario("whose peer was disconnected is not dialed", ({ node }) =>
    Effect.gen(function* () {
      const b = yield* node("b")
      const a = yield* node("a", { seeds: [b.address] })
      yield* World.untilPeers(a, ["b"])
      yield* a.cluster.disconnect("b")
      const dialed = a.dialed.length
      yield* Effect.sleep("2 minutes")
      assert.strictEqual(a.dialed.length, dialed)
      assert.deepStrictEqual(yield* b.cluster.peers, [])
    }),
  )

  scenario(
    "that its peer does not advertise is dialed for further peers, and the link to that peer stays up",
    ({ node }) =>
      Effect.gen(function* () {
        const a = yield* node("a", { advertise: [addressOf("public:1")] })
        const found = Discovery.layer(Stream.fromEffect(Effect.as(Effect.sleep("2 seconds"), ["a"])))
        const b = yield* node("b", {}, Layer.merge(FailureDetector.layerLocal, found))
        yield* a.cluster.join(b.address)
        yield* World.untilPeers(b, ["a"])
        yield* Effect.sleep("5 seconds")
        const events = yield* World.collect(b)
        yield* Effect.sleep("5 minutes")
        // Every 30 seconds, because the address may be the name of a service with more peers.
        assert.approximately(b.dialed.filter((address) => address === "a:24868").length, 10, 2)
        assert.deepStrictEqual(
          events.map(({ _tag }) => _tag),
          ["Snapshot"],
        )
      }),
  )

  scenario("that names a service connects all peers behind it, although one of them has a link", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b")
      // The name resolves to `a` twice, and then to `b`.
      const [first, second] = [a, b].map(({ address }) => Result.getOrThrow(Address.parse(address)))
      let times = 0
      const service = Layer.effect(
        Transport.Transport,
        Effect.map(Transport.Transport, (transport) => ({
          ...transport,
          connect: (address: Address.Address) =>
            transport.connect(address !== "service:1" ? address : ((times++ < 2 ? first : second) ?? address)),
        })),
      ).pipe(Layer.provide(network.transport("c")))
      const { node: nodeViaService } = World.sim({ ...network, transport: () => service })
      const c = yield* nodeViaService("c", { seeds: ["service:1"] })
      yield* World.untilPeers(c, ["a"])
      yield* World.untilPeers(c, ["a", "b"])
      yield* World.untilPeers(a, ["b", "c"])
    }),
  )
})

scenario(
  "a peer with another name at a failed peer's address does not recover that peer or become a member",
  ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      yield* b.crash
      const x = yield* node("b", { name: "x" })
      yield* World.until(a, ({ peers }) => peers.size === 0)
      yield* Effect.sleep("5 seconds")
      assert.isAbove(a.dialed.length, 1)
      assert.deepStrictEqual(yield* a.cluster.peers, [])
      assert.deepStrictEqual(yield* x.cluster.peers, [])
    }),
)

scenario("a node dials at most limits.dials addresses at once", ({ node }, network) =>
  Effect.gen(function* () {
    const dark = Context.get(yield* Layer.build(network.transport("dark")), Transport.Transport)
    yield* dark.listen
    yield* network.crash("dark", { silent: true })
    const seeds = Array.from({ length: 12 }, (_, i) => `dark:${i + 1}`)
    yield* node("a", { seeds, limits: { dials: 3 } })
    yield* Effect.sleep("10 millis")
    assert.strictEqual((yield* network.inspect).connections.filter(({ from }) => from === "a").length, 3)
  }),
)
