/** Runs the code blocks of docs/messages.md. */
import { Cluster } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Logger, Ref, Schema, Stream, Tracer } from "effect"
import * as Messages from "../messages.ts"

const logged: Array<string> = []
const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])

/** Waits until the condition holds. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep("10 millis"), () => until(condition))))

it.effect("the code blocks of the guide work as it describes", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      Cluster.layer({ cluster: "guide", name, seeds: ["ann"], tracing: true }).pipe(
        Layer.provide(network.transport(name)),
        Layer.provide(Logger.layer([])),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    const ann = yield* start("ann")
    const bob = yield* start("bob")
    const on = <A, E, R>(node: Cluster.Cluster["Service"], effect: Effect.Effect<A, E, R>) =>
      Effect.provideService(effect, Cluster.Cluster, node)
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      },
    })

    yield* Effect.forkScoped(Effect.provide(on(bob, Messages.readOrders), logger))
    yield* Effect.forkScoped(Effect.provide(on(bob, Messages.readJobs), logger))
    yield* Effect.forkScoped(Effect.withTracer(Effect.provide(on(bob, Messages.shipOrders), logger), tracer))
    const latest = yield* Effect.forkScoped(on(bob, Stream.runHead(Messages.readLatest)))
    yield* Stream.runHead(Stream.filter(ann.views, ({ peers }) => peers.get("bob")?.link === "up"))
    yield* Effect.sleep("1 second")

    const report = yield* on(ann, Messages.publishOrder).pipe(Effect.withSpan("sell"), Effect.withTracer(tracer))
    assert.deepStrictEqual(report, { sent: ["bob"], failed: [] })
    const orders = () => logged.filter((line) => line.endsWith("o-1") || line.includes("sold"))
    yield* until(() => orders().length === 2)
    assert.deepStrictEqual(orders().toSorted(), ["ann sold o-1 for 12", "shipping o-1"])
    assert.strictEqual((yield* Fiber.join(latest))._tag, "Some")

    // Both nodes run in this process, so the tracer sees both spans.
    const [sell, ship] = ["sell", "ship the order"].map((name) => spans.find((span) => span.name === name))
    assert.isDefined(sell)
    assert.strictEqual(ship?.traceId, sell?.traceId)
    assert.strictEqual(ship?.parent._tag === "Some" ? ship.parent.value.spanId : undefined, sell?.spanId)

    const count = yield* on(ann, Messages.countOrders)
    while ((yield* Ref.get(count)) === 0) yield* Effect.sleep("10 millis")
    assert.strictEqual(yield* Ref.get(count), 1)

    assert.strictEqual(
      yield* on(ann, Messages.handOver("eve", "?")),
      "not taken: this node does not know a peer with that name",
    )
    assert.strictEqual(yield* on(ann, Messages.handOver("bob", "the unread")), "unknown")
    yield* Effect.forkScoped(Stream.runDrain(bob.inbox))
    assert.strictEqual(yield* on(ann, Messages.handOver("bob", "the read")), "taken")

    const jobs = yield* ann.lane("jobs")
    yield* jobs.send("bob", "a picture", { confirm: true })
    yield* ann.leave
    yield* until(() => logged.some((line) => /^SessionEnded \d+ with ann$/.test(line)))
    assert.include(logged, "ann wants a picture")
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("a service of the guide receives an order that a peer publishes as soon as it lists the service", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "5 millis" })
    const lines: Array<string> = []
    const log = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    const peer = yield* Cluster.layer({ cluster: "shop", name: "peer", seeds: ["service"] }).pipe(
      Layer.provide(network.transport("peer")),
      Layer.provide(Logger.layer([])),
      Layer.build,
      Effect.map(Context.get(Cluster.Cluster)),
    )
    yield* Stream.filter(peer.events, ({ _tag }) => _tag === "Joined").pipe(
      Stream.runForEach(() => Messages.publishOrder),
      Effect.provideService(Cluster.Cluster, peer),
      Effect.forkScoped,
    )
    const loadPrices = Effect.as(Effect.sleep("3 seconds"), new Map([["o-1", 12]]))
    yield* Messages.layerShop("service", loadPrices).pipe(
      Layer.provide(network.transport("service")),
      Layer.provide(log),
      Layer.build,
    )
    yield* Effect.timeout(
      until(() => lines.includes("peer sold o-1 at 12")),
      "1 minute",
    )
  }).pipe(Effect.scoped, VirtualTime.flow),
)

/** Starts two connected nodes. The windows of their inboxes hold about nine messages of 1,000 bytes. */
const pair = Effect.gen(function* () {
  const network = yield* SimNetwork.make()
  const start = (name: string) =>
    Cluster.layer({ cluster: "guide", name, seeds: ["ann"], limits: { inboxWindowBytes: 10_000 } }).pipe(
      Layer.provide(network.transport(name)),
      Layer.provide(Logger.layer([])),
      Layer.build,
      Effect.map(Context.get(Cluster.Cluster)),
    )
  const ann = yield* start("ann")
  const bob = yield* start("bob")
  yield* Stream.runHead(Stream.filter(ann.views, ({ peers }) => peers.get("bob")?.link === "up"))
  return { ann, bob }
})

it.effect("waiting replies do not block the reader of the guide", () =>
  Effect.gen(function* () {
    const { ann, bob } = yield* pair
    yield* Effect.forkScoped(Effect.provideService(Messages.replyToAll, Cluster.Cluster, bob))
    // More messages than both windows hold. ann reads no reply before all messages are sent.
    const count = 60
    for (let i = 0; i < count; i++) yield* ann.send("bob", `${i} `.padEnd(1_000, "."))
    const replies = yield* Stream.runCollect(Stream.take(ann.inbox, count))
    assert.strictEqual(new Set(replies.map(({ text }) => text)).size, count)
    assert.match(replies[0]?.text ?? "", /^you said: \d+ /)
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("a failing reader of the guide stops the program that runs with it", () =>
  Effect.gen(function* () {
    const { ann, bob } = yield* pair
    const program = Messages.whileReading(() => Effect.fail("no disk"), Effect.never)
    const running = yield* Effect.forkScoped(Effect.flip(Effect.provideService(program, Cluster.Cluster, bob)))
    yield* ann.send("bob", "hello")
    assert.strictEqual(yield* Fiber.join(running), "no disk")
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("a program of the guide continues after its node has left, and ends its reader", () =>
  Effect.gen(function* () {
    const { bob } = yield* pair
    const program = Messages.whileReading(() => Effect.void, Effect.as(Effect.sleep("20 seconds"), "done"))
    const running = yield* Effect.forkScoped(Effect.provideService(program, Cluster.Cluster, bob))
    yield* bob.leave
    assert.strictEqual(yield* Fiber.join(running), "done")
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("a forked reader of the guide logs a message that fails, and continues", () =>
  Effect.gen(function* () {
    const { ann, bob } = yield* pair
    const lines: Array<string> = []
    const warnings = Logger.layer([Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))])
    const heard = yield* Deferred.make<string>()
    yield* Messages.readForked(({ text }) =>
      text === "bad" ? Effect.fail("no disk") : Deferred.succeed(heard, text),
    ).pipe(Effect.provideService(Cluster.Cluster, bob), Effect.provide(warnings))
    yield* ann.send("bob", "bad")
    yield* ann.send("bob", "good")
    assert.strictEqual(yield* Deferred.await(heard), "good")
    assert.strictEqual(lines.length, 1)
    assert.match(lines[0] ?? "", /^Warn: a message from ann failed/)
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("a reader that gives the memory of its messages back gets all of them", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      Cluster.layer({ cluster: "guide", name, seeds: ["ann"] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.provide(Logger.layer([])),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    const ann = yield* start("ann")
    const bob = yield* start("bob")
    yield* Stream.runHead(Stream.filter(ann.views, ({ peers }) => peers.get("bob")?.link === "up"))
    const blocks: Array<Uint8Array> = []
    const sums: Array<number> = []
    const store = (block: Uint8Array) =>
      Effect.sync(() => {
        blocks.push(block)
        sums.push(block.reduce((sum, byte) => sum + byte, 0))
      })
    yield* Effect.forkScoped(Effect.provideService(Messages.storeBlocks(store), Cluster.Cluster, bob))
    for (const byte of [1, 2, 3]) yield* ann.send("bob", new Uint8Array(100_000).fill(byte))
    yield* until(() => sums.length === 3 && blocks.every(({ length }) => length === 0))
    assert.deepStrictEqual(sums, [100_000, 200_000, 300_000])
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it("the test of a schema finds the values that the other version cannot read", () => {
  const Old = Schema.Struct({ id: Schema.String, note: Schema.optionalKey(Schema.String) })
  const Safe = Schema.Struct({ id: Schema.String, by: Schema.optionalKey(Schema.String) })
  const Unsafe = Schema.Struct({ id: Schema.String, total: Schema.Finite, by: Schema.optionalKey(Schema.String) })
  const old = [{ id: "1" }, { id: "2", note: "late" }]
  assert.deepStrictEqual(Messages.unreadable(Old, Safe, old), [])
  assert.deepStrictEqual(Messages.unreadable(Safe, Old, [{ id: "1" }, { id: "2", by: "ann" }]), [])
  assert.deepStrictEqual(Messages.unreadable(Old, Unsafe, old), old)
  assert.deepStrictEqual(Messages.unreadable(Unsafe, Old, [{ id: "1", total: 3 }]), [])
})
