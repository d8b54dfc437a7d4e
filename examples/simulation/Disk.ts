/**
 * Data that outlives a process: a file in production; in a simulation a variable of the scenario, since the
 * layer of a node is made anew, with nothing in its memory, each time that the node starts.
 */
import { Effect } from "effect"

export interface Disk<A> {
  readonly load: Effect.Effect<A>
  /** It is safe when this ends, and not before. */
  readonly save: (content: A) => Effect.Effect<void>
}

/** A disk of a scenario, which may look at it at any time. */
export const memory = <A>(initial: A) => {
  let content = initial
  const disk: Disk<A> = {
    load: Effect.sync(() => content),
    save: (next) =>
      Effect.andThen(
        Effect.sleep("1 millis"), // Time enough to crash, or for somebody else to come in between.
        Effect.sync(() => {
          content = next
        }),
      ),
  }
  return { ...disk, look: () => content }
}
