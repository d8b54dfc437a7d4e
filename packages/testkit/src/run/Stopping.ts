/** Checks that what a stopped process held is free again: fibers, timers, listeners, connections. */
import * as Micros from "../internal/Micros.ts"
import type { Kernel, Life } from "../kernel/Kernel.ts"
import type * as Engine from "../network/Engine.ts"
import * as SimulationError from "../SimulationError.ts"
import type * as Nodes from "./Nodes.ts"

/** How long a host may take to free what a stopped process had: as long as the network tries to deliver what was written. */
export const graceMicros = Micros.fromDuration("60 seconds")

export interface Stopping {
  /** A life was stopped in good order. */
  readonly watch: (node: Nodes.NodeState<never>, life: Life) => void
  /** Whether all is free. */
  readonly settled: () => boolean
}

const of = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

export const make = (options: {
  readonly kernel: Kernel
  readonly engine: Engine.Engine
  readonly enabled: boolean
  readonly fail: (failure: SimulationError.Failure) => void
}): Stopping => {
  const { engine, kernel } = options
  const watched = new Map<Life, Nodes.NodeState<never>>()

  const left = (node: Nodes.NodeState<never>, life: Life): ReadonlyArray<string> => [
    ...(life.fibers > 0 ? [of(life.fibers, "fiber")] : []),
    ...(life.timers > 0 ? [of(life.timers, "timer")] : []),
    // A later life has connections of its own.
    ...(node.life === life && engine.open(node.name) > 0
      ? [of(engine.open(node.name), "connection or listener", "connections or listeners")]
      : []),
  ]

  const free = (): void => {
    for (const [life, node] of watched) if (left(node, life).length === 0) watched.delete(life)
  }

  return {
    watch: (node, life) => {
      // Its process is gone, with whatever it has left.
      if (!options.enabled) return kernel.kill(life)
      watched.set(life, node)
      kernel.agenda.add(kernel.now + graceMicros, () => {
        free()
        if (!watched.delete(life)) return
        options.fail(
          new SimulationError.InvariantViolated({
            at: kernel.now,
            invariant: "a stopped node leaves nothing behind",
            node: node.name,
            message:
              `${node.name} was stopped ${Micros.show(graceMicros)} ago and still has ${left(node, life).join(", ")}: ` +
              "fork in the scope of the layer (Effect.forkScoped), and acquire with a release. `leaks: false` turns this check off.",
          }),
        )
      })
    },
    settled: () => {
      free()
      return watched.size === 0
    },
  }
}
