/** Network as in a simulation: the kernel runs it in virtual time, which passes by itself. */
import * as TransportContract from "@coterie/testkit/TransportContract"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as LifeContext from "../../src/kernel/LifeContext.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as EventLoop from "../../src/kernel/eventLoop.ts"
import { type Explore, Kernel } from "../../src/kernel/Kernel.ts"
import { Life } from "../../src/kernel/Life.ts"
import { allConditions, contractHarness } from "../network/contractHarness.ts"
import { ms } from "../network/TestNetwork.ts"

const seed = 1

interface Simulated {
  readonly kernel: Kernel
  readonly draws: Draws.Draws
  readonly life: Life
}

const suite = (name: string, explore: Explore, conditions: FaultPlan.Network): void => {
  let simulated: Simulated | undefined

  /** Runs a test as the only program of a simulated machine. */
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
        runMicrotasks: EventLoop.runMicrotasks,
      })
      const life = new Life(kernel.machine("a"), 1)
      simulated = { kernel, draws, life }
      EventLoop.inNextTurn(() => {
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
    harness: Effect.suspend(() => {
      if (simulated === undefined) return Effect.die("there is no simulation")
      const { draws, kernel, life } = simulated
      return contractHarness(
        {
          timeline: { now: () => kernel.now, schedule: (at, task) => kernel.events.schedule(at, task) },
          draws,
          process: () => ({ enqueue: (task) => kernel.enqueue(life, task) }),
        },
        conditions,
      )
    }),
  })
}

suite("The simulated network", "fifo", { delay: ms })
suite("The simulated network under all conditions, in any order", "preempt", allConditions)
