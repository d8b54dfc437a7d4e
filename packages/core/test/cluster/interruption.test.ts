/** Interruption of a node at random moments. An interrupted node releases all resources. */
import * as Cluster from "@coterie/core/Cluster"
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const rounds = 100

World.simulated(
  `a node that is interrupted at one of ${rounds} random moments leaves no fiber, connection or listener behind`,
  ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const fibers = World.countFibers()
      let running = 0

      /** Runs one life of `b`: it starts, joins, sends and reads. */
      const life = Effect.gen(function* () {
        const layer = Cluster.layer({ cluster: "test", name: "b", seeds: [a.address] }).pipe(
          Layer.provide(network.transport("b")),
          Layer.provide([FailureDetector.layerLocal, Logger.layer([])]),
        )
        const cluster = Context.get(yield* Layer.build(layer), Cluster.Cluster)
        running++
        yield* Effect.forkScoped(Stream.runDrain(cluster.inbox))
        yield* Effect.forkScoped(Stream.runDrain(cluster.events))
        yield* cluster.join(a.address)
        yield* Effect.forever(Effect.andThen(cluster.broadcast("x"), Effect.sleep("1 millis")))
      }).pipe(Effect.scoped)

      for (let i = 0; i < rounds; i++) {
        const steps = yield* Random.nextIntBetween(0, 600)
        // Its fibers yield after every few operations, so it can be interrupted between any two of them.
        const ops = yield* Random.nextIntBetween(3, 12)
        const millis = yield* Random.nextIntBetween(0, 40)
        const fiber = yield* Effect.forkChild(
          Effect.provideService(fibers.within(life), Scheduler.MaxOpsBeforeYield, ops),
          { startImmediately: true },
        )
        for (let step = 0; step < steps; step++) yield* Effect.yieldNow
        if (i % 3 === 0) yield* Effect.sleep(millis)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(fibers.alive(), 0, `fibers after round ${i} (${steps} steps, ${millis} ms)`)
        const { connections, listeners } = yield* network.inspect
        assert.deepStrictEqual(listeners.map(String), ["a:24868"])
        assert.deepStrictEqual(
          connections.filter(({ from, state }) => from === "b" && state !== "closing"),
          [],
        )
      }
      // The moments are spread over the whole life: some are before the node ran, some after.
      assert.isAbove(running, rounds / 4)
      assert.isBelow(running, rounds)
      yield* World.until(a, ({ peers }) => peers.size === 0)
      yield* Effect.sleep("6 seconds")
      assert.deepStrictEqual((yield* network.inspect).connections, [])
    }),
  { latency: { min: "1 millis", max: "3 millis" }, split: true },
)
