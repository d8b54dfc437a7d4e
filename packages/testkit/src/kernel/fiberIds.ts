/**
 * Ids of fibers inside a simulation. Effect counts fibers in a variable of its module, and a program can send the ids:
 * in the cause of an interruption that it encodes, in logs and in spans. The constructor of a fiber assigns the id, so a
 * setter of the prototype can replace it.
 *
 * The setter is installed once, when this module is loaded, and outside of a simulation it keeps the id. A setter for
 * each run would change the prototype, so V8 would discard the optimized code of Effect's loop at each run.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"

interface NewFiber {
  readonly context: Context.Context<never>
}

/** Returns the id of a fiber that begins in this context. */
export type FiberId = (context: Context.Context<never>) => number

let replacement: FiberId | undefined
let next = 0

// oxlint-disable-next-line no-extraneous-class -- only a base class can replace the object that a field is defined on
class Same {
  constructor(fiber: object) {
    return fiber
  }
}

/**
 * Its constructor returns the fiber that it is given, with the own property `id`: a field of a class is defined, and not
 * assigned. `Object.defineProperty` takes six times as long.
 */
class Identified extends Same {
  readonly id: number = next
}

/** Prototype of all fibers. */
const fibers: object = Object.getPrototypeOf(Effect.runFork(Effect.void))

/** Setter of another copy of this module. */
const other = Object.getOwnPropertyDescriptor(fibers, "id")?.set

Object.defineProperty(fibers, "id", {
  configurable: true,
  set(this: NewFiber, id: number): void {
    if (replacement === undefined && other !== undefined) other.call(this, id)
    else {
      next = replacement === undefined ? id : replacement(this.context)
      void new Identified(this)
    }
  },
})

/** Runs the function while all new fibers get their ids from `fiberId`. */
export const withFiberIds = <A>(fiberId: FiberId, run: () => A): A => {
  const before = replacement
  replacement = fiberId
  try {
    return run()
  } finally {
    replacement = before
  }
}
