/**
 * Log lines and spans of a node, and their annotations.
 */
import * as Cluster from "@coterie/core/Cluster"
import type { View } from "@coterie/core/ClusterEvent"
import * as Reconnect from "@coterie/core/Reconnect"
import * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Util from "node:util"
import { linesPerPeriod, linesPerSubject, periodMillis } from "../../src/internal/LineBudget.ts"
import * as RawPeer from "./RawPeer.ts"

interface Line {
  readonly text: string
  readonly level: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Makes a layer that collects log lines and spans. */
const collectLogs = () => {
  const lines: Array<Line> = []
  const spans: Array<Tracer.Span> = []
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    const text = String(Array.isArray(message) ? message[0] : message)
    lines.push({
      text,
      level: logLevel,
      annotations: Object.fromEntries(Object.entries(fiber.getRef(References.CurrentLogAnnotations))),
    })
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    },
  })
  return {
    lines,
    spans,
    layer: Layer.mergeAll(
      Logger.layer([logger]),
      Layer.succeed(References.MinimumLogLevel, "Debug"),
      Layer.succeed(Tracer.Tracer, tracer),
    ),
  }
}

const start = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  name: string,
  seeds: ReadonlyArray<string> = [],
  begin: "auto" | "manual" = "auto",
) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Cluster.layer({ cluster: "test", name, seeds, start: begin }).pipe(
    Layer.provide(network.transport(name)),
    Layer.provide(Reconnect.layer(Schedule.spaced("100 millis"))),
  )
  const cluster = Context.get(yield* Layer.buildWithScope(layer, scope), Cluster.Cluster)
  return { cluster, stop: Scope.close(scope, Exit.void) }
})

type Node = Effect.Success<ReturnType<typeof start>>

const until = ({ cluster }: Node, expected: (view: View) => boolean) =>
  Stream.runHead(Stream.filter(cluster.views, expected))

const untilPeers = (node: Node, count: number) =>
  until(node, ({ peers }) => peers.size === count && [...peers.values()].every(({ link }) => link === "up"))

const scene = (
  title: string,
  body: (said: ReturnType<typeof collectLogs>, network: SimNetwork.Shape) => Effect.Effect<void, unknown, Scope.Scope>,
) =>
  it.effect(title, () => {
    const said = collectLogs()
    return Effect.flatMap(SimNetwork.make({ latency: "1 millis" }), (network) => body(said, network)).pipe(
      Effect.scoped,
      Effect.provide(said.layer),
      VirtualTime.flow,
    )
  })

describe("the log of a node", () => {
  scene("annotates every line with the node, and with the name and generation of the peer", ({ lines }, network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const b = yield* start(network, "b", ["a"])
      yield* untilPeers(a, 1)
      yield* untilPeers(b, 1)
      const { generation } = yield* b.cluster.self
      yield* network.cut("a", "b")
      yield* until(a, ({ peers }) => peers.get("b")?.link === "down")
      yield* untilPeers(a, 1)
      yield* b.stop
      yield* untilPeers(a, 0)
      const ofA = lines.filter(({ annotations }) => annotations["node"] === "a")
      for (const line of [`b joined`, `b: Unreachable`, `b left`]) {
        const found = ofA.find(({ text }) => text === line)
        assert.deepStrictEqual(found?.annotations, { cluster: "test", node: "a", peer: "b", generation }, line)
      }
      const ended = ofA.find(({ text }) => text.startsWith("link to b ended"))
      assert.deepInclude(ended?.annotations, { peer: "b", generation })
    }),
  )

  scene("has a line about a seed when its problem begins and when it ends", ({ lines }, network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a", ["b"])
      yield* Effect.sleep("1 minute")
      yield* start(network, "b")
      yield* untilPeers(a, 1)
      yield* Effect.sleep("1 second")
      const about = lines.filter(({ annotations, text }) => text.includes("b:24868") && annotations["node"] === "a")
      assert.deepStrictEqual(
        about.map(({ level, text }) => [level, text.replace(/\d+ failed attempts/, "N failed attempts")]),
        [
          ["Warn", "no peer to join: b:24868 refused the connection; trying again"],
          ["Info", "a peer answers at b:24868 now, after N failed attempts"],
        ],
      )
    }),
  )

  scene("prints each line as one line on Node's console, annotations included", (_, network) =>
    Effect.gen(function* () {
      const printed: Array<string> = []
      const console = {
        ...globalThis.console,
        log: (...args: ReadonlyArray<unknown>) => void printed.push(Util.format(...args)),
      }
      yield* Effect.gen(function* () {
        const a = yield* start(network, "orders-7f9c8d5b6-abcde")
        const b = yield* start(network, "orders-7f9c8d5b6-x2x4z", ["orders-7f9c8d5b6-abcde"])
        yield* untilPeers(a, 1)
        yield* untilPeers(b, 1)
      }).pipe(Effect.provide(Logger.layer([Logger.defaultLogger])), Effect.provideService(Console.Console, console))
      const joined = printed.filter((line) => line.includes(" joined"))
      assert.strictEqual(joined.length, 2)
      for (const line of joined)
        assert.match(line, /^\[.*joined cluster=test node=orders-\S+ peer=orders-\S+ generation=\d+$/)
    }),
  )

  scene("annotates the lines of a link that the application joined", ({ lines }, network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const b = yield* start(network, "b")
      // The link runs in a fiber that this join forked.
      const peer = yield* Effect.annotateLogs(b.cluster.join("a"), { request: "7" })
      assert.strictEqual(peer.name, "a")
      yield* a.stop
      yield* untilPeers(b, 0)
      const ended = lines.find(({ text }) => text.startsWith("link to a ended"))
      assert.deepStrictEqual(ended?.annotations, {
        cluster: "test",
        node: "b",
        peer: "a",
        generation: peer.generation,
      })
    }),
  )

  scene(
    "annotates the lines of a node that the application starts only with the annotations of the node",
    (_, network) =>
      Effect.gen(function* () {
        const said = collectLogs()
        const { cluster } = yield* Effect.provide(start(network, "a", [], "manual"), said.layer)
        yield* Effect.annotateLogs(cluster.start, { request: "7" })
        const stranger = Context.get(yield* Layer.build(network.transport("stranger", 0)), Transport.Transport)
        const peer = new RawPeer.RawPeer(yield* stranger.connect(RawPeer.addressOf("a:24868")))
        yield* Effect.andThen(peer.write(RawPeer.bytes(0, 0, 0, 0)), peer.receiveAll)
        const closed = said.lines.find(({ text }) => text.startsWith("a connection from stranger was closed"))
        assert.deepStrictEqual(closed?.annotations, { cluster: "test", node: "a" })
      }),
  )
})

describe("the log of a node with peers that connect at a high rate", () => {
  /** Connects from the host, runs the body, and closes the connection. */
  const visit = <E>(
    network: SimNetwork.Shape,
    host: string,
    body: (peer: RawPeer.RawPeer) => Effect.Effect<unknown, E>,
  ) =>
    Effect.scoped(
      Effect.gen(function* () {
        const transport = Context.get(yield* Layer.build(network.transport(host, 0)), Transport.Transport)
        yield* body(new RawPeer.RawPeer(yield* transport.connect(RawPeer.addressOf("a:24868"))))
      }),
    )

  /** Returns the texts of a level that contain this text. */
  const texts = (lines: ReadonlyArray<Line>, level: string, text: string) =>
    lines.flatMap((line) => (line.level === level && line.text.includes(text) ? [line.text] : []))

  scene("has a budget of lines about unknown names, and one line about the omitted lines", ({ lines }, network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      for (let i = 0; i < 200; i++) {
        yield* visit(network, "stranger", (peer) =>
          Effect.andThen(peer.completeHandshake({ name: `ghost-${i}` }), peer.leave()),
        )
      }
      assert.strictEqual(texts(lines, "Info", " joined").length, linesPerPeriod)
      assert.strictEqual(texts(lines, "Info", " left").length, linesPerPeriod)
      yield* Effect.sleep(periodMillis)
      assert.strictEqual(texts(lines, "Info", " joined").length, linesPerPeriod)
      assert.strictEqual(texts(lines, "Info", `kind "Joined": ${200 - linesPerPeriod}`).length, 1)
      assert.strictEqual(texts(lines, "Info", `kind "Left": ${200 - linesPerPeriod}`).length, 1)
      yield* visit(network, "stranger", (peer) => Effect.andThen(peer.completeHandshake(), peer.leave()))
      assert.strictEqual(texts(lines, "Info", "m joined").length, 1)
    }),
  )

  scene("keeps lines about other hosts when one host continuously fails its handshakes", ({ lines }, network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const nonsense = (peer: RawPeer.RawPeer) => Effect.andThen(peer.write(RawPeer.bytes(0, 0, 0, 0)), peer.receiveAll)
      for (let i = 0; i < 200; i++) yield* visit(network, "noisy", nonsense)
      yield* visit(network, "other", nonsense)
      assert.strictEqual(texts(lines, "Debug", "a connection from noisy was closed").length, linesPerSubject)
      assert.strictEqual(texts(lines, "Debug", "a connection from other was closed").length, 1)
      yield* Effect.sleep(periodMillis)
      assert.strictEqual(
        texts(lines, "Debug", `omitted log lines of the kind "handshake failed": ${200 - linesPerSubject}`).length,
        1,
      )
    }),
  )

  scene("gives lines of packages the annotations of the node and a budget", ({ lines }, network) =>
    Effect.gen(function* () {
      const { cluster } = yield* start(network, "a")
      const count = linesPerSubject + 5
      const line = {
        level: "Warn",
        kind: "bad price",
        subject: "b",
        text: "a bad price",
        annotations: { peer: "b" },
      } as const
      yield* Effect.repeat(cluster.log.write(line), { times: count - 1 })
      yield* Effect.sleep(periodMillis)
      const written = lines.filter(({ text }) => text.includes("bad price"))
      assert.deepStrictEqual(
        written.map(({ annotations, text }) => [text, annotations]),
        [
          ...Array.from({ length: linesPerSubject }, () => [line.text, { cluster: "test", node: "a", peer: "b" }]),
          [`omitted log lines of the kind "bad price": 5`, { cluster: "test", node: "a" }],
        ],
      )
    }),
  )

  scene("has a budget of lines about unstable links", ({ lines }, network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      for (let i = 0; i < 200; i++) {
        yield* visit(network, "stranger", (peer) => peer.completeHandshake({ linkEpoch: i }))
      }
      yield* Effect.sleep("1 seconds")
      assert.strictEqual(texts(lines, "Debug", "link to m ended").length, linesPerSubject)
      assert.isAtMost(texts(lines, "Debug", "m: Unreachable").length, linesPerSubject)
      assert.isAtMost(texts(lines, "Debug", "m: Reachable").length, linesPerSubject)
    }),
  )
})

describe("the spans of a node", () => {
  scene("are only its joins and its leaving", ({ spans }, network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const b = yield* start(network, "b")
      const { generation } = yield* b.cluster.join("a")
      yield* untilPeers(a, 1)
      for (let i = 0; i < 3; i++) yield* a.cluster.send("b", "hello")
      yield* a.cluster.broadcast("hello")
      yield* Effect.flip(b.cluster.join("no address"))
      yield* b.cluster.leave
      yield* b.stop
      assert.deepStrictEqual(
        spans.map(({ attributes, name }) => [name, Object.fromEntries(attributes)]),
        [
          ["Cluster.join", { cluster: "test", node: "b", address: "a", peer: "a", generation }],
          ["Cluster.join", { cluster: "test", node: "b", address: "no address" }],
          ["Cluster.leave", { cluster: "test", node: "b" }],
        ],
      )
      assert.deepStrictEqual(
        spans.map(({ status }) => status._tag === "Ended" && Exit.isSuccess(status.exit)),
        [true, false, true],
      )
    }),
  )
})
