import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Discovery from "@coterie/core/Discovery"
import * as Reconnect from "@coterie/core/Reconnect"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { execFileSync } from "node:child_process"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { resolverOf } from "../src/internal/dns/resolver.ts"
import * as DnsServer from "./dnsServer.ts"

const name = "peers.example"

const record = (target: string, port = 24_868, priority = 0, weight = 0): NodeDiscovery.SrvRecord => ({
  target,
  port,
  priority,
  weight,
})

const noAnswer = new NodeDiscovery.SourceError({ reason: "noAnswer", message: "no answer" })

/** Logger that collects the lines about the discovery. */
const log = Effect.map(Queue.unbounded<string>(), (lines) => ({
  lines,
  layer: Logger.layer([
    Logger.make(({ message }) => {
      const line = String(message)
      if (line.startsWith("discovery:")) Queue.offerUnsafe(lines, line)
    }),
  ]),
}))

/** Collects the sets that a discovery emits, and the log lines about it. */
const watch = Effect.fnUntraced(function* (layer: Layer.Layer<never>) {
  const { addresses } = Context.get(yield* Layer.build(layer), Discovery.Discovery)
  const sets = yield* Queue.unbounded<ReadonlyArray<string>>()
  const { layer: logger, lines } = yield* log
  yield* Effect.forkScoped(
    Stream.runForEach(addresses, (found) => Queue.offer(sets, found)).pipe(Effect.provide(logger)),
  )
  /** Waits for the set. */
  const until = (...expected: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.flatMap(Queue.take(sets), (found) =>
      JSON.stringify(found) === JSON.stringify(expected) ? Effect.void : until(...expected),
    )
  return { sets, lines, until }
})

type Answer<A> = Effect.Effect<ReadonlyArray<A>, NodeDiscovery.SourceError>

/** Makes a resolver without a server, whose answers a test sets. */
const staticZone = () => {
  const none: Answer<never> = Effect.succeed([])
  const answers: { a: Answer<string>; aaaa: Answer<string>; srv: Answer<NodeDiscovery.SrvRecord> } = {
    a: none,
    aaaa: none,
    srv: none,
  }
  const resolver: NodeDiscovery.Resolver = {
    a: () => Effect.suspend(() => answers.a),
    aaaa: () => Effect.suspend(() => answers.aaaa),
    srv: () => Effect.suspend(() => answers.srv),
  }
  return { answers, resolver }
}

/** Defines a test in virtual time, which passes by itself. */
const virtual = (title: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(title, () => body.pipe(Effect.scoped, VirtualTime.flow))

/** Makes a path in a temporary folder that is deleted with the scope. */
const fileIn = Effect.map(
  Effect.acquireRelease(
    Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-"))),
    (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true })),
  ),
  (folder) => {
    const path = Path.join(folder, "peers")
    return { folder, path, write: (text: string) => Effect.promise(() => Fs.writeFile(path, text)) }
  },
)

describe("addresses of a name", () => {
  virtual(
    "are the A and AAAA records with the port, in canonical spelling and always in the same order",
    Effect.gen(function* () {
      const { answers, resolver } = staticZone()
      answers.a = Effect.succeed(["10.0.0.2", "10.0.0.1"])
      answers.aaaa = Effect.succeed(["fd00::2", "::1"])
      const { until } = yield* watch(NodeDiscovery.layerDns({ name, port: 7000, resolver }))
      const expected = ["10.0.0.1:7000", "10.0.0.2:7000", "[::1]:7000", "[fd00::2]:7000"]
      yield* until(...expected)
      assert.isTrue(expected.every(Address.isAddress))
    }),
  )

  virtual(
    "are looked up at once and then every 30 seconds",
    Effect.gen(function* () {
      const asked: Array<number> = []
      const { answers, resolver } = staticZone()
      answers.a = Effect.map(Clock.currentTimeMillis, (now) => {
        asked.push(now)
        return [`10.0.0.${asked.length}`]
      })
      const { until } = yield* watch(NodeDiscovery.layerDns({ name, port: 1, resolver }))
      yield* until("10.0.0.3:1")
      // The virtual clock advances in steps of some milliseconds.
      assert.deepStrictEqual(
        asked.map((at) => Math.round(at / 1_000)),
        [0, 30, 60],
      )
    }),
  )

  virtual(
    "of a failed query are kept while the other query changes, and the failure is logged once",
    Effect.gen(function* () {
      const { answers, resolver } = staticZone()
      answers.a = Effect.succeed(["10.0.0.1"])
      answers.aaaa = Effect.succeed(["fd00::1"])
      const { lines, until } = yield* watch(NodeDiscovery.layerDns({ name, port: 1, resolver }))
      yield* until("10.0.0.1:1", "[fd00::1]:1")
      answers.a = Effect.fail(noAnswer)
      answers.aaaa = Effect.succeed(["fd00::2"])
      yield* until("10.0.0.1:1", "[fd00::2]:1")
      yield* Effect.sleep("10 minutes")
      assert.deepStrictEqual(yield* Queue.takeAll(lines), [
        "discovery: no answer; the addresses found before stay in use",
      ])
      answers.a = Effect.succeed([])
      yield* until("[fd00::2]:1")
      assert.deepStrictEqual(yield* Queue.takeAll(lines), ["discovery: works again; the problem was: no answer"])
    }),
  )

  virtual(
    "of one family do not wait for the answer for the other",
    Effect.gen(function* () {
      const { answers, resolver } = staticZone()
      answers.a = Effect.never
      answers.aaaa = Effect.succeed(["fd00::1"])
      const { until } = yield* watch(NodeDiscovery.layerDns({ name, port: 1, resolver }))
      yield* until("[fd00::1]:1")
    }),
  )
})

describe("the first set of a name", () => {
  virtual(
    "is empty only after both queries have answered, so that a node does not consider its discovery done",
    Effect.gen(function* () {
      const { answers, resolver } = staticZone()
      answers.a = Effect.delay(Effect.succeed(["10.0.0.1"]), "1 second")
      const { sets } = yield* watch(NodeDiscovery.layerDns({ name, port: 1, resolver }))
      assert.deepStrictEqual(yield* Queue.take(sets), ["10.0.0.1:1"])
    }),
  )

  virtual(
    "is empty if both answers are empty, and a later set is empty if the only family with addresses loses them",
    Effect.gen(function* () {
      const { answers, resolver } = staticZone()
      const empty = yield* watch(NodeDiscovery.layerDns({ name, port: 1, resolver }))
      assert.deepStrictEqual(yield* Queue.take(empty.sets), [])
      answers.aaaa = Effect.fail(noAnswer)
      answers.a = Effect.succeed(["10.0.0.1"])
      const { until } = yield* watch(NodeDiscovery.layerDns({ name, port: 1, resolver }))
      yield* until("10.0.0.1:1")
      answers.a = Effect.succeed([])
      yield* until()
    }),
  )
})

describe("a name", () => {
  it.live("of the hosts file is found by the default resolver", () =>
    Effect.gen(function* () {
      const { sets } = yield* watch(NodeDiscovery.layerDns({ name: "localhost", port: 7000 }))
      const loopback = Effect.repeat(Queue.take(sets), { until: (found) => found.length > 0 })
      assert.include(["127.0.0.1:7000", "[::1]:7000"], (yield* loopback)[0])
    }),
  )

  it.live("that is absolute is looked up as it is, and a relative name with the search list", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      server.answer("A", "peers.corp.example", ["10.0.0.1"])
      server.answer("A", "peers", ["10.0.0.2"])
      server.answer("SRV", "_c._tcp.corp.example", [record("a.example")])
      const { path, write } = yield* fileIn
      yield* write("search corp.example\noptions ndots:2\n")
      const resolver = resolverOf({ servers: [server.address] }, { hosts: "", resolvConf: path, hostname: "" })
      const relative = yield* watch(NodeDiscovery.layerDns({ name: "peers", port: 1, resolver }))
      yield* relative.until("10.0.0.1:1")
      const absolute = yield* watch(NodeDiscovery.layerDns({ name: "peers.", port: 1, resolver }))
      yield* absolute.until("10.0.0.2:1")
      const service = yield* watch(NodeDiscovery.layerSrv({ name: "_c._tcp", resolver }))
      yield* service.until("a.example:24868")
    }),
  )
})

describe("targets of a service", () => {
  virtual(
    "are emitted with their ports in order of preference, whatever the order of the records",
    Effect.gen(function* () {
      const { answers, resolver } = staticZone()
      const records = [
        record("c", 1, 20, 9),
        record("b", 2, 10, 1),
        record("b", 1, 10, 1),
        record("d", 1, 10, 5),
        record("a", 1, 10, 1),
      ]
      const { sets } = yield* watch(
        NodeDiscovery.layerSrv({ name, resolver, schedule: Schedule.recurs(records.length - 1) }),
      )
      answers.srv = Effect.sync(() => {
        records.push(...records.splice(0, 1))
        return [...records]
      })
      for (let rotations = 0; rotations < records.length; rotations++) {
        assert.deepStrictEqual(yield* Queue.take(sets), ["d:1", "a:1", "b:1", "b:2", "c:1"])
      }
    }),
  )

  virtual(
    "are empty if the only target is the root",
    Effect.gen(function* () {
      const { answers, resolver } = staticZone()
      answers.srv = Effect.succeed([record(".", 0)])
      const { sets } = yield* watch(NodeDiscovery.layerSrv({ name, resolver }))
      assert.deepStrictEqual(yield* Queue.take(sets), [])
    }),
  )

  virtual(
    "that are not addresses are logged once, and the others are used",
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const { answers, resolver } = staticZone()
      answers.srv = Effect.succeed([record("not a host"), record("b", 0), record("B")])
      const { layer: logger, lines } = yield* log
      const node = (name: string, discovery: Layer.Layer<never>) =>
        Cluster.layer({ cluster: "test", name }).pipe(
          Layer.provide([network.transport(name), discovery]),
          Layer.provide(logger),
          Layer.build,
          Effect.map(Context.get(Cluster.Cluster)),
        )
      const b = yield* node("b", Layer.empty)
      yield* node("a", NodeDiscovery.layerSrv({ name, resolver }))
      yield* Stream.runHead(Stream.filter(b.views, ({ peers }) => peers.get("a")?.link === "up"))
      yield* Effect.sleep("10 minutes")
      const logged = yield* Queue.takeAll(lines)
      assert.strictEqual(logged.length, 2)
      assert.match(logged[0] ?? "", /^discovery: "b:0" is not an address: the port/)
      assert.match(logged[1] ?? "", /^discovery: "not a host:24868" is not an address: the host/)
    }),
  )
})

describe("a file of addresses", () => {
  const schedule = Schedule.spaced("5 millis")

  it.live("is read line by line, without comments and blank lines", () =>
    Effect.gen(function* () {
      const { path, write } = yield* fileIn
      yield* write("\uFEFF# the peers\r\na:1\r\n\r\n  b:2  # since May\n#c:3\nnowhere\n[::1]:4")
      const { sets } = yield* watch(NodeDiscovery.layerFile({ path }))
      assert.deepStrictEqual(yield* Queue.take(sets), ["a:1", "b:2", "nowhere", "[::1]:4"])
    }),
  )

  it.live("is read again, and may be created later, removed and created again", () =>
    Effect.gen(function* () {
      const { path, write } = yield* fileIn
      const { lines, until } = yield* watch(NodeDiscovery.layerFile({ path, schedule }))
      const missing = `the file ${path} does not exist`
      assert.strictEqual(yield* Queue.take(lines), `discovery: ${missing}; the addresses found before stay in use`)
      yield* write("a:1")
      yield* until("a:1")
      assert.strictEqual(yield* Queue.take(lines), `discovery: works again; the problem was: ${missing}`)
      yield* Effect.promise(() => Fs.rm(path))
      assert.strictEqual(yield* Queue.take(lines), `discovery: ${missing}; the addresses found before stay in use`)
      yield* write("b:1")
      yield* until("b:1")
      yield* write("# nobody")
      yield* until()
    }),
  )

  it.live("that does not exist is logged once and emits no set", () =>
    Effect.gen(function* () {
      const { path } = yield* fileIn
      const { layer: logger, lines } = yield* log
      const layer = NodeDiscovery.layerFile({ path, schedule: Schedule.recurs(4) })
      const { addresses } = Context.get(yield* Layer.build(layer), Discovery.Discovery)
      assert.deepStrictEqual(yield* Effect.provide(Stream.runCollect(addresses), logger), [])
      assert.strictEqual((yield* Queue.takeAll(lines)).length, 1)
    }),
  )

  it.live("that cannot be read is logged with the reason", () =>
    Effect.gen(function* () {
      const { folder } = yield* fileIn
      const { lines } = yield* watch(NodeDiscovery.layerFile({ path: folder }))
      assert.include(yield* Queue.take(lines), `the file ${folder} cannot be read: EISDIR`)
    }),
  )

  it.live("that hangs does not hold up the end of the scope", () =>
    Effect.gen(function* () {
      const { path } = yield* fileIn
      execFileSync("mkfifo", [path])
      const watching = yield* Scope.make()
      yield* Scope.provide(watch(NodeDiscovery.layerFile({ path })), watching)
      // Fails until the other end of the pipe is being opened. From then on the read hangs until this end is closed.
      const opened = Effect.tryPromise(() => Fs.open(path, constants.O_WRONLY | constants.O_NONBLOCK))
      yield* Effect.acquireRelease(Effect.retry(opened, schedule), (file) => Effect.promise(() => file.close()))
      yield* Scope.close(watching, Exit.void)
    }),
  )

  virtual(
    "is read at once and then every 10 seconds",
    Effect.gen(function* () {
      const { path, write } = yield* fileIn
      yield* write("a:1")
      const { sets } = yield* watch(NodeDiscovery.layerFile({ path }))
      yield* Queue.take(sets)
      const first = yield* Clock.currentTimeMillis
      yield* Queue.take(sets)
      assert.isAtLeast((yield* Clock.currentTimeMillis) - first, 10_000)
    }),
  )
})

describe("a DNS server", () => {
  it.live("is queried for A and AAAA records", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      server.answer("A", name, ["10.0.0.2", "10.0.0.1"])
      server.answer("AAAA", name, ["::1", "fd00:0::2", "2001:db8:1:2:3:4:5:6"])
      const resolver = NodeDiscovery.resolver({ servers: [server.address] })
      const { until } = yield* watch(NodeDiscovery.layerDns({ name, port: 7000, resolver }))
      yield* until("10.0.0.1:7000", "10.0.0.2:7000", "[2001:db8:1:2:3:4:5:6]:7000", "[::1]:7000", "[fd00::2]:7000")
    }),
  )

  it.live("is queried for SRV records, and their targets stay names", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      server.answer("SRV", name, [record("b.example", 2, 20), record("a.example", 1, 10, 7)])
      const resolver = NodeDiscovery.resolver({ servers: [server.address] })
      assert.deepStrictEqual(yield* resolver.srv(name), [record("b.example", 2, 20), record("a.example", 1, 10, 7)])
      const { sets } = yield* watch(NodeDiscovery.layerSrv({ name, resolver }))
      assert.deepStrictEqual(yield* Queue.take(sets), ["a.example:1", "b.example:2"])
    }),
  )

  it.live("that has the name without such a record gives an empty answer", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      server.answer("A", name, ["10.0.0.1"])
      const { aaaa, srv } = NodeDiscovery.resolver({ servers: [server.address] })
      assert.deepStrictEqual(yield* aaaa(name), [])
      assert.deepStrictEqual(yield* srv(name), [])
    }),
  )

  it.live("without an answer gives an error with the reason", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      server.answer("A", "fails.example", "fails")
      server.answer("A", "silent.example", "is silent")
      const why = (name: string, options?: NodeDiscovery.ResolverOptions) =>
        Effect.map(
          Effect.flip(
            NodeDiscovery.resolver({ servers: [server.address], timeout: "50 millis", tries: 1, ...options }).a(name),
          ),
          ({ message, reason }) => `${reason}: ${message}`,
        )
      assert.strictEqual(
        yield* why("nobody.example"),
        "notFound: A records of nobody.example: the name does not exist in DNS",
      )
      assert.strictEqual(
        yield* why("silent.example"),
        "noAnswer: A records of silent.example: no DNS server answered in time",
      )
      assert.strictEqual(yield* why("fails.example"), "failed: A records of fails.example: the DNS query failed")
      yield* server.stop
      assert.strictEqual(
        yield* why("nobody.example"),
        "noAnswer: A records of nobody.example: no DNS server can be reached",
      )
      assert.strictEqual(
        yield* why("x.example", { servers: ["nowhere"] }),
        "failed: A records of x.example: the DNS query failed",
      )
    }),
  )

  it.live("gets no more queries, and its socket is closed, when the lookup is interrupted", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      server.answer("A", name, "is silent")
      const { a } = NodeDiscovery.resolver({ servers: [server.address], timeout: "1 hours" })
      const question = yield* Effect.forkChild(a(name))
      const asker = yield* server.nextAsker
      yield* Fiber.interrupt(question)
      yield* server.untilGone(asker)
    }),
  )

  it.live("lets nodes find each other and a new node, and may stop afterwards", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      const service = "_coterie._tcp.example"
      server.answer("SRV", service, [])
      const { layer: logger, lines } = yield* log
      const discovery = NodeDiscovery.layerSrv({
        name: service,
        resolver: NodeDiscovery.resolver({ servers: [server.address] }),
        schedule: Schedule.spaced("20 millis"),
        interval: "50 millis",
        intervalAlone: "50 millis",
      })
      const node = (name: string, layer: Layer.Layer<never> = discovery) =>
        Cluster.layer({ cluster: "test", name }).pipe(
          Layer.provide([
            NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 }),
            Reconnect.layer(Schedule.spaced("50 millis")),
            layer,
          ]),
          Layer.provide(logger),
          Layer.build,
          Effect.map(Context.get(Cluster.Cluster)),
        )
      type Node = Cluster.Cluster["Service"]
      /** Returns the record of a node. Its target is a name instead of the address that the node advertises. */
      const recordOf = (node: Node) =>
        Effect.map(node.self, ({ addresses }) =>
          record("localhost", Number(addresses[0]?.slice(addresses[0].lastIndexOf(":") + 1))),
        )
      const lists = (node: Node, ...names: ReadonlyArray<string>) =>
        Stream.runHead(
          Stream.filter(
            node.views,
            ({ peers }) => peers.size === names.length && names.every((name) => peers.get(name)?.link === "up"),
          ),
        )

      const a = yield* node("a")
      const b = yield* node("b")
      const c = yield* node("c")
      const records = [yield* recordOf(a), yield* recordOf(b), yield* recordOf(c)]
      server.answer("SRV", service, records)
      yield* lists(a, "b", "c")
      yield* lists(b, "a", "c")
      yield* lists(c, "a", "b")

      // d has no discovery: the others find it.
      const d = yield* node("d", Layer.empty)
      // A target without a listener shows that the addresses are still dialed.
      const unused = record("127.0.0.1", 1)
      server.answer("SRV", service, [...records, yield* recordOf(d), unused])
      yield* lists(a, "b", "c", "d")
      yield* lists(d, "a", "b", "c")
      const dialsUnused = Stream.runHead(
        Stream.filter(a.events, (event) => event._tag === "SeedUnavailable" && event.address === "127.0.0.1:1"),
      )
      yield* dialsUnused

      yield* server.stop
      const gone = "no DNS server can be reached; the addresses found before stay in use"
      for (let logged = 0; logged < 3;) if ((yield* Queue.take(lines)).includes(gone)) logged++
      yield* dialsUnused
      yield* dialsUnused
      const { sent } = yield* d.broadcast("still here")
      assert.deepStrictEqual([...sent].sort(), ["a", "b", "c"])
      for (const node of [a, b, c]) {
        const [message] = yield* Stream.runCollect(Stream.take(node.inbox, 1))
        assert.strictEqual(message?.text, "still here")
      }
      yield* lists(a, "b", "c", "d")
    }),
  )
})
