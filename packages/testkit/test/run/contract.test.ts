/** The network as it is in a simulation: run by the kernel, in virtual time that passes by itself. */
import * as Transport from "@coterie/core/Transport"
import * as TransportContract from "@coterie/testkit/TransportContract"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as LifeContext from "../../src/kernel/context.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as Globals from "../../src/kernel/Globals.ts"
import { type Explore, Kernel, type Life } from "../../src/kernel/Kernel.ts"
import * as Engine from "../../src/network/Engine.ts"
import { ms } from "../network/world.ts"

const seed = 1

interface Simulated {
  readonly kernel: Kernel
  readonly draws: Draws.Draws
  readonly life: Life
}

const suite = (name: string, explore: Explore, conditions: FaultPlan.Network): void => {
  let simulated: Simulated | undefined

  /** Runs the test as the only program of a simulated machine. */
  const run = (test: Effect.Effect<void, unknown>): Effect.Effect<void, unknown> =>
    Effect.callback((resume) => {
      const draws = Draws.seeded(seed)
      let result: Exit.Exit<void, unknown> = Exit.die("the test did not end")
      const kernel = new Kernel({
        draws,
        explore,
        timeLimit: Number.POSITIVE_INFINITY,
        stepsPerInstant: 1_000_000,
        afterStep: () => undefined,
        threw: (_, cause) => {
          result = Exit.die(cause)
          kernel.halt()
        },
        pump: Globals.pump,
      })
      const life = kernel.life(kernel.machine("a"), 1)
      simulated = { kernel, draws, life }
      Globals.hop(() => {
        kernel.begin(life, () => {
          Effect.runForkWith(LifeContext.make(kernel, life, { seed, log: () => undefined }))(test).addObserver(
            (exit) => {
              result = exit
              kernel.halt()
            },
          )
        })
        const stop = kernel.run()
        resume(
          stop === undefined
            ? result
            : Effect.die(`${stop._tag}: ${Exit.isFailure(result) ? Cause.pretty(result.cause) : ""}`),
        )
      })
    })

  TransportContract.suite({
    name,
    live: true,
    run,
    pause: Effect.sleep("10 millis"),
    world: Effect.gen(function* () {
      if (simulated === undefined) return yield* Effect.die("there is no simulation")
      const { draws, kernel, life } = simulated
      const engine = Engine.make(
        {
          timeline: { now: () => kernel.now, schedule: (at, task) => kernel.agenda.add(at, task) },
          draws,
          process: () => ({ enqueue: (task) => kernel.enqueue(life, task) }),
        },
        // A slow network needs longer for what was written last.
        { conditions, sendBuffer: 4 * 1024 * 1024, linger: "10 minutes", userTimeout: "10 minutes" },
      )
      yield* Effect.addFinalizer(() => Effect.sync(engine.close))
      return {
        transport: (port: number) => engine.transport("a", port),
        stranger: Effect.gen(function* () {
          const node = Context.get(yield* Layer.build(engine.transport("stranger")), Transport.Transport)
          const { address } = yield* Effect.orDie(node.listen)
          return { address, reset: Effect.sync(() => engine.crash("stranger")) }
        }),
        open: Effect.sync(() => {
          const { connections, listeners } = engine.inspect()
          return connections.length + listeners.length
        }),
      }
    }),
  })
}

suite("The simulated network", "fifo", { delay: ms })
suite("The simulated network under all conditions, in any order", "preempt", {
  delay: { tail: { chance: 0.05, is: 500 * ms, otherwise: { exponential: { min: ms, mean: 5 * ms } } } },
  distance: { uniform: [0, 20 * ms] },
  loss: { uniform: [0.01, 0.1] },
  bandwidth: { logUniform: [2_000_000, 100_000_000] },
  queue: { uniform: [500_000, 2_000_000] },
  split: 0.3,
  sendBuffer: { logUniform: [1_000_000, 4_000_000] },
})
