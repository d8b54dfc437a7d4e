/** Check that a stopped process has freed its fibers, timers, listeners and connections. */
import * as Microseconds from "../internal/Microseconds.ts"
import type { Kernel } from "../kernel/Kernel.ts"
import type { Life } from "../kernel/Life.ts"
import type * as Engine from "../network/Engine.ts"
import * as SimulationError from "../SimulationError.ts"
import type { SimNode } from "./SimNode.ts"

/**
 * Time in which a stopped process must be free of fibers, timers, listeners and connections. Longer than the network
 * tries to deliver bytes.
 */
export const graceMicros = Microseconds.fromDuration("60 seconds")

const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

interface Options {
  readonly kernel: Kernel
  readonly engine: Engine.Engine
  readonly enabled: boolean
  readonly fail: (failure: SimulationError.Failure) => void
}

export class LeakDetector {
  private readonly options: Options
  /** Stopped lives that still hold a fiber, timer, listener or connection. */
  private readonly watched = new Map<Life, SimNode<never>>()

  constructor(options: Options) {
    this.options = options
  }

  /**
   * Watches a life that has run its finalizers. Fails the run if the life still holds something after the grace time.
   */
  watch(node: SimNode<never>, life: Life): void {
    const { enabled, fail, kernel } = this.options
    // Without the check, the end of the process frees everything that it held.
    if (!enabled) return kernel.kill(life)
    this.watched.set(life, node)
    kernel.events.schedule(kernel.now + graceMicros, () => {
      this.forgetFree()
      if (!this.watched.delete(life)) return
      fail(
        new SimulationError.InvariantViolated({
          at: kernel.now,
          invariant: "a stopped node leaves nothing behind",
          node: node.name,
          message:
            `${node.name} was stopped ${Microseconds.show(graceMicros)} ago and still has ${this.leaks(node, life).join(", ")}: ` +
            "fork in the scope of the layer (Effect.forkScoped), and acquire resources with a release. `leaks: false` disables this check.",
        }),
      )
    })
  }

  /** Returns `true` if no watched life holds anything. */
  isSettled(): boolean {
    this.forgetFree()
    return this.watched.size === 0
  }

  private forgetFree(): void {
    for (const [life, node] of this.watched) if (this.leaks(node, life).length === 0) this.watched.delete(life)
  }

  private leaks(node: SimNode<never>, life: Life): ReadonlyArray<string> {
    // A later life has connections of its own.
    const open = node.life === life ? this.options.engine.open(node.name) : 0
    return [
      ...(life.fibers > 0 ? [counted(life.fibers, "fiber")] : []),
      ...(life.timers > 0 ? [counted(life.timers, "timer")] : []),
      ...(open > 0 ? [counted(open, "connection or listener", "connections or listeners")] : []),
    ]
  }
}
