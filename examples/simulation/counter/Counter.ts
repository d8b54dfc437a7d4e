/**
 * A counter that every node can add to at any time, whoever it can reach just then. Each node counts what was added at
 * itself, and they tell each other how far each of them has got; the value is the sum. Counts only grow, so of two for
 * the same node the greater one is newer, and it does no harm to hear of one twice, late, or not at all.
 */
import { Context, Effect, Layer, Random, Schedule, Schema, Semaphore } from "effect"
import type * as Disk from "../Disk.ts"
import * as Wire from "../Wire.ts"

/** Mistake of this counter, to see how the simulation finds it. Each is one line of the code. */
export type Mistake =
  /** A node adds the counts that it hears to those that it knows. */
  | "sums"
  /** A node that starts again counts from zero: the others know how far it was, and will tell it. */
  | "forgets"
  /** A node lets two add to it at the same time. */
  | "races"

export class Counter extends Context.Service<
  Counter,
  {
    /** Adds one. When this ends it is counted for good. */
    readonly add: Effect.Effect<void>
    /** Returns the sum of all additions that this node has heard of. */
    readonly value: () => number
  }
>()("examples/counter/Counter") {}

/** Counts of all nodes. Both sides send the counts that they know. */
const Counts = Schema.Record(Schema.String, Schema.Int)
const gossip = Wire.make({ question: Counts, answer: Counts })

export const layer = (options: {
  readonly name: string
  /** The addresses of the others. */
  readonly peers: ReadonlyArray<string>
  /** Keeps the node's own count. */
  readonly disk: Disk.Disk<number>
  readonly mistake?: Mistake | undefined
}) =>
  Layer.effect(Counter)(
    Effect.gen(function* () {
      const { disk, mistake, name } = options
      const counts = new Map([[name, mistake === "forgets" ? 0 : yield* disk.load]])
      const known = (node: string) => counts.get(node) ?? 0

      const hear = (theirs: typeof Counts.Type) =>
        Effect.sync(() => {
          for (const [node, count] of Object.entries(theirs)) {
            counts.set(node, mistake === "sums" ? known(node) + count : Math.max(known(node), count))
          }
          return Object.fromEntries(counts)
        })

      yield* gossip.serve(hear)
      const peers = yield* Effect.forEach(options.peers, gossip.client)
      yield* Random.choice(peers).pipe(
        Effect.flatMap((tell) => tell(Object.fromEntries(counts))),
        Effect.flatMap(hear),
        Effect.ignore, // Another peer, another time.
        Effect.repeat(Schedule.jittered(Schedule.spaced("1 second"))),
        Effect.forkScoped,
      )

      const turn = yield* Semaphore.make(1)
      const count = Effect.gen(function* () {
        const next = known(name) + 1
        yield* disk.save(next)
        counts.set(name, next)
      })
      return {
        add: mistake === "races" ? count : turn.withPermit(count),
        value: () => [...counts.values()].reduce((sum, count) => sum + count, 0),
      }
    }),
  )
