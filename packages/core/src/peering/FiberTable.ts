/**
 * Table with at most one fiber per key. Unlike a `FiberMap` it frees the key as soon as the fiber is stopped, so that a
 * new fiber can start under the key before the old fiber has ended.
 */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export class FiberTable<K> {
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly onEnd: (key: K) => void
  private readonly running = new Map<K, Fiber.Fiber<void>>()

  /** `onEnd` is called when a fiber has ended by itself. */
  constructor(fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>, onEnd: (key: K) => void) {
    this.fork = fork
    this.onEnd = onEnd
  }

  /** Returns the keys of the running fibers, as a copy. */
  keys(): ReadonlyArray<K> {
    return [...this.running.keys()]
  }

  /** Runs the effect in a fiber, unless one is running under the key. */
  start(key: K, effect: Effect.Effect<void>): void {
    if (this.running.has(key)) return
    const fiber = this.fork(effect)
    this.running.set(key, fiber)
    fiber.addObserver(() => {
      if (this.running.get(key) !== fiber) return
      this.running.delete(key)
      this.onEnd(key)
    })
  }

  /** Interrupts the fiber under the key, if there is one, and frees the key at once. */
  stop(key: K): void {
    const fiber = this.running.get(key)
    this.running.delete(key)
    fiber?.interruptUnsafe()
  }
}
