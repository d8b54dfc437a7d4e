/**
 * Readers that stop taking messages: their effect on the senders of other messages, and the reports to senders and
 * operators.
 */
import * as Topic from "@coterie/core/Topic"
import * as Cluster from "@coterie/core/Cluster"
import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import * as FailureDetector from "@coterie/core/FailureDetector"
import type { BroadcastReport } from "@coterie/core/Lane"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { cost } from "../../src/flow/cost.ts"
import * as WaitAllowance from "../../src/messaging/WaitAllowance.ts"
import { MetricReader } from "./MetricReader.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const slowPeerTimeout = 5_000

const others = ["c", "d", "e", "f"]

/** Starts `a` and five peers. The readers of all peers except `b` take every message. */
const six = Effect.fnUntraced(function* ({ node }: World.World) {
  const limits = { inboxWindowBytes: 10_000, laneWindowBytes: 10_000, slowPeerTimeout }
  const a = yield* node("a", { limits })
  const b = yield* node("b", { seeds: [a.address], limits })
  const quick = yield* Effect.forEach(others, (name) => node(name, { seeds: [a.address], limits }))
  yield* World.untilPeers(a, ["b", ...others])
  return { a, b, quick }
})

/** Returns the texts without their padding. */
const numbersOf = (texts: ReadonlyArray<string>) => texts.map((text) => Number.parseInt(text, 10))

const padded = (number: number): string => `${number} `.padEnd(1_000, ".")

/** Sends `count` messages to many. Returns the reports and the elapsed virtual time in milliseconds. */
const measure = Effect.fnUntraced(function* <E, R>(
  from: number,
  count: number,
  send: (text: string) => Effect.Effect<BroadcastReport, E, R>,
) {
  const start = yield* Clock.currentTimeMillis
  const reports: Array<BroadcastReport> = []
  for (let i = from; i < from + count; i++) reports.push(yield* send(padded(i)))
  return { reports, took: (yield* Clock.currentTimeMillis) - start }
})

/** Returns the numbers, starting at 0, of the messages that skipped `b`. */
const missedBy = (name: string, reports: ReadonlyArray<BroadcastReport>) =>
  reports.flatMap(({ failed }, number) => (failed.some(({ peer }) => peer === name) ? [number] : []))

const slowPeersOf = (events: ReadonlyArray<ClusterEvent>) =>
  events.flatMap((event) => (event._tag === "SlowPeer" ? [event] : []))

/** Ways to send to many, and to read these messages. */
const ways: ReadonlyArray<
  readonly [
    string,
    (node: World.Node, text: string) => Effect.Effect<BroadcastReport, unknown>,
    (node: World.Node) => Stream.Stream<string, unknown>,
  ]
> = (() => {
  const topic = Topic.make("orders", Schema.String)
  return [
    [
      "broadcasts",
      ({ cluster }, text) => cluster.broadcast(text),
      ({ cluster }) => Stream.map(cluster.inbox, ({ text }) => text),
    ],
    [
      "values of a topic",
      ({ cluster }, text) => Effect.provideService(topic.publish(text), Cluster.Cluster, cluster),
      ({ cluster }) =>
        Stream.provideService(
          Stream.map(topic.subscribe(), ({ value }) => value),
          Cluster.Cluster,
          cluster,
        ),
    ],
  ]
})()

describe("a reader that takes no messages", () => {
  for (const [what, send, read] of ways) {
    World.simulated(`delays the ${what} to many once, and gets later ones when it reads again`, (world) =>
      Effect.gen(function* () {
        const { a, b, quick } = yield* six(world)
        const events = yield* World.collect(a)
        const gate = yield* Deferred.make<void>()
        const heard: Array<string> = []
        yield* Effect.forkScoped(
          Stream.runForEach(read(b), (text) => {
            heard.push(text)
            return Deferred.await(gate)
          }),
        )
        for (const each of quick) yield* Effect.forkScoped(Stream.runDrain(read(each)))
        yield* Effect.sleep("1 second")

        const { reports, took } = yield* measure(0, 30, (text) => send(a, text))
        const missed = missedBy("b", reports)
        assert.isAbove(missed.length, 8)
        assert.isAtMost(took, slowPeerTimeout + 1_000, "only the first message waited")
        for (const { failed, sent } of reports) {
          for (const name of others) assert.include(sent, name)
          assert.isTrue(failed.every(({ reason }) => reason._tag === "SlowPeer"))
        }
        assert.strictEqual(slowPeersOf(events).length, 1, "the event occurs once")

        yield* Deferred.succeed(gate, undefined)
        yield* Effect.sleep("1 second")
        const later = yield* measure(30, 20, (text) => send(a, text))
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(missedBy("b", later.reports), [])
        assert.isAtMost(later.took, 1_000)
        assert.deepStrictEqual(
          numbersOf(heard),
          Array.from({ length: 50 }, (_, i) => i).filter((i) => !missed.includes(i)),
        )
      }),
    )
  }
})

/** Reads the inbox of a node and answers each message within the loop, until a message is answered. */
const answering = ({ cluster }: World.Node, size: number) =>
  Stream.runForEach(cluster.inbox, ({ from }) => Effect.ignore(cluster.send(from.name, new Uint8Array(size))))

describe("two nodes that answer each other in their loops", () => {
  World.simulated("block each other, and both report the waiting lane, time and bytes", (world) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      yield* Effect.gen(function* () {
        const limits = { inboxWindowBytes: 10_000 }
        const a = yield* world.node("a", { limits })
        const b = yield* world.node("b", { seeds: [a.address], limits })
        yield* World.untilPeers(a, ["b"])
        yield* World.untilPeers(b, ["a"])
        const nodes = [
          { node: a, other: "b", events: yield* World.collect(a) },
          { node: b, other: "a", events: yield* World.collect(b) },
        ]
        // More than fits both windows, so each reader waits in its send for the other.
        for (const { node, other } of nodes) {
          yield* Effect.forkScoped(answering(node, 1_000))
          for (let i = 0; i < 30; i++) yield* Effect.forkScoped(node.cluster.send(other, new Uint8Array(1_000)))
        }
        yield* Effect.sleep("30 seconds")
        const metrics = new MetricReader(registry)
        for (const { events, node, other } of nodes) {
          const reported = slowPeersOf(events)
          assert.strictEqual(reported.length, 1)
          assert.deepInclude(reported[0], { lane: "", waited: Duration.millis(5_000) })
          assert.strictEqual(reported[0]?.peer.name, other)
          assert.isAtLeast(reported[0]?.bytes ?? 0, 1_000)
          const { name } = yield* node.cluster.self
          assert.strictEqual(metrics.value(name, "coterie_events_total", { event: "SlowPeer" }), 1)
        }
      }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
    }),
  )
})

describe("two nodes that wait in their loops until the other has taken an answer", () => {
  World.simulated("block each other, and both report the waiting lane, time and bytes once", (world) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      yield* Effect.gen(function* () {
        const { a, b } = yield* World.pair(world)
        const nodes = [
          { node: a, other: "b", events: yield* World.collect(a) },
          { node: b, other: "a", events: yield* World.collect(b) },
        ]
        // There is credit for every answer, so no send waits for credit.
        for (const { node, other } of nodes) {
          const answer = node.cluster.send(other, "answer", { confirm: true, timeout: Duration.infinity })
          yield* Effect.forkScoped(Stream.runForEach(node.cluster.inbox, () => answer))
        }
        for (const { node, other } of nodes) yield* node.cluster.send(other, "hello")
        yield* Effect.sleep("30 seconds")
        const metrics = new MetricReader(registry)
        for (const { events, node, other } of nodes) {
          const reported = slowPeersOf(events)
          assert.strictEqual(reported.length, 1)
          assert.deepInclude(reported[0], { lane: "", waited: Duration.millis(5_000), bytes: 6 })
          assert.strictEqual(reported[0]?.peer.name, other)
          const { name } = yield* node.cluster.self
          assert.strictEqual(metrics.value(name, "coterie_events_total", { event: "SlowPeer" }), 1)
        }
      }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
    }),
  )
})

describe("a node that sends to itself in its loop", () => {
  for (const [what, options] of [
    ["waits for room in its inbox", {}],
    ["waits until it has taken the message itself", { confirm: true, timeout: Duration.infinity }],
  ] as const) {
    World.simulated(`${what}, and reports itself once`, (world) =>
      Effect.gen(function* () {
        const registry: Metric.MetricRegistry = new Map()
        yield* Effect.gen(function* () {
          const a = yield* world.node("a", { limits: { inboxWindowBytes: 10_000 } })
          const events = yield* World.collect(a)
          const one = a.cluster.send("a", new Uint8Array(1_000), options)
          yield* Effect.forkScoped(Stream.runForEach(a.cluster.inbox, () => Effect.andThen(one, one)))
          yield* a.cluster.send("a", new Uint8Array(1_000))
          yield* Effect.sleep("30 seconds")
          const reported = slowPeersOf(events)
          assert.strictEqual(reported.length, 1)
          assert.deepInclude(reported[0], { lane: "", waited: Duration.millis(5_000), bytes: 1_000 })
          assert.deepStrictEqual(reported[0]?.peer, (yield* a.cluster.view).self)
          const metrics = new MetricReader(registry)
          assert.strictEqual(metrics.value("a", "coterie_events_total", { event: "SlowPeer" }), 1)
        }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
      }),
    )
  }
})

describe("a peer that does not list its lanes", () => {
  RawPeer.scenario("delays the publications on a lane once", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.completeHandshake()
      yield* World.untilPeers(a, ["m"])
      yield* peer.keepAlive
      const lane = yield* a.cluster.lane("orders")
      const { reports, took } = yield* measure(0, 20, (text) => lane.publish(text))
      assert.deepStrictEqual(missedBy("m", reports).length, 20)
      assert.strictEqual(took, slowPeerTimeout)
      yield* peer.send({ _tag: "LaneOpen", lanes: [{ lane: 1, name: "orders", window: 100_000 }], last: true })
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual((yield* lane.publish("now")).sent, ["m"])
      yield* peer.leave()
    }),
  )
})

describe("a peer that gives single bytes of credit", () => {
  RawPeer.scenario("delays the broadcasts once, and gets them again after credit for a message", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.completeHandshake({ window: 10_000 })
      yield* World.untilPeers(a, ["m"])
      yield* peer.keepAlive
      const credit = Effect.andThen(Effect.sleep("500 millis"), peer.send({ _tag: "Credit", lane: 0, bytes: 1 }))
      yield* Effect.forkScoped(Effect.forever(credit))
      yield* measure(0, 9, (text) => a.cluster.broadcast(text))
      const { reports, took } = yield* measure(9, 20, (text) =>
        Effect.tap(a.cluster.broadcast(text), () => Effect.sleep("600 millis")),
      )
      assert.strictEqual(missedBy("m", reports).length, 20)
      assert.isAtMost(took, slowPeerTimeout + 20 * 600)
      yield* peer.send({ _tag: "Credit", lane: 0, bytes: 5_000 })
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual((yield* a.cluster.broadcast("now")).sent, ["m"])
      yield* peer.leave()
    }),
  )
})

describe("a peer whose link broke after broadcasts had waited for it in vain", () => {
  const window = 1_024

  /** Opens a link on which the peer takes nothing, sends it more than fits, and ends the link. */
  const stuck = ({ a, connect }: RawPeer.Stage, linkEpoch: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const peer = yield* connect
        yield* peer.completeHandshake({ linkEpoch, window })
        yield* peer.keepAlive
        yield* World.until(a, ({ peers }) => peers.get("m")?.link === "up")
        const reports = yield* burst(a)
        yield* peer.end
        return reports
      }),
    )

  const burst = (a: World.Node) => Effect.replicateEffect(a.cluster.broadcast("x".repeat(100)), 20)

  /** Reads messages, and gives their credit back after a while. */
  const reading = (peer: RawPeer.RawPeer) =>
    Effect.gen(function* () {
      let taken = 0
      while (true) {
        taken += cost((yield* peer.receiveFrame("Data")).payload.length)
        if (taken < window / 2) continue
        yield* Effect.sleep("200 millis")
        yield* peer.send({ _tag: "Credit", lane: 0, bytes: taken })
        taken = 0
      }
    })

  RawPeer.scenario("gets broadcasts again on its next link, also before it has given credit", (stage) =>
    Effect.gen(function* () {
      const { a, connect } = stage
      assert.isNotEmpty(missedBy("m", yield* stuck(stage, 1)))
      const peer = yield* connect
      yield* peer.completeHandshake({ linkEpoch: 2, window })
      yield* peer.keepAlive
      const reader = yield* Effect.forkScoped(reading(peer))
      yield* Effect.sleep("10 seconds")
      assert.deepStrictEqual(missedBy("m", yield* burst(a)), [])
      yield* Fiber.interrupt(reader)
      yield* peer.leave()
    }),
  )

  RawPeer.scenario("delays broadcasts on some links, and after that for a tenth of the time", (stage) =>
    Effect.gen(function* () {
      const { connect } = stage
      /** Time that the first broadcast and a later one waited, in milliseconds. */
      const waitsOn = (linkEpoch: number) =>
        Effect.map(stuck(stage, linkEpoch), (reports) => {
          const [first = 0, ...others] = reports.flatMap(({ failed }) =>
            failed.flatMap(({ reason }) => (reason._tag === "SlowPeer" ? [Duration.toMillis(reason.waited)] : [])),
          )
          return [first, Math.max(...others)]
        })
      let epoch = 0
      for (let i = 0; i < WaitAllowance.burst; i++) {
        assert.deepStrictEqual(yield* waitsOn(++epoch), [slowPeerTimeout, 0])
      }
      const since = yield* Clock.currentTimeMillis
      const idle = yield* connect
      yield* idle.completeHandshake({ linkEpoch: ++epoch, window })
      yield* idle.keepAlive
      yield* Effect.sleep("10 seconds")
      const elapsed = (yield* Clock.currentTimeMillis) - since
      const [first, later] = yield* waitsOn(++epoch)
      assert.approximately(first ?? 0, elapsed * WaitAllowance.waitShare, 100)
      assert.strictEqual(later, 0)
    }),
  )
})

describe("a peer whose links and handshakes never last", () => {
  const window = 1_024

  /** Maximum time for which messages to many may wait within five minutes, in milliseconds. */
  const maxWaits = WaitAllowance.burst * slowPeerTimeout + 300_000 * WaitAllowance.waitShare

  /** Completes the handshakes of its dials, hangs up after a time, and dials again after a pause. */
  const reconnecting = Effect.fnUntraced(function* (
    { addresses, lifetime, pause }: Record<"lifetime" | "pause", number> & RawPeer.RecordFields,
    connect: RawPeer.Stage["connect"],
    onLink: (peer: RawPeer.RawPeer) => Effect.Effect<unknown, unknown> = () => Effect.void,
  ) {
    let epoch = 0
    const once = Effect.gen(function* () {
      const peer = yield* connect
      const record = RawPeer.record({ addresses: addresses ?? [] })
      yield* peer.completeHandshake({ linkEpoch: ++epoch * 1_000, window, record })
      yield* peer.keepAlive
      yield* onLink(peer)
      yield* Effect.sleep(lifetime)
      yield* peer.end
    })
    const again = Effect.andThen(Effect.ignore(Effect.scoped(once)), Effect.sleep(pause))
    yield* Effect.forkScoped(Effect.forever(again))
  })

  /** Sends 20 messages a second to many for five minutes. Returns the time for which they waited, in milliseconds. */
  const waitsOf = Effect.fnUntraced(function* <E, R>(send: Effect.Effect<BroadcastReport, E, R>) {
    let waited = 0
    const end = (yield* Clock.currentTimeMillis) + 300_000
    while ((yield* Clock.currentTimeMillis) < end) {
      const start = yield* Clock.currentTimeMillis
      yield* send
      waited += (yield* Clock.currentTimeMillis) - start
      yield* Effect.sleep("50 millis")
    }
    return waited
  })

  const ways: ReadonlyArray<
    readonly [
      what: string,
      send: (cluster: Cluster.Cluster["Service"]) => Effect.Effect<BroadcastReport, unknown>,
      onLink: (peer: RawPeer.RawPeer) => Effect.Effect<unknown, unknown>,
    ]
  > = [
    ["broadcasts", (cluster) => cluster.broadcast("x".repeat(100)), () => Effect.void],
    [
      "publications on a lane",
      (cluster) => Effect.flatMap(cluster.lane("orders"), (lane) => lane.publish("x".repeat(100))),
      (peer) => peer.send({ _tag: "LaneOpen", lanes: [{ lane: 1, name: "orders", window }], last: true }),
    ],
  ]

  for (const [what, send, onLink] of ways) {
    World.simulated(
      `delays ${what} three times and for a tenth of the time if it answers dials and does not complete their handshakes`,
      (world, network) =>
        Effect.gen(function* () {
          const a = yield* world.node("a", {}, FailureDetector.layerLan)
          const addresses = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (i) =>
            Effect.map(
              RawPeer.listen(network, `m${i}`, (peer) => peer.answerHandshake({ beforeReady: Effect.never })),
              String,
            ),
          )
          const connect = RawPeer.connect(network, a)
          yield* reconnecting(
            { addresses: addresses.map(RawPeer.addressOf), lifetime: 100, pause: 8_000 },
            connect,
            onLink,
          )
          yield* World.untilPeers(a, ["m"])
          assert.isAtMost(yield* waitsOf(send(a.cluster)), maxWaits)
        }),
    )

    World.simulated(
      `delays ${what} three times and for a tenth of the time if it reads nothing and connects again and again`,
      (world, network) =>
        Effect.gen(function* () {
          const a = yield* world.node("a", {}, FailureDetector.layerLan)
          yield* reconnecting({ lifetime: 4_000, pause: 100 }, RawPeer.connect(network, a), onLink)
          yield* World.untilPeers(a, ["m"])
          assert.isAtMost(yield* waitsOf(send(a.cluster)), maxWaits)
        }),
    )
  }

  World.simulated(
    "delays broadcasts three times and for a tenth of the time if it connects again before each link ends",
    (world, network) =>
      Effect.gen(function* () {
        const a = yield* world.node("a", {}, FailureDetector.layerLan)
        let epoch = 0
        const link = Effect.gen(function* () {
          const peer = yield* RawPeer.connect(network, a)
          yield* peer.completeHandshake({ linkEpoch: ++epoch * 1_000, window })
          yield* peer.keepAlive
          yield* Effect.sleep(slowPeerTimeout + 500)
          yield* peer.end
        })
        const links = Effect.andThen(Effect.forkScoped(Effect.ignore(Effect.scoped(link))), Effect.sleep("4900 millis"))
        yield* Effect.forkScoped(Effect.forever(links))
        yield* World.untilPeers(a, ["m"])
        assert.isAtMost(yield* waitsOf(a.cluster.broadcast("x".repeat(100))), maxWaits)
      }),
  )

  World.simulated(
    "delays broadcasts three times and for a tenth of the time if other broadcasts are interrupted",
    (world, network) =>
      Effect.gen(function* () {
        const a = yield* world.node("a", {}, FailureDetector.layerLan)
        yield* reconnecting({ lifetime: slowPeerTimeout - 100, pause: 20 }, RawPeer.connect(network, a))
        yield* World.untilPeers(a, ["m"])
        const broadcast = a.cluster.broadcast("x".repeat(100))
        const short = Effect.andThen(Effect.timeoutOption(broadcast, 2), Effect.sleep("100 millis"))
        yield* Effect.forkScoped(Effect.forever(short))
        assert.isAtMost(yield* waitsOf(broadcast), maxWaits)
      }),
  )

  World.simulated(
    "delays publications on a lane three times and for a tenth of the time if it never lists its lanes",
    (world, network) =>
      Effect.gen(function* () {
        const a = yield* world.node("a", {}, FailureDetector.layerLan)
        yield* reconnecting({ lifetime: 4_000, pause: 100 }, RawPeer.connect(network, a))
        yield* World.untilPeers(a, ["m"])
        const lane = yield* a.cluster.lane("orders")
        assert.isAtMost(yield* waitsOf(lane.publish("x")), maxWaits)
      }),
  )
})
