/**
 * Counter that every node can increment at any time, even without links to other nodes. Each node counts its own
 * increments, and the nodes exchange their counts by gossip. The value is the sum of all counts. Counts only grow, so
 * of two counts of one node the greater is newer. Duplicated, late and lost messages do no harm.
 */
import { Context, Effect, Layer, Random, Schedule, Schema, Semaphore } from "effect"
import type * as Disk from "../Disk.ts"
import * as Wire from "../Wire.ts"

/** Deliberate mistake in this counter, which the simulation finds. Each mistake is one line of code. */
export type Mistake =
  /** A node adds received counts to its own instead of taking the maximum. */
  | "sums"
  /** A restarted node counts from zero and relies on the other nodes to send its old count. */
  | "forgets"
  /** A node runs two increments at the same time. */
  | "races"

export class Counter extends Context.Service<
  Counter,
  {
    /** Adds one. The addition is durable when the effect ends. */
    readonly add: Effect.Effect<void>
    /** Returns the sum of all additions that this node knows. */
    readonly value: () => number
  }
>()("examples/counter/Counter") {}

/** Counts of all nodes. Both sides send the counts that they know. */
const Counts = Schema.Record(Schema.String, Schema.Int)
const gossip = Wire.make({ question: Counts, answer: Counts })

export const layer = (options: {
  readonly name: string
  /** Addresses of the other nodes. */
  readonly peers: ReadonlyArray<string>
  /** Disk for this node's own count. */
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
        Effect.ignore, // The next round chooses a peer again.
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
