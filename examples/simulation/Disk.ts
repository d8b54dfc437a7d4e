/**
 * Data that outlives a process. In production it is a file. In a simulation it is a variable of the scenario, because
 * each start of a node builds its layer again with empty memory.
 */
import { Effect } from "effect"

export interface Disk<A> {
  readonly load: Effect.Effect<A>
  /** Stores the content. The content is durable when the effect ends, and not before. */
  readonly save: (content: A) => Effect.Effect<void>
}

/** Makes a disk in memory. The scenario can read it at any time with `look`. */
export const memory = <A>(initial: A) => {
  let content = initial
  const disk: Disk<A> = {
    load: Effect.sync(() => content),
    save: (next) =>
      Effect.andThen(
        Effect.sleep("1 millis"), // In this time the node can crash, or another fiber can run.
        Effect.sync(() => {
          content = next
        }),
      ),
  }
  return { ...disk, look: () => content }
}
