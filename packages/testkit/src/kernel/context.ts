/**
 * What a program in the simulation gets of Effect: a scheduler, a clock and chance of its own. A fiber takes them from its
 * context, so each life of each node has others.
 */
import * as Entropy from "@coterie/core/Entropy"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Formatter from "effect/Formatter"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import { type Kernel, type Life, lives } from "./Kernel.ts"
import * as Prng from "./prng.ts"

/** When the simulated world begins, on the wall: the first second of 2026. */
export const epochMillis = Date.UTC(2026, 0, 1)

/** The life that a fiber is part of. */
export const CurrentLife = Context.Reference<Life | undefined>("@coterie/testkit/CurrentLife", {
  defaultValue: () => undefined,
})

/** The life that asks: that of the fiber that runs, or else of the step, or of the promise callback. */
export const asking = (kernel: Kernel): Life | undefined =>
  Fiber.getCurrent()?.getRef(CurrentLife) ?? kernel.current ?? lives.current()

/** The wall clock of a life, in milliseconds. */
export const wallMillis = (kernel: Kernel, life: Life): number =>
  epochMillis + (kernel.elapsed(life.machine) + life.machine.offset) / 1000

/** The time that passed for a life since the world began. */
export const monotonicNanos = (kernel: Kernel, life: Life): bigint =>
  BigInt(Math.round(kernel.elapsed(life.machine) * 1000))

const makeScheduler = (kernel: Kernel, life: Life): Scheduler.Scheduler => {
  // One for all fibers of the life: it has no state.
  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (task, priority) => kernel.enqueue(life, task, priority),
    // The loop gets to everything in its turn.
    flush: () => undefined,
  }
  return {
    executionMode: "async",
    shouldYield: (fiber) => kernel.shouldYield(life, fiber.currentOpCount),
    makeDispatcher: () => dispatcher,
  }
}

const makeClock = (kernel: Kernel, life: Life): Clock.Clock => {
  const millis = () => Math.floor(wallMillis(kernel, life))
  const nanos = () =>
    BigInt(epochMillis) * 1_000_000n + monotonicNanos(kernel, life) + BigInt(life.machine.offset) * 1000n
  const monotonic = () => monotonicNanos(kernel, life)
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) => {
      if (!Duration.isFinite(duration)) return Effect.never
      const micros = Math.max(0, Math.round((Duration.toMillis(duration) * 1000) / life.machine.rate))
      if (micros === 0) return Effect.yieldNow
      return Effect.callback<void>((resume) => {
        life.timers++
        let waits = true
        const over = (): void => {
          if (waits) life.timers--
          waits = false
        }
        const entry = kernel.timer(life, kernel.now + micros, () => {
          over()
          resume(Effect.void)
        })
        return Effect.sync(() => {
          over()
          entry.cancel()
        })
      })
    },
  }
}

/** What a life is seeded with: the run, the node and which of its starts it is. */
const purpose = (life: Life): string => `node ${life.machine.name} ${life.number}`

/** The context in which everything of the life runs. */
export const make = (
  kernel: Kernel,
  life: Life,
  options: {
    readonly seed: number
    readonly log: ((life: Life, text: string) => void) | undefined
    /** A fiber ended with a defect, whoever may know of it. */
    readonly died?: ((cause: Cause.Cause<unknown>) => void) | undefined
  },
): Context.Context<never> => {
  const random = Prng.make(options.seed, purpose(life))
  const entropy = Prng.make(options.seed, `entropy ${purpose(life)}`)
  const { log } = options
  const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
    if (log === undefined) return
    const parts = (Array.isArray(message) ? message : [message]).map((part) =>
      typeof part === "string" ? part : Formatter.format(part),
    )
    const reasons = cause.reasons.length === 0 ? [] : [String(cause)]
    log(life, `${logLevel}: ${[...parts, ...reasons].join(" ")}`)
  })
  return Context.empty().pipe(
    Context.add(CurrentLife, life),
    Context.add(Scheduler.Scheduler, makeScheduler(kernel, life)),
    Context.add(Clock.Clock, makeClock(kernel, life)),
    Context.add(Random.Random, {
      nextDoubleUnsafe: random.next,
      nextIntUnsafe: () => Math.floor(random.next() * (2 * Number.MAX_SAFE_INTEGER)) - Number.MAX_SAFE_INTEGER,
    }),
    Context.add(Entropy.Entropy, { u32: entropy.u32 }),
    Context.add(Logger.CurrentLoggers, new Set([logger])),
    // Metrics are memory of the process, and go with it.
    Context.add(Metric.MetricRegistry, new Map()),
    Context.add(Metric.FiberRuntimeMetrics, {
      recordFiberStart: () => {
        life.fibers++
      },
      recordFiberEnd: (_, exit) => {
        life.fibers--
        if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) options.died?.(exit.cause)
      },
    }),
  )
}
