import * as Cluster from "@coterie/core/Cluster"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as Simulation from "../../src/Simulation.ts"
import * as Swarm from "../../src/Swarm.ts"
import { counter, failure, run } from "./world.ts"

/** Records when the layer of a node is built and when its application starts, in milliseconds. */
const recorded = (sim: Simulation.Sim, log: Array<string>) => {
  const mark = (what: string) => Effect.sync(() => void log.push(`${what} ${Math.round(sim.now() / 1_000)}`))
  return sim.nodes(["a"], () => Layer.effectDiscard(mark("layer")), { start: (name) => mark(`start ${name}`) })
}

describe("the start of an application", () => {
  it.live("runs right after the layer at each start, and the node is running when it has succeeded", () => {
    const log: Array<string> = []
    return run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* recorded(sim, log)
        yield* a.crash
        yield* Effect.sleep("1 second")
        yield* a.restart
        assert.deepStrictEqual(log, ["layer 0", "start a 0", "layer 1000", "start a 1000"])
      }),
    )
  })

  it.live("is delayed by the plan, and the delay is counted and recorded", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const { faultsFired, trace } = yield* run(
        (sim) =>
          Effect.gen(function* () {
            const { a } = yield* recorded(sim, log)
            assert.strictEqual(sim.now(), 700_000)
            yield* a.crash
            yield* Effect.forkChild(a.restart)
            yield* Effect.sleep("500 millis")
            assert.strictEqual(a.state, "starting")
            yield* a.running
            // Healed nodes start at once.
            yield* a.crash
            yield* sim.converges(() => a.state === "running")
          }),
        { faults: { startDelay: "700 millis" } },
        { trace: true },
      )
      assert.deepStrictEqual(log, ["layer 0", "start a 700", "layer 700", "start a 1400", "layer 1400", "start a 1400"])
      assert.strictEqual(faultsFired["startDelay"], 2)
      const texts = (trace?.events ?? []).flatMap((event) =>
        event._tag === "Fault" ? [`${event.at / 1_000} ${event.state} ${event.nodes.join()}: ${event.text}`] : [],
      )
      assert.deepStrictEqual(texts.slice(0, 2), [
        "0 began a: the application of a starts 700.0 ms after its layer",
        "700 over a: the application of a starts 700.0 ms after its layer",
      ])
    })
  })

  it.live("runs in the node: its fibers continue, a stop ends them, and a failure ends the run", () =>
    Effect.gen(function* () {
      let beats = 0
      yield* run((sim) =>
        Effect.gen(function* () {
          const beat = Effect.forever(
            Effect.andThen(
              Effect.sleep("1 second"),
              Effect.sync(() => beats++),
            ),
          )
          const { a } = yield* sim.nodes(["a"], () => counter, { start: () => Effect.forkScoped(beat) })
          yield* Effect.sleep("3500 millis")
          assert.strictEqual(beats, 3)
          yield* a.stop
          yield* Effect.sleep("5 seconds")
          assert.strictEqual(beats, 3)
        }),
      )
      const error = yield* failure("NodeDied", (sim) =>
        sim.nodes(["a"], () => counter, { start: () => Effect.fail("no disk") }),
      )
      assert.include(error.message, "the application of a failed to start at")
      assert.include(error.message, "no disk")
    }),
  )

  it.live("is delayed with some seeds of a swarm, and a replay has the same delay", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const scenario = Simulation.scenario(
        "slow starts",
        { faults: { swarm: { startDelay: { uniform: ["1 millis", "1 seconds"] } } } },
        (sim) =>
          Effect.gen(function* () {
            yield* sim.nodes(["a", "b"], () => counter, { start: () => Effect.void })
            starts.push(sim.now())
          }),
      )
      const reports = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (seed) => Simulation.run(scenario, { seed }))
      const delayed = starts.filter((at) => at > 0).length
      assert.isTrue(delayed > 0 && delayed < 8, `${delayed} of 8 seeds`)
      for (const { explore, replay, seed, traceHash } of reports) {
        const again = yield* Simulation.run(scenario, { seed, explore, replay })
        assert.strictEqual(again.traceHash, traceHash)
      }
    }),
  )
})

/**
 * Makes a scenario whose nodes greet each peer on a lane at its join. The peers read the lane once they have started.
 */
const greeters = (faults: FaultPlan.Input) =>
  Simulation.scenario("a greeting reaches everybody who joins", { faults }, (sim) =>
    Effect.gen(function* () {
      const refused: Array<string> = []
      const layer = (name: string) => Cluster.layer({ cluster: "greeters", name, seeds: ["a", "b"] })
      const start = Effect.gen(function* () {
        const cluster = yield* Cluster.Cluster
        const greetings = yield* Effect.orDie(cluster.lane("greetings"))
        yield* Effect.forkScoped(Stream.runDrain(greetings.read()))
        yield* Stream.runForEach(cluster.events, (event) =>
          event._tag === "Joined"
            ? greetings
                .send(event.peer, "welcome")
                .pipe(Effect.catch(({ message }) => Effect.sync(() => void refused.push(message))))
            : Effect.void,
        ).pipe(Effect.forkScoped)
      })
      const nodes = yield* sim.nodes(["a", "b"], layer, { start: () => start })
      yield* sim.until(
        "a and b list each other",
        () => Object.values(nodes).every((node) => node.service(Cluster.Cluster)?.viewUnsafe().peers.size === 1),
        { within: "10 seconds" },
      )
      yield* Effect.sleep("2 seconds")
      assert.deepStrictEqual(refused, [])
    }),
  )

describe("a swarm with slow starts", () => {
  it.live("finds a greeting that arrives before the application reads", () =>
    Effect.gen(function* () {
      const network = { delay: { uniform: ["1 millis", "5 millis"] } } as const
      yield* Simulation.run(greeters({ network }), { seed: 1 })
      const slow = greeters({ network, startDelay: { uniform: ["1 millis", "1 seconds"] } })
      const { failures } = yield* Swarm.run(
        slow,
        Array.from({ length: 20 }, (_, i) => i + 1),
        { stopAfter: 1 },
      )
      const [found] = failures
      assert.strictEqual(found?.artifact.failure._tag, "ScenarioFailed")
      assert.match(found?.artifact.sentences?.join() ?? "", /the application starts [^,]* after its layer/)
    }),
  )
})
