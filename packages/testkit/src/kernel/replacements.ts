/** Replacements of the functions of the platform for a simulated program. */
import type { FiberId } from "./fiberIds.ts"
import * as Stacks from "./stacks.ts"
import { type RunningTimer, TimerHandle } from "./TimerHandle.ts"

/** Time, random numbers and timers of the simulation. */
export interface Source {
  /** Returns the wall clock of the caller, in milliseconds. */
  readonly wallMillis: () => number
  /** Returns the time since the start of the caller, in nanoseconds. */
  readonly monotonicNanos: () => bigint
  /** Returns a number in [0, 1) for the caller. */
  readonly random: () => number
  /** Runs a callback after a number of milliseconds, as part of the caller. */
  readonly after: (millis: number, run: () => void) => RunningTimer
  /** Returns the id of a fiber that begins in this context. */
  readonly fiberId: FiberId
  /** Called when a callback threw an uncaught exception, which would end a real process. */
  readonly threw: (cause: unknown) => void
  /** Called when the program uses a function of the platform. */
  readonly used: (what: string) => void
}

/** Property with its value inside the simulation. */
export interface Replacement {
  readonly target: object
  readonly key: string
  readonly value: unknown
}

type Callback = (...args: ReadonlyArray<unknown>) => void

/** Maximum delay of a timer, in milliseconds. A timer with a longer delay fires at once, as on the platform. */
const maxDelay = 2 ** 31 - 1

/** Key under which Node keeps the promise version of a function with callbacks. */
const promisified = Symbol.for("nodejs.util.promisify.custom")

/** Makes all replacements. Must be called before any of them is installed. */
export const replacements = (source: Source): ReadonlyArray<Replacement> => [
  ...ofDate(source),
  ...ofPerformance(source),
  ...ofChance(source),
  ...ofTimers(source),
  ...ofImmediates(source),
  ...ofMicrotasks(source),
  ...ofHrtime(source),
]

const ofDate = (source: Source): ReadonlyArray<Replacement> => {
  const RealDate = globalThis.Date
  const wall = (): number => {
    source.used("Date")
    return source.wallMillis()
  }
  // A function and not a class, because `Date()` may be called without `new`.
  function VirtualDate(this: unknown, ...args: Array<unknown>): unknown {
    if (new.target === undefined) return new RealDate(wall()).toString()
    const values = args.length === 0 ? [wall()] : args
    return Reflect.construct(RealDate, values, new.target === VirtualDate ? RealDate : new.target)
  }
  Object.setPrototypeOf(VirtualDate, RealDate)
  Object.defineProperty(VirtualDate, "prototype", { value: RealDate.prototype })
  Object.defineProperty(VirtualDate, "now", { value: wall })
  return [{ target: globalThis, key: "Date", value: VirtualDate }]
}

const ofPerformance = (source: Source): ReadonlyArray<Replacement> => [
  {
    target: globalThis.performance,
    key: "now",
    value: () => (source.used("performance.now"), Number(source.monotonicNanos()) / 1e6),
  },
  {
    target: globalThis.performance,
    key: "timeOrigin",
    value: source.wallMillis() - Number(source.monotonicNanos()) / 1e6,
  },
]

const uuid = (random: () => number): string => {
  const digits = Array.from({ length: 32 }, (_, i) => {
    const digit = Math.floor(random() * 16)
    return (i === 12 ? 4 : i === 16 ? 8 | (digit & 3) : digit).toString(16)
  }).join("")
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    "-",
  )
}

const ofChance = (source: Source): ReadonlyArray<Replacement> => {
  const random = (what: string) => (): number => {
    source.used(what)
    return source.random()
  }
  const fill = <T extends ArrayBufferView>(view: T): T => {
    source.used("crypto.getRandomValues")
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(source.random() * 256)
    return view
  }
  const mathRandom = (): number => {
    const caller = Stacks.callerOf(mathRandom)
    if (caller === "hash") return 0
    // The tracer of Effect draws several numbers for each span, and finding the site of a use takes long.
    if (caller === "program") source.used("Math.random")
    return source.random()
  }
  return [
    { target: Math, key: "random", value: mathRandom },
    { target: globalThis.crypto, key: "getRandomValues", value: fill },
    { target: globalThis.crypto, key: "randomUUID", value: () => uuid(random("crypto.randomUUID")) },
  ]
}

/** Makes `setTimeout`, `setInterval` or a similar function. */
const timer =
  (source: Source, what: string, repeats: boolean) =>
  (callback: Callback, millis: unknown = 0, ...args: ReadonlyArray<unknown>): TimerHandle => {
    source.used(what)
    const wanted = Number(millis)
    const delay = wanted >= 1 && wanted <= maxDelay ? Math.trunc(wanted) : 1
    return new TimerHandle((self) =>
      source.after(delay, () => {
        if (repeats) self.refresh()
        callback(...args)
      }),
    )
  }

/** Makes `clearTimeout` or a similar function. Timers from before the simulation are real. */
const clear =
  (real: (handle: never) => void) =>
  (handle: unknown): void => {
    if (handle instanceof TimerHandle) handle.cancel()
    else real(handle as never)
  }

const ofTimers = (source: Source): ReadonlyArray<Replacement> => {
  const timeout = timer(source, "setTimeout", false)
  Object.defineProperty(timeout, promisified, {
    value: (millis: unknown, value: unknown) => new Promise((resolve) => timeout(resolve, millis, value)),
  })
  const abortAfter = (millis: number): AbortSignal => {
    const controller = new AbortController()
    const reason = new DOMException("The operation was aborted due to timeout", "TimeoutError")
    timer(source, "AbortSignal.timeout", false)(() => controller.abort(reason), millis).unref()
    return controller.signal
  }
  return [
    { target: globalThis, key: "setTimeout", value: timeout },
    { target: globalThis, key: "setInterval", value: timer(source, "setInterval", true) },
    { target: globalThis, key: "clearTimeout", value: clear(globalThis.clearTimeout) },
    { target: globalThis, key: "clearInterval", value: clear(globalThis.clearInterval) },
    { target: AbortSignal, key: "timeout", value: abortAfter },
  ]
}

const ofImmediates = (source: Source): ReadonlyArray<Replacement> => {
  const { clearImmediate } = globalThis as { readonly clearImmediate?: (handle: never) => void }
  if (clearImmediate === undefined) return []
  const immediate = (callback: Callback, ...args: ReadonlyArray<unknown>): TimerHandle => {
    source.used("setImmediate")
    return new TimerHandle(() => source.after(0, () => callback(...args)))
  }
  Object.defineProperty(immediate, promisified, {
    value: (value: unknown) => new Promise((resolve) => immediate(resolve, value)),
  })
  return [
    { target: globalThis, key: "setImmediate", value: immediate },
    { target: globalThis, key: "clearImmediate", value: clear(clearImmediate) },
  ]
}

interface NodeProcess {
  readonly hrtime?: unknown
  readonly nextTick?: (run: () => void) => void
}

const nodeProcess = (): NodeProcess | undefined => (globalThis as { readonly process?: NodeProcess }).process

const ofMicrotasks = (source: Source): ReadonlyArray<Replacement> => {
  const caught =
    (schedule: (run: () => void) => void) =>
    (callback: Callback, ...args: ReadonlyArray<unknown>): void =>
      schedule(() => {
        try {
          callback(...args)
        } catch (cause) {
          source.threw(cause)
        }
      })
  const process = nodeProcess()
  return [
    { target: globalThis, key: "queueMicrotask", value: caught(globalThis.queueMicrotask) },
    ...(process?.nextTick === undefined ? [] : [{ target: process, key: "nextTick", value: caught(process.nextTick) }]),
  ]
}

const ofHrtime = (source: Source): ReadonlyArray<Replacement> => {
  const process = nodeProcess()
  if (process?.hrtime === undefined) return []
  const hrtime = (before?: readonly [number, number]): [number, number] => {
    source.used("process.hrtime")
    const nanos = source.monotonicNanos()
    const now: [number, number] = [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)]
    if (before === undefined) return now
    const [seconds, rest] = [now[0] - before[0], now[1] - before[1]]
    return rest < 0 ? [seconds - 1, rest + 1_000_000_000] : [seconds, rest]
  }
  Object.defineProperty(hrtime, "bigint", {
    value: () => {
      source.used("process.hrtime.bigint")
      return source.monotonicNanos()
    },
  })
  return [{ target: process, key: "hrtime", value: hrtime }]
}
