/**
 * Invalid input of the application: each operation fails with a typed error that describes the fix, and the node
 * continues.
 */
import * as Admission from "@coterie/core/Admission"
import * as Cluster from "@coterie/core/Cluster"
import * as Discovery from "@coterie/core/Discovery"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Gossip from "@coterie/core/Gossip"
import * as Reconnect from "@coterie/core/Reconnect"
import * as Transport from "@coterie/core/Transport"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

/** Checks that the node still accepts a peer and sends to it. */
const checkWorks = Effect.fnUntraced(function* ({ node }: World.World, a: World.Node) {
  const z = yield* node("z", { seeds: [a.address] })
  yield* World.until(a, ({ peers }) => peers.get("z")?.link === "up")
  yield* a.cluster.send("z", "fine")
  assert.strictEqual((yield* World.messages(z, 1))[0]?.text, "fine")
})

describe("options", () => {
  const bad: ReadonlyArray<readonly [string, Partial<Cluster.Options>, string]> = [
    ["an empty cluster name", { cluster: "" }, "cluster"],
    ["a name of 129 bytes", { name: "x".repeat(129) }, "name"],
    ["a name with a line break", { name: "a\nb" }, "name"],
    ["a name with half a surrogate pair", { name: "\ud800" }, "name"],
    ["a seed that does not parse", { seeds: ["no where"] }, "seeds"],
    ["a seed without a port", { seeds: ["host:"] }, "seeds"],
    ["a seed with port 0", { seeds: ["host:0"] }, "seeds"],
    ["metadata of more than 8 KiB", { metadata: { key: "x".repeat(8_192) } }, "metadata"],
    [
      "257 pairs of metadata",
      { metadata: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [i, ""])) },
      "metadata",
    ],
    ["a window below the minimum", { limits: { inboxWindowBytes: 10 } }, "limits.inboxWindowBytes"],
    ["a window beyond 32 bits", { limits: { inboxWindowBytes: 2 ** 32 } }, "limits.inboxWindowBytes"],
    ["no dials at all", { limits: { dials: 0 } }, "limits.dials"],
    ["a time that is not a number", { limits: { linger: Number.NaN } }, "limits.linger"],
  ]
  for (const [what, options, option] of bad) {
    scenario(`${what} keeps the node from starting, with the option's name`, ({ node }) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(node("a", options))
        assert.strictEqual(error._tag, "OptionsError")
        if (error._tag === "OptionsError") assert.strictEqual(error.option, option)
      }),
    )
  }

  const unfit: ReadonlyArray<readonly [string, Layer.Layer<never>, string]> = [
    ["no heartbeat", FailureDetector.layer({ heartbeat: 0 }), "FailureDetector.heartbeat"],
    [
      "a link timeout of one heartbeat",
      FailureDetector.layer({ linkTimeout: "1 second" }),
      "FailureDetector.linkTimeout",
    ],
    ["an infinite link timeout", FailureDetector.layer({ linkTimeout: "Infinity" }), "FailureDetector.linkTimeout"],
    ["no probe timeout", FailureDetector.layer({ probeTimeout: 0 }), "FailureDetector.probeTimeout"],
    ["no shortest suspicion", FailureDetector.layer({ suspicionMin: 0 }), "FailureDetector.suspicionMin"],
    [
      "a longest suspicion below the shortest",
      FailureDetector.layer({ suspicionMax: "1 second" }),
      "FailureDetector.suspicionMax",
    ],
    ["an infinite update delay", Gossip.layer({ updateDelay: "Infinity" }), "Gossip.updateDelay"],
    ["no interval between dials of seeds", Discovery.layerSeeds([], { interval: 0 }), "Discovery.interval"],
  ]
  for (const [what, policies, option] of unfit) {
    scenario(`${what} keeps the node from starting, with the name of the policy`, ({ node }) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(node("a", {}, policies))
        assert.strictEqual(error._tag, "OptionsError")
        if (error._tag === "OptionsError") assert.strictEqual(error.option, option)
      }),
    )
  }

  scenario("metadata that is too large is refused by updateMetadata, and the old metadata stays", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      yield* a.cluster.updateMetadata({ role: "first" })
      yield* World.until(b, ({ peers }) => peers.get("a")?.metadata["role"] === "first")
      const error = yield* Effect.flip(a.cluster.updateMetadata({ role: "x".repeat(9_000) }))
      assert.strictEqual(error.option, "metadata")
      assert.deepStrictEqual((yield* a.cluster.self).metadata, { role: "first" })
    }),
  )

  scenario("`__proto__` is a name and a key like any other", ({ node }) =>
    Effect.gen(function* () {
      const metadata = Object.fromEntries([["__proto__", "here"]])
      const a = yield* node("a")
      yield* node("__proto__", { seeds: [a.address], metadata })
      const { peers } = yield* World.untilPeers(a, ["__proto__"])
      assert.deepStrictEqual(Object.entries(peers.get("__proto__")?.metadata ?? {}), [["__proto__", "here"]])
      yield* a.cluster.send("__proto__", "hello")
    }),
  )

  const fromEnvironment = (env: Record<string, string>, network: SimNetwork.Shape) =>
    Layer.build(
      Cluster.layerFromEnv().pipe(
        Layer.provide(network.transport("a")),
        Layer.provide([
          FailureDetector.layerLocal,
          Logger.layer([]),
          ConfigProvider.layer(ConfigProvider.fromEnv({ env })),
        ]),
      ),
    )

  scenario("options come from the environment", (_world, network) =>
    Effect.gen(function* () {
      const context = yield* fromEnvironment(
        { COTERIE_CLUSTER: "test", COTERIE_NAME: "ann", COTERIE_SEEDS: "b, c:7000" },
        network,
      )
      const self = yield* Effect.provide(
        Cluster.Cluster.use(({ self }) => self),
        context,
      )
      assert.strictEqual(self.name, "ann")
    }),
  )

  scenario("an environment without a cluster name fails with an error that names the variable", (_world, network) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(fromEnvironment({}, network))
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(error.message, "COTERIE_CLUSTER")
    }),
  )
})

describe("joining", () => {
  scenario("an address that does not parse fails as InvalidAddress", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      for (const input of [
        "",
        "no where",
        "host:70000",
        "host:x",
        ":1",
        "a b:1",
        "[::1:24868",
        "fe80::1",
        "1:2:3:4:5:6:7:8",
      ]) {
        const error = yield* Effect.flip(a.cluster.join(input))
        assert.strictEqual(error.reason._tag, "InvalidAddress", input)
      }
      yield* checkWorks(world, a)
    }),
  )

  scenario("several addresses reaches the peer at the second while no process listens at the first", (world) =>
    Effect.gen(function* () {
      const b = yield* world.node("b")
      const a = yield* world.node("a")
      const peer = yield* Effect.timeout(a.cluster.join(["later", b.address]), "1 second")
      assert.strictEqual(peer.name, "b")
      // The first address stays a seed.
      yield* world.node("later", { name: "c" })
      yield* World.untilPeers(a, ["b", "c"])
      yield* checkWorks(world, a)
    }),
  )

  scenario("the address of this node fails as OwnAddress", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a", { seeds: ["a"] })
      const error = yield* Effect.flip(a.cluster.join(a.address))
      assert.strictEqual(error.reason._tag, "OwnAddress")
      yield* checkWorks(world, a)
    }),
  )

  scenario("a cluster with another name fails as OtherCluster, and no member is learned", (world) =>
    Effect.gen(function* () {
      const { node } = world
      const a = yield* node("a", { cluster: "red" })
      const b = yield* node("b", { cluster: "blue", seeds: [a.address] })
      const error = yield* Effect.flip(b.cluster.join(a.address))
      assert.strictEqual(error.reason._tag, "OtherCluster")
      assert.include(error.message, "red")
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(yield* a.cluster.peers, [])
      assert.deepStrictEqual(yield* b.cluster.peers, [])
    }),
  )

  scenario("a peer with this node's name fails as DuplicateName, and the peer continues", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const namesake = yield* world.node("twin", { name: "a" })
      const error = yield* Effect.flip(namesake.cluster.join(a.address))
      assert.strictEqual(error.reason._tag, "DuplicateName")
      yield* World.untilPeers(a, ["b"])
      yield* checkWorks(world, a)
    }),
  )

  scenario("a cluster with an older life of this node's name replaces that life, which stops", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const before = (yield* a.cluster.self).generation
      const replaced = yield* Effect.forkChild(
        World.untilEvent(b, ({ _tag }) => _tag === "Replaced"),
        {
          startImmediately: true,
        },
      )
      const stopped = yield* Effect.forkChild(
        World.untilEvent(a, ({ _tag }) => _tag === "Superseded"),
        {
          startImmediately: true,
        },
      )
      const namesake = yield* world.node("twin", { name: "a" })
      yield* namesake.cluster.join(b.address)
      yield* Fiber.join(replaced)
      yield* Fiber.join(stopped)
      const { peers } = yield* World.untilPeers(b, ["a"])
      assert.isAbove(peers.get("a")?.generation ?? 0, before)
      assert.strictEqual((yield* Effect.flip(a.cluster.send("b", "?"))).reason._tag, "NodeStopped")
      yield* checkWorks(world, b)
    }),
  )

  scenario("a seed that does not answer is dialed, with an event per attempt, until it answers", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a", { seeds: ["b"] })
      const seen: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(a.cluster.events, (event) =>
          Effect.sync(() => {
            if (event._tag === "SeedUnavailable") seen.push(event.address)
          }),
        ),
      )
      const joining = yield* Effect.forkChild(a.cluster.join("b"))
      yield* Effect.sleep("1 minute")
      assert.isAbove(seen.length, 5)
      assert.isUndefined(joining.pollUnsafe())
      yield* world.node("b")
      assert.strictEqual((yield* Fiber.join(joining)).name, "b")
      yield* World.untilPeers(a, ["b"])
    }),
  )

  scenario("a seed that never answers does not keep the node from leaving", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a", { seeds: ["b"] })
      const joining = yield* Effect.forkChild(Effect.flip(a.cluster.join("b")))
      yield* Effect.sleep("3 seconds")
      yield* a.cluster.leave
      assert.strictEqual((yield* Fiber.join(joining)).reason._tag, "NodeStopped")
      assert.strictEqual((yield* Effect.flip(a.cluster.join("b"))).reason._tag, "NodeStopped")
    }),
  )

  scenario("a peer that has just left is not joined by its closing connection", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const left = yield* Effect.forkChild(
        World.untilEvent(a, ({ _tag }) => _tag === "Left"),
        { startImmediately: true },
      )
      yield* Effect.forkChild(b.cluster.leave)
      yield* Fiber.join(left)
      const joining = yield* Effect.forkChild(a.cluster.join("b"))
      yield* Effect.sleep("2 seconds")
      assert.isUndefined(joining.pollUnsafe())
      assert.deepStrictEqual(yield* a.cluster.peers, [])
    }),
  )

  scenario("a failed peer that restarts is dialed at once by nodes that were backing off", (world) =>
    Effect.gen(function* () {
      const patient = Layer.merge(FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced("1 hour")))
      const a = yield* world.node("a", {}, patient)
      const b = yield* world.node("b", { seeds: [a.address] }, patient)
      const c = yield* world.node("c", { seeds: [a.address] }, patient)
      yield* World.untilPeers(b, ["a", "c"])
      yield* c.crash
      yield* World.untilPeers(b, ["a"])
      yield* Effect.sleep("1 minute")
      yield* world.node("c", { seeds: [a.address] }, patient)
      const start = yield* Clock.currentTimeMillis
      yield* World.untilPeers(b, ["a", "c"])
      assert.isBelow((yield* Clock.currentTimeMillis) - start, 1_000)
    }),
  )

  scenario("a peer that was disconnected while it had no link gets no link until a join", (world, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      yield* network.partition(["a"], ["b"])
      yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
      yield* a.cluster.disconnect("b")
      yield* network.heal
      yield* World.until(b, ({ peers }) => peers.size === 0)
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(yield* a.cluster.peers, [])
      assert.deepStrictEqual(yield* b.cluster.peers, [])
      yield* b.cluster.join("a")
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
    }),
  )

  scenario("a denial by the admission policy of either side fails as Denied", (world) =>
    Effect.gen(function* () {
      const guests = Admission.layer(({ name }) =>
        Effect.succeed(name.startsWith("guest") ? Admission.deny("no guests today") : Admission.admit),
      )
      const policies = Layer.merge(FailureDetector.layerLocal, guests)
      const a = yield* world.node("a", {}, policies)
      const guest = yield* world.node("guest1")
      const there = yield* Effect.flip(guest.cluster.join(a.address))
      assert.strictEqual(there.reason._tag, "Denied")
      assert.include(there.message, "no guests today")
      const here = yield* Effect.flip(a.cluster.join(guest.address))
      assert.strictEqual(here.reason._tag, "Denied")
      assert.deepStrictEqual(yield* a.cluster.peers, [])
      yield* checkWorks(world, a)
    }),
  )

  scenario("discovered addresses are dialed, except those that do not parse", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const found = Discovery.layer(Stream.make(["no where", a.address]))
      yield* world.node("b", {}, Layer.merge(FailureDetector.layerLocal, found))
      yield* World.untilPeers(a, ["b"])
    }),
  )

  scenario("a restart with the clock set back gets a higher generation and is accepted", (world) =>
    Effect.gen(function* () {
      const { node } = world
      yield* Effect.sleep("1 minute")
      const a = yield* node("a")
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      const { generation } = yield* b.cluster.self
      yield* b.crash
      yield* World.until(a, ({ peers }) => peers.size === 0)
      const again = yield* world.node("b", { seeds: [a.address] }, World.clockBack("2 minutes"))
      const { peers } = yield* World.untilPeers(a, ["b"])
      assert.isAbove(peers.get("b")?.generation ?? 0, generation)
      assert.strictEqual((yield* again.cluster.self).generation, peers.get("b")?.generation)
    }),
  )
})

describe("policies", () => {
  scenario("a policy that throws stops the node, and nothing hangs", (world) =>
    Effect.gen(function* () {
      const broken = Gossip.layer({
        relayFanOut: () => {
          throw new Error("a mistake of the application")
        },
      })
      const a = yield* world.node("a", {}, Layer.merge(FailureDetector.layerLocal, broken))
      const ended = yield* Effect.forkChild(Stream.runDrain(a.cluster.events), { startImmediately: true })
      const b = yield* world.node("b", { seeds: [a.address] })
      const c = yield* world.node("c", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b", "c"])
      // At this point, `a` has broadcast `b`. A later change of `b` is relayed, which runs the policy.
      yield* Effect.sleep("1 seconds")
      yield* b.cluster.updateMetadata({ role: "new" })
      yield* Fiber.join(ended)
      yield* a.cluster.leave
      yield* a.stop
      yield* World.until(b, ({ peers }) => !peers.has("a"))
      yield* World.until(c, ({ peers }) => !peers.has("a"))
    }),
  )

  scenario("a discovery that dies leaves the node running", (world) =>
    Effect.gen(function* () {
      const dying = Discovery.layer(Stream.concat(Stream.make(["b"]), Stream.die("no such service")))
      const a = yield* world.node("a", {}, Layer.merge(FailureDetector.layerLocal, dying))
      yield* world.node("b")
      yield* World.untilPeers(a, ["b"])
    }),
  )
})

describe("sending", () => {
  scenario("to an unknown peer fails as UnknownPeer, to a failed peer as NotConnected", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const reason = (name: string) => Effect.map(Effect.flip(a.cluster.send(name, "?")), ({ reason }) => reason._tag)
      assert.strictEqual(yield* reason("nobody"), "UnknownPeer")
      yield* b.crash
      yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
      assert.strictEqual(yield* reason("b"), "NotConnected")
    }),
  )

  scenario("to a disconnected peer fails as NotConnected", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      yield* a.cluster.disconnect("b")
      const { reason } = yield* Effect.flip(a.cluster.send("b", "?"))
      assert.strictEqual(reason._tag, "NotConnected")
    }),
  )

  scenario("more than limits.messageBytes, to one peer or to all, fails as TooLarge", (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a", { limits: { messageBytes: 1_000 } })
      const b = yield* world.node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      const tooLarge = new Uint8Array(1_001)
      assert.strictEqual((yield* Effect.flip(a.cluster.send("b", tooLarge))).reason._tag, "TooLarge")
      assert.strictEqual((yield* Effect.flip(a.cluster.broadcast(tooLarge))).reason._tag, "TooLarge")
      yield* a.cluster.send("b", new Uint8Array(1_000))
      assert.strictEqual((yield* World.messages(b, 1))[0]?.payload.length, 1_000)
    }),
  )

  scenario("after leaving fails as NodeStopped, and inbox and events have ended", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      yield* a.cluster.send("b", "last words")
      yield* a.cluster.leave
      assert.strictEqual((yield* Effect.flip(a.cluster.send("b", "?"))).reason._tag, "NodeStopped")
      assert.strictEqual((yield* Effect.flip(a.cluster.broadcast("?"))).reason._tag, "NodeStopped")
      yield* Stream.runDrain(a.cluster.inbox)
      yield* Stream.runDrain(a.cluster.events)
      yield* a.cluster.leave
      yield* World.until(b, ({ peers }) => peers.size === 0)
      assert.strictEqual((yield* World.messages(b, 1))[0]?.text, "last words")
    }),
  )

  scenario("while the link is lost fails a send that waits for credit", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const sender = yield* Effect.forkChild(Effect.flip(Effect.forever(a.cluster.send("b", new Uint8Array(30_000)))))
      yield* Effect.sleep("1 seconds")
      yield* b.crash
      assert.include(["LinkLost", "NotConnected"], (yield* Fiber.join(sender)).reason._tag)
    }),
  )
})

describe("listening", () => {
  it.live("a port in use keeps the node from starting, with a message that describes the fix", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const a = yield* node("a")
      const port = Number(a.address.split(":")[1])
      const layer = Cluster.layer({ cluster: "test", name: "b" }).pipe(
        Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port })),
      )
      const error = yield* Effect.flip(Layer.build(layer))
      assert.instanceOf(error, Transport.TransportError)
      if (error._tag === "TransportError") assert.strictEqual(error.reason, "listen")
      assert.include(error.message, "in use")
    }),
  )
})
