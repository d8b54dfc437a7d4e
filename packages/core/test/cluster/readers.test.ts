/** Failing and missing readers of the application, in the log and the metrics of their node. */
import * as Cluster from "@coterie/core/Cluster"
import * as Topic from "@coterie/core/Topic"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { MetricReader } from "./MetricReader.ts"

/** Texts of the log lines of level Warning of one node, with their causes. */
class Warnings {
  readonly lines: Array<string> = []
  readonly layer: Layer.Layer<never>

  constructor(node: string) {
    this.layer = Logger.layer([
      Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
        if (logLevel !== "Warn") return
        assert.strictEqual(fiber.getRef(References.CurrentLogAnnotations)["node"], node)
        const text = String(Array.isArray(message) ? message[0] : message)
        this.lines.push(cause.reasons.length === 0 ? text : `${text}: ${String(Cause.squash(cause))}`)
      }),
    ])
  }
}

interface Stage {
  /** Node whose readers are tested, and its warnings. */
  readonly ann: Cluster.Cluster["Service"]
  readonly warnings: ReadonlyArray<string>
  /** Node that sends to the tested node. */
  readonly bob: Cluster.Cluster["Service"]
  readonly failures: (lane: string) => number
}

const scene = (title: string, body: (stage: Stage) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.effect(title, () => {
    const registry: Metric.MetricRegistry = new Map()
    return Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: "1 millis" })
      const warnings = new Warnings("ann")
      const start = (name: string, log: Layer.Layer<never>) =>
        Cluster.layer({ cluster: "test", name, seeds: ["ann"] }).pipe(
          Layer.provide(network.transport(name)),
          Layer.provide(log),
          Layer.build,
          Effect.map(Context.get(Cluster.Cluster)),
        )
      const ann = yield* start("ann", warnings.layer)
      const bob = yield* start("bob", Logger.layer([]))
      yield* Stream.runHead(Stream.filter(bob.views, ({ peers }) => peers.get("ann")?.link === "up"))
      yield* Effect.sleep("1 second")
      // The nodes have logged nothing else.
      assert.deepStrictEqual(warnings.lines, [])
      const metrics = new MetricReader(registry)
      yield* body({
        ann,
        bob,
        warnings: warnings.lines,
        failures: (lane) => metrics.sum("ann", "coterie_reader_failures_total", { lane }),
      })
    }).pipe(
      Effect.scoped,
      Effect.provideService(Metric.MetricRegistry, registry),
      // A reader logs nothing itself. The node logs its failure.
      Effect.provide(Logger.layer([])),
      VirtualTime.flow,
    )
  })

const inboxLine =
  "the reader of the inbox failed; read cluster.inbox again, because messages and then their senders wait until then"

describe("a reader that fails", () => {
  for (const [how, read] of [
    ["with an error", Stream.runForEach(() => Effect.fail("no disk"))],
    ["with a defect", Stream.runForEach(() => Effect.die("no disk"))],
    ["within a pipeline", (inbox) => Stream.runDrain(Stream.mapEffect(inbox, () => Effect.fail("no disk")))],
    [
      "with several handlers at once",
      (inbox) => Stream.runDrain(Stream.mapEffect(inbox, () => Effect.fail("no disk"), { concurrency: 4 })),
    ],
  ] satisfies ReadonlyArray<
    readonly [string, (inbox: Cluster.Cluster["Service"]["inbox"]) => Effect.Effect<unknown, string>]
  >) {
    scene(`of the inbox, ${how}, is logged with its cause`, ({ ann, bob, failures, warnings }) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(read(ann.inbox))
        yield* bob.send("ann", "hello")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(warnings, [`${inboxLine}: no disk`])
        assert.strictEqual(failures(""), 1)
      }),
    )
  }

  scene("of a topic is logged with its name", ({ ann, bob, failures, warnings }) =>
    Effect.gen(function* () {
      const orders = Topic.make("orders", Schema.String)
      const on = Effect.provideService(Cluster.Cluster, ann)
      yield* Effect.forkScoped(on(Stream.runForEach(orders.subscribe(), () => Effect.fail("no disk"))))
      yield* Effect.sleep("1 second")
      const { sent } = yield* Effect.provideService(orders.publish("o-1"), Cluster.Cluster, bob)
      assert.deepStrictEqual(sent, ["ann"])
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(warnings, [
        'the reader of "orders" failed; start it again, because it gets no messages until then: no disk',
      ])
      assert.strictEqual(failures("orders"), 1)
    }),
  )

  scene("repeatedly is logged in a bounded number of lines, which count the rest", (stage) =>
    Effect.gen(function* () {
      const { ann, bob, failures, warnings } = stage
      const failing = Stream.runForEach(ann.inbox, () => Effect.fail("no disk"))
      yield* Effect.forkScoped(Effect.forever(Effect.ignore(failing)))
      for (let i = 0; i < 100; i++) {
        yield* bob.send("ann", "hello")
        yield* Effect.sleep("10 millis")
      }
      assert.strictEqual(failures(""), 100)
      assert.strictEqual(warnings.length, 10)
      yield* Effect.sleep("1 minute")
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(warnings.slice(10), [
        'omitted log lines of the kind "reader failed": 90',
        `${inboxLine}: no disk`,
      ])
    }),
  )

  scene("excludes readers that end, that are interrupted, or that fail after their node has left", (stage) =>
    Effect.gen(function* () {
      const { ann, bob, failures, warnings } = stage
      yield* bob.send("ann", "hello")
      yield* Stream.runHead(ann.inbox)
      const reading = yield* Effect.forkScoped(Stream.runDrain(ann.inbox))
      yield* Effect.sleep("1 second")
      yield* Fiber.interrupt(reading)
      const late = Effect.andThen(Effect.sleep("10 seconds"), Effect.fail("no disk"))
      const left = yield* Effect.forkScoped(Effect.exit(Stream.runForEach(ann.inbox, () => late)))
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("1 second")
      yield* ann.leave
      assert.isTrue(Exit.isFailure(yield* Fiber.join(left)))
      assert.deepStrictEqual(warnings, [])
      assert.strictEqual(failures(""), 0)
    }),
  )
})

describe("an inbox without a reader", () => {
  const line =
    "the inbox has no reader, and messages of 1 link wait in it; their senders will wait, too. " +
    "Run cluster.inbox while the node runs, even if only to discard the messages"

  scene("is logged once messages have waited for limits.slowPeerTimeout", ({ bob, warnings }) =>
    Effect.gen(function* () {
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("4900 millis")
      assert.deepStrictEqual(warnings, [])
      yield* Effect.sleep("200 millis")
      assert.deepStrictEqual(warnings, [line])
      for (let i = 0; i < 20; i++) yield* Effect.andThen(bob.send("ann", "hello?"), Effect.sleep("1 second"))
      assert.deepStrictEqual(warnings, [line], "once is enough")
    }),
  )

  scene("is logged when its reader failed unnoticed, in a merged stream", ({ ann, bob, warnings }) =>
    Effect.gen(function* () {
      // A merge interrupts its streams, so the inbox cannot distinguish a failure from an interruption.
      const merged = Stream.merge(ann.inbox, Stream.never)
      yield* Effect.forkScoped(Stream.runForEach(merged, () => Effect.fail("no disk")))
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("1 second")
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("6 seconds")
      assert.deepStrictEqual(warnings, [line])
    }),
  )

  scene("is logged again after a reader has started and ended", ({ ann, bob, warnings }) =>
    Effect.gen(function* () {
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("6 seconds")
      yield* Stream.runHead(ann.inbox)
      yield* Effect.sleep("6 seconds")
      assert.deepStrictEqual(warnings, [line], "nothing waits")
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("6 seconds")
      assert.deepStrictEqual(warnings, [line, line])
    }),
  )

  scene("excludes an inbox whose only reader handles each message slowly", ({ ann, warnings }) =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(Stream.runForEach(ann.inbox, () => Effect.sleep("4 seconds")))
      // More than one pull of the reader, which starts only when this fiber waits.
      for (let i = 0; i < 300; i++) yield* ann.send("ann", "job")
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(warnings, [])
    }),
  )

  scene("excludes an inbox that is read slowly or in time", ({ ann, bob, warnings }) =>
    Effect.gen(function* () {
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("4 seconds")
      yield* Effect.forkScoped(Stream.runForEach(ann.inbox, () => Effect.never))
      yield* Effect.sleep("1 second")
      yield* bob.send("ann", "hello")
      yield* Effect.sleep("20 seconds")
      assert.deepStrictEqual(warnings, [])
    }),
  )
})
