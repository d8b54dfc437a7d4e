/**
 * Effect context of one life of a node, with its own scheduler, clock and random numbers. Fibers take them from their
 * context.
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
import { type Kernel, lives } from "./Kernel.ts"
import type { Life } from "./Life.ts"
import * as Prng from "./Prng.ts"
import { TimerCount } from "./TimerCount.ts"

/** Wall clock at the start of every simulation: the first second of 2026. */
export const epochMillis = Date.UTC(2026, 0, 1)

/** Life to which a fiber belongs. */
export const CurrentLife = Context.Reference<Life | undefined>("@coterie/testkit/CurrentLife", {
  defaultValue: () => undefined,
})

/** Returns the life of the running fiber, or else of the current step, or else of the promise callback. */
export const currentLife = (kernel: Kernel): Life | undefined =>
  Fiber.getCurrent()?.getRef(CurrentLife) ?? kernel.current ?? lives.current()

/** Returns the wall clock of a life, in milliseconds. */
export const wallMillis = (kernel: Kernel, life: Life): number =>
  epochMillis + (life.machine.elapsed(kernel.now) + life.machine.offset) / 1000

/** Returns the time that has passed for a life since the start of the simulation, in nanoseconds. */
export const monotonicNanos = (kernel: Kernel, life: Life): bigint =>
  BigInt(Math.round(life.machine.elapsed(kernel.now) * 1000))

const makeScheduler = (kernel: Kernel, life: Life): Scheduler.Scheduler => {
  // All fibers of the life share one dispatcher, because it has no state.
  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (task, priority) => kernel.enqueue(life, task, priority),
    // Nothing to flush, because the kernel runs every task in a turn of its own.
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
        const count = new TimerCount(life)
        count.set(true)
        const timer = kernel.timer(life, kernel.now + micros, () => {
          count.set(false)
          resume(Effect.void)
        })
        return Effect.sync(() => {
          count.set(false)
          timer.cancel()
        })
      })
    },
  }
}

/** Returns the purpose of a life's random numbers: the node and the number of the life. */
const purpose = (life: Life): string => `node ${life.machine.name} ${life.number}`

/** Makes the context of all fibers of the life. */
export const make = (
  kernel: Kernel,
  life: Life,
  options: {
    readonly seed: number
    readonly log: ((life: Life, text: string) => void) | undefined
    /** Called when a fiber of the life has ended with a defect. */
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
      nextDoubleUnsafe: () => random.next(),
      nextIntUnsafe: () => Math.floor(random.next() * (2 * Number.MAX_SAFE_INTEGER)) - Number.MAX_SAFE_INTEGER,
    }),
    Context.add(Entropy.Entropy, { u32: () => entropy.u32() }),
    Context.add(Logger.CurrentLoggers, new Set([logger])),
    // Metrics are state of the process, so each life has its own.
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
