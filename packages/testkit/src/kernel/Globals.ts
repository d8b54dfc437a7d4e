/**
 * The time, chance and timers of the machine, replaced by those of the simulation while the loop runs and at no other
 * time, so that programs that do not take them from Effect are simulated as well. In strict mode a use is
 * noted with the line it came from.
 */

/** What the program gets instead. */
export interface Replacement {
  /** The wall clock of whoever asks, in milliseconds. */
  readonly wallMillis: () => number
  /** Time since the start, of whoever asks, in nanoseconds. */
  readonly monotonicNanos: () => bigint
  /** A number in [0, 1) for whoever asks. */
  readonly random: () => number
  /** Runs a callback after so many milliseconds, as part of whoever asks. */
  readonly after: (millis: number, run: () => void) => Armed
  /** A callback that nobody waits for threw. Of the machine it would end the process. */
  readonly threw: (cause: unknown) => void
  /** Something of the machine was used. */
  readonly used: (what: string) => void
}

/** A timer that is under way. */
export interface Armed {
  readonly cancel: () => void
  /** Whether the program counts on it; a timer that is not may be left behind. */
  readonly ref: (counts: boolean) => void
}

/** What the kernel itself uses of the machine. Taken when this module is loaded, so before anything is replaced. */
const { setImmediate: realImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => unknown }
const realTimeout = globalThis.setTimeout

/** Longer ones are none: they fire at once, as those of the machine do. */
const maxDelay = 2 ** 31 - 1

/** How Node tells `util.promisify` what the promise of a function with callbacks is. */
const promisified = Symbol.for("nodejs.util.promisify.custom")

/** Goes on when the promise callbacks that are due have run, in a turn of its own. */
export const hop: (run: () => void) => void = realImmediate ?? ((run) => realTimeout(run, 0))

/** Something that goes along with a call, and with the promise callbacks that come of it. */
export interface Carrier<A> {
  readonly during: (value: A, run: () => void) => void
  readonly current: () => A | undefined
}

interface AsyncHooks {
  readonly AsyncLocalStorage: new <A>() => {
    readonly run: (value: A, run: () => void) => void
    readonly getStore: () => A | undefined
  }
}

/** Where the machine cannot tell whose a promise callback is, it is nobody's. */
export const carrier = <A>(): Carrier<A> => {
  const { process } = globalThis as {
    readonly process?: { readonly getBuiltinModule?: (name: string) => AsyncHooks }
  }
  const hooks = process?.getBuiltinModule?.("node:async_hooks")
  if (hooks === undefined) return { during: (_, run) => run(), current: () => undefined }
  const storage = new hooks.AsyncLocalStorage<A>()
  return { during: (value, run) => storage.run(value, run), current: () => storage.getStore() }
}

/** A handle of a timer that behaves as those of Node. */
class Timer {
  private readonly arm: () => Armed
  private armed: Armed
  private counts = true
  constructor(arm: (self: Timer) => Armed) {
    this.arm = () => arm(this)
    this.armed = arm(this)
  }
  cancel(): void {
    this.armed.cancel()
  }
  ref(): this {
    this.counts = true
    this.armed.ref(true)
    return this
  }
  unref(): this {
    this.counts = false
    this.armed.ref(false)
    return this
  }
  hasRef(): boolean {
    return this.counts
  }
  refresh(): this {
    this.armed.cancel()
    this.armed = this.arm()
    this.armed.ref(this.counts)
    return this
  }
  close(): this {
    this.cancel()
    return this
  }
  [Symbol.dispose](): void {
    this.cancel()
  }
}

interface NodeProcess {
  readonly hrtime?: unknown
  readonly nextTick?: (run: () => void) => void
}

interface Patch {
  readonly target: object
  readonly key: string
  readonly value: unknown
}

const uuid = (random: () => number): string => {
  const digits = Array.from({ length: 32 }, (_, i) => {
    const digit = Math.floor(random() * 16)
    return (i === 12 ? 4 : i === 16 ? 8 | (digit & 3) : digit).toString(16)
  }).join("")
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    "-",
  )
}

const patches = (by: Replacement): ReadonlyArray<Patch> => {
  const RealDate = globalThis.Date

  const wall = (): number => {
    by.used("Date")
    return by.wallMillis()
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

  type Callback = (...args: ReadonlyArray<unknown>) => void
  const timer = (what: string, repeats: boolean) => {
    return (callback: Callback, millis: unknown = 0, ...args: ReadonlyArray<unknown>): Timer => {
      by.used(what)
      const wanted = Number(millis)
      const delay = wanted >= 1 && wanted <= maxDelay ? Math.trunc(wanted) : 1
      return new Timer((self) =>
        by.after(delay, () => {
          if (repeats) self.refresh()
          callback(...args)
        }),
      )
    }
  }
  /** Timers from before the simulation are those of the machine. */
  const clear =
    (real: (handle: never) => void) =>
    (handle: unknown): void => {
      if (handle instanceof Timer) handle.cancel()
      else real(handle as never)
    }
  const immediate = (callback: Callback, ...args: ReadonlyArray<unknown>): Timer => {
    by.used("setImmediate")
    return new Timer(() => by.after(0, () => callback(...args)))
  }
  const timeout = timer("setTimeout", false)
  Object.defineProperty(timeout, promisified, {
    value: (millis: unknown, value: unknown) => new Promise((resolve) => timeout(resolve, millis, value)),
  })
  Object.defineProperty(immediate, promisified, {
    value: (value: unknown) => new Promise((resolve) => immediate(resolve, value)),
  })
  const caught =
    (schedule: (run: () => void) => void) =>
    (callback: Callback, ...args: ReadonlyArray<unknown>): void =>
      schedule(() => {
        try {
          callback(...args)
        } catch (cause) {
          by.threw(cause)
        }
      })
  const abortAfter = (millis: number): AbortSignal => {
    const controller = new AbortController()
    const reason = new DOMException("The operation was aborted due to timeout", "TimeoutError")
    timer("AbortSignal.timeout", false)(() => controller.abort(reason), millis).unref()
    return controller.signal
  }

  const hrtime = (before?: readonly [number, number]): [number, number] => {
    by.used("process.hrtime")
    const nanos = by.monotonicNanos()
    const now: [number, number] = [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)]
    if (before === undefined) return now
    const [seconds, rest] = [now[0] - before[0], now[1] - before[1]]
    return rest < 0 ? [seconds - 1, rest + 1_000_000_000] : [seconds, rest]
  }
  Object.defineProperty(hrtime, "bigint", {
    value: () => {
      by.used("process.hrtime.bigint")
      return by.monotonicNanos()
    },
  })

  const random = (what: string) => (): number => {
    by.used(what)
    return by.random()
  }
  const fill = <T extends ArrayBufferView>(view: T): T => {
    by.used("crypto.getRandomValues")
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(by.random() * 256)
    return view
  }

  const found: Array<Patch> = [
    { target: globalThis, key: "Date", value: VirtualDate },
    {
      target: globalThis.performance,
      key: "now",
      value: () => (by.used("performance.now"), Number(by.monotonicNanos()) / 1e6),
    },
    {
      target: globalThis.performance,
      key: "timeOrigin",
      value: by.wallMillis() - Number(by.monotonicNanos()) / 1e6,
    },
    { target: Math, key: "random", value: () => (isHashing() ? 0 : random("Math.random")()) },
    { target: globalThis.crypto, key: "getRandomValues", value: fill },
    { target: globalThis.crypto, key: "randomUUID", value: () => uuid(random("crypto.randomUUID")) },
    { target: globalThis, key: "setTimeout", value: timeout },
    { target: globalThis, key: "setInterval", value: timer("setInterval", true) },
    { target: globalThis, key: "clearTimeout", value: clear(globalThis.clearTimeout) },
    { target: globalThis, key: "clearInterval", value: clear(globalThis.clearInterval) },
    { target: AbortSignal, key: "timeout", value: abortAfter },
    { target: globalThis, key: "queueMicrotask", value: caught(globalThis.queueMicrotask) },
  ]
  const { clearImmediate } = globalThis as { readonly clearImmediate?: (handle: never) => void }
  if (clearImmediate !== undefined) {
    found.push(
      { target: globalThis, key: "setImmediate", value: immediate },
      { target: globalThis, key: "clearImmediate", value: clear(clearImmediate) },
    )
  }
  const { process } = globalThis as { readonly process?: NodeProcess }
  if (process?.hrtime !== undefined) found.push({ target: process, key: "hrtime", value: hrtime })
  if (process?.nextTick !== undefined) {
    found.push({ target: process, key: "nextTick", value: caught(process.nextTick) })
  }
  return found
}

let replacing = false

/** Whether the time of the machine is replaced just now: whoever asks is inside of a simulation. */
export const inside = (): boolean => replacing

/** Runs the function with everything replaced, and puts all back, whatever happens. */
export const within = <A>(by: Replacement, run: () => A): A => {
  const replaced: Array<{
    readonly target: object
    readonly key: string
    readonly before: PropertyDescriptor | undefined
  }> = []
  try {
    for (const { key, target, value } of patches(by)) {
      const before = Object.getOwnPropertyDescriptor(target, key)
      Object.defineProperty(target, key, {
        value,
        configurable: true,
        writable: true,
        enumerable: before?.enumerable ?? true,
      })
      replaced.push({ target, key, before })
    }
    replacing = true
    return run()
  } finally {
    replacing = false
    for (const { before, key, target } of replaced.reverse()) {
      if (before === undefined) Reflect.deleteProperty(target, key)
      else Object.defineProperty(target, key, before)
    }
  }
}

/**
 * Runs the promise callbacks that are due, from inside of the loop. Node has no public way to do this without
 * returning to its event loop; where this one is missing, the callbacks wait and the run says that it stalled.
 */
export const pump: () => void = (() => {
  const { process } = globalThis as { readonly process?: { readonly _tickCallback?: unknown } }
  const tick = process?._tickCallback
  return typeof tick === "function" ? () => Reflect.apply(tick, process, []) : () => undefined
})()

/** V8 says how much of a stack is kept. */
const errors = Error as { stackTraceLimit?: number | undefined }

/** Runs the function without stacks, which cost more than most errors are worth. */
export const withoutStacks = <A>(run: () => A): A => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = 0
  try {
    return run()
  } finally {
    errors.stackTraceLimit = before
  }
}

/**
 * Whether Effect is hashing a function, or another object without a hash of its own. It keeps that hash for as long as the object
 * lives, which may be longer than a run, and the order of a HashMap follows from it. So it must not depend on
 * the run that happened to be the first: all such objects get the same one, and stay in the order in which they came.
 */
const isHashing = (): boolean => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = 4
  const { stack = "" } = new Error("for its stack")
  errors.stackTraceLimit = before
  return /[/\\]effect[/\\](src|dist)[/\\]Hash\.[jt]s/.test(stack)
}

/** A line of a stack that belongs to the testkit or to Effect, which use what is replaced in ways of their own. */
const ours =
  /[/\\](testkit[/\\](src|dist)|node_modules[/\\](\.pnpm[/\\][^/\\]+[/\\]node_modules[/\\])?effect)[/\\]|node:/

/** The place in the program that called what was replaced; `undefined` if it was Effect itself. */
export const callSite = (): string | undefined => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = 30
  const { stack = "" } = new Error("for its stack")
  errors.stackTraceLimit = before
  const lines = stack
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
  const caller = lines.find((line) => !/[/\\]kernel[/\\]Globals\.|[/\\]run[/\\]Run\./.test(line))
  return caller === undefined || ours.test(caller) ? undefined : caller
}
