/** Probes of addresses: the answer of a peer, and what the peer keeps of a probe. */
import * as Admission from "@coterie/core/Admission"
import * as Probe from "@coterie/core/Probe"
import * as Transport from "@coterie/core/Transport"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Measured from "./cluster/measured.ts"
import { MetricReader } from "./cluster/MetricReader.ts"
import { addressOf } from "./cluster/RawPeer.ts"
import * as World from "./cluster/world.ts"

const scenario = Measured.measured((registry) => new MetricReader(registry))

/** Probes an address from the host `prober`. */
const probe = (network: SimNetwork.Shape, address: string, options?: Probe.Options) =>
  Effect.provide(Probe.probe(addressOf(address), options), network.transport("prober"))

/** Runs a host that accepts connections and answers with these bytes, or not at all. */
const impostor = Effect.fnUntraced(function* (network: SimNetwork.Shape, host: string, answer?: Uint8Array) {
  const transport = Context.get(yield* Layer.build(network.transport(host)), Transport.Transport)
  const listener = yield* transport.listen
  yield* Effect.forkScoped(
    listener.run(({ write }) =>
      answer === undefined ? Effect.never : Effect.andThen(Effect.ignore(write([answer])), Effect.never),
    ),
  )
})

describe("a probe", () => {
  scenario("has the description of the peer, and the time of each step", (_, __, network) =>
    Effect.gen(function* () {
      const identity = { _tag: "Secret", key: "k1" } as const
      const { node } = World.sim(network, () => identity)
      const a = yield* node("a", { metadata: { zone: "one" } })
      const answer = yield* probe(network, a.address, { cluster: "test" })
      const { addresses, generation, metadata, name } = yield* a.cluster.self
      assert.deepInclude(answer, {
        _tag: "Accepted",
        address: addressOf(a.address),
        remoteHost: "a",
        identity,
        peer: { name, generation, addresses, metadata },
        incarnation: 0,
        version: 1,
        protocol: { min: 1, max: 1 },
        features: [],
        viewHash: (yield* a.cluster.inspect()).viewHash,
        observedHost: "prober",
      })
      // One round trip opens the connection of the simulated network.
      assert.approximately(answer.connectMillis, 2, 0.5)
      assert.approximately(answer.answerMillis, 2, 0.5)
    }),
  )

  scenario("leaves nothing at the peer except the count of its connection", (metrics, world, network) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const events = yield* World.collect(a)
      const before = yield* a.cluster.view
      for (let i = 0; i < 3; i++) yield* probe(network, a.address, { cluster: "test" })
      yield* probe(network, a.address)
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(yield* a.cluster.view, before)
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Snapshot"],
      )
      const outcomes = (outcome: string) =>
        metrics.value("a", "coterie_connections_total", { direction: "in", outcome })
      assert.strictEqual(outcomes("lost"), 3)
      assert.strictEqual(outcomes("label"), 1)
      assert.strictEqual(metrics.value("a", "coterie_queue_size", { queue: "handshakes" }), 0)
      assert.strictEqual(yield* network.connections("prober", "a"), 0)
    }),
  )

  scenario("without the name of the cluster is refused, and gets the name", (_, { node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const answer = yield* probe(network, a.address)
      assert.deepInclude(answer, { _tag: "Refused", reason: "otherCluster", remoteHost: "a" })
      assert.include(answer._tag === "Refused" ? answer.message : "", 'this is the cluster "test"')
    }),
  )

  scenario("is shown to the admission policy of the peer under a random name", (_, { node }, network) =>
    Effect.gen(function* () {
      const applicants: Array<string> = []
      const strict = Admission.layer(({ name }) => {
        applicants.push(name)
        return Effect.succeed(Admission.deny("members only"))
      })
      const a = yield* node("a", {}, Layer.merge(World.quick, strict))
      const answer = yield* probe(network, a.address, { cluster: "test" })
      assert.deepInclude(answer, { _tag: "Refused", reason: "denied", retryAfterMillis: undefined })
      yield* probe(network, a.address, { cluster: "test" })
      for (const name of applicants) assert.match(name, /^probe-[0-9a-f]{16}$/)
      assert.strictEqual(new Set(applicants).size, 2)
    }),
  )

  scenario("of a peer without room is refused with the time of the next attempt", (_, { node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a", { limits: { links: 1 } })
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(b, ["a"])
      const answer = yield* probe(network, a.address, { cluster: "test" })
      assert.deepInclude(answer, { _tag: "Refused", reason: "busy", retryAfterMillis: 1_000 })
    }),
  )

  scenario("fails with the step at which no peer answered", (_, __, network) =>
    Effect.gen(function* () {
      yield* impostor(network, "mute")
      yield* impostor(network, "web", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"))
      const dark = Context.get(yield* Layer.build(network.transport("dark")), Transport.Transport)
      yield* dark.listen
      yield* network.crash("dark", { silent: true })
      const failureOf = (address: string) =>
        Effect.flip(probe(network, address, { cluster: "test", timeout: "1 second" }))
      const nobody = yield* failureOf("nobody:1")
      assert.deepInclude(nobody, { _tag: "ProbeError", address: "nobody:1", step: "connect", reason: "refused" })
      assert.isFalse("connectMillis" in nobody)
      assert.include(nobody.message, "nobody:1")
      assert.deepInclude(yield* failureOf("dark"), { step: "connect", reason: "timeout" })
      const mute = yield* failureOf("mute")
      assert.deepInclude(mute, { step: "answer", reason: "timeout" })
      assert.strictEqual(mute.message, "mute:24868: no answer to the Hello within 1000 ms")
      assert.isTrue("connectMillis" in mute)
      assert.deepInclude(yield* failureOf("web"), { step: "answer", reason: "protocol" })
    }),
  )

  scenario("with options that cannot be used fails with the name of the option", (_, __, network) =>
    Effect.gen(function* () {
      for (const [options, option] of [
        [{ cluster: "" }, "cluster"],
        [{ timeout: 0 }, "timeout"],
        [{ timeout: "Infinity" }, "timeout"],
      ] as const) {
        assert.deepInclude(yield* Effect.flip(probe(network, "a", options)), { _tag: "OptionsError", option })
      }
    }),
  )

  it.live("works over TCP", () =>
    Effect.gen(function* () {
      const a = yield* (yield* World.tcp).node("a")
      const answer = yield* Probe.probe(addressOf(a.address), { cluster: "test" })
      assert.deepInclude(answer, { _tag: "Accepted", observedHost: "127.0.0.1" })
      assert.strictEqual(answer._tag === "Accepted" ? answer.peer.name : "", "a")
    }).pipe(Effect.scoped, Effect.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 }))),
  )
})
