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
  readonly after: (millis: number, run: () => void) => { readonly cancel: () => void }
  /** Something of the machine was used. */
  readonly used: (what: string) => void
}

/** What the kernel itself uses of the machine. Taken when this module is loaded, so before anything is replaced. */
const { setImmediate: realImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => unknown }
const realTimeout = globalThis.setTimeout

/** Goes on when the promise callbacks that are due have run, in a turn of its own. */
export const hop: (run: () => void) => void = realImmediate ?? ((run) => realTimeout(run, 0))

/** A handle of a timer that behaves as those of Node. */
class Timer {
  cancel: () => void
  constructor(cancel: () => void) {
    this.cancel = cancel
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
  refresh(): this {
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

  const timer = (what: string, repeats: boolean) => {
    return (
      callback: (...args: ReadonlyArray<unknown>) => void,
      millis: unknown = 0,
      ...args: ReadonlyArray<unknown>
    ) => {
      by.used(what)
      const delay = Math.max(1, Number(millis) || 0)
      const handle = new Timer(() => undefined)
      const arm = (): void => {
        const { cancel } = by.after(delay, () => {
          if (repeats) arm()
          callback(...args)
        })
        handle.cancel = cancel
      }
      arm()
      return handle
    }
  }
  const clear = (handle: unknown): void => {
    if (handle instanceof Timer) handle.cancel()
  }
  const immediate = (callback: (...args: ReadonlyArray<unknown>) => void, ...args: ReadonlyArray<unknown>) => {
    by.used("setImmediate")
    return new Timer(by.after(0, () => callback(...args)).cancel)
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
    { target: Math, key: "random", value: random("Math.random") },
    { target: globalThis.crypto, key: "getRandomValues", value: fill },
    { target: globalThis.crypto, key: "randomUUID", value: () => uuid(random("crypto.randomUUID")) },
    { target: globalThis, key: "setTimeout", value: timer("setTimeout", false) },
    { target: globalThis, key: "setInterval", value: timer("setInterval", true) },
    { target: globalThis, key: "clearTimeout", value: clear },
    { target: globalThis, key: "clearInterval", value: clear },
  ]
  if ("setImmediate" in globalThis) {
    found.push(
      { target: globalThis, key: "setImmediate", value: immediate },
      { target: globalThis, key: "clearImmediate", value: clear },
    )
  }
  const { process } = globalThis as { readonly process?: { readonly hrtime?: unknown } }
  if (process?.hrtime !== undefined) found.push({ target: process, key: "hrtime", value: hrtime })
  return found
}

/** Runs the function with everything replaced, and puts all back, whatever happens. */
export const within = <A>(by: Replacement, run: () => A): A => {
  const replaced = patches(by).map(({ key, target, value }) => {
    const before = Object.getOwnPropertyDescriptor(target, key)
    Object.defineProperty(target, key, {
      value,
      configurable: true,
      writable: true,
      enumerable: before?.enumerable ?? true,
    })
    return { target, key, before }
  })
  try {
    return run()
  } finally {
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

/** A line of a stack that belongs to the testkit or to Effect, which use what is replaced in ways of their own. */
const ours =
  /[/\\](testkit[/\\](src|dist)|node_modules[/\\](\.pnpm[/\\][^/\\]+[/\\]node_modules[/\\])?effect)[/\\]|node:/

/** The place in the program that called what was replaced; `undefined` if it was Effect itself. */
export const callSite = (): string | undefined => {
  const lines = (new Error("for its stack").stack ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
  const caller = lines.find((line) => !/[/\\]kernel[/\\]Globals\.|[/\\]run[/\\]Run\./.test(line))
  return caller === undefined || ours.test(caller) ? undefined : caller
}
