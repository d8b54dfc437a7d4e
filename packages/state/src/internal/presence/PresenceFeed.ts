/**
 * Runs the table of a presence: its input are the steps of the map, its output are the changes for subscribers.
 *
 * A step with many entries is folded in slices, so that the process can do other work between them. Its changes are
 * published together after the last slice. A read in between does all slices that are left, so nobody sees a part of a
 * step.
 */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { DeadlineTimer } from "../DeadlineTimer.ts"
import type { MapObserver, Reach } from "../MapObserver.ts"
import type { Change as MapChange } from "../Service.ts"
import { finish, type Fold, type PresenceTable, sliceSize } from "./PresenceTable.ts"
import type { Change, Presence, Present } from "./Service.ts"

export interface Options<A> {
  readonly table: PresenceTable<A>
  readonly clock: Clock
  /** Maximum number of changes that wait for one subscriber. */
  readonly capacity: number
}

export class PresenceFeed<A> implements MapObserver<string, A> {
  private readonly feed: ChangeFeed.ChangeFeed<ReadonlyMap<string, Present<A>>, Change<A>>
  private readonly table: PresenceTable<A>
  private readonly clock: Clock
  private readonly timer: DeadlineTimer
  /** Steps that are not folded yet. The first one may be folded in part. */
  private readonly folds: Array<Fold<A>> = []
  private readonly hasFolds = Latch.makeUnsafe(false)

  constructor({ capacity, clock, table }: Options<A>) {
    this.table = table
    this.clock = clock
    this.feed = ChangeFeed.makeUnsafe({ state: () => this.settled().list(), capacity })
    const onDue = Effect.andThen(
      Effect.sync(() => this.publish(table.tick(this.now()))),
      Effect.yieldNow,
    )
    const dueAt = () => (this.folds.length > 0 ? Infinity : table.dueAt())
    this.timer = new DeadlineTimer({ clock, dueAt, onDue })
  }

  get changes(): Presence<A>["changes"] {
    return this.feed.changes
  }

  /** Folds steps with many entries, and lets keys leave when their grace is over. */
  get run(): Effect.Effect<unknown> {
    return Effect.all([this.timer.run, this.runFolds], { concurrency: 2, discard: true })
  }

  /** Returns the table after all steps of the map so far. */
  settled(): PresenceTable<A> {
    for (const fold of this.folds.splice(0)) this.publish(finish(fold))
    return this.table
  }

  readonly onStep = (changes: ReadonlyArray<MapChange<string, A>>, reach: Reach): void => {
    this.folds.push(this.table.fold(changes, reach, this.now()))
    if (this.folds.length > 1 || changes.length > sliceSize) return void this.hasFolds.openUnsafe()
    this.settled()
    this.timer.update()
  }

  readonly onClosed = (): void => {
    this.settled()
    this.feed.endUnsafe()
  }

  private readonly runFolds: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      const [fold] = this.folds
      if (fold === undefined) {
        this.hasFolds.closeUnsafe()
        this.timer.update()
        return this.hasFolds.await
      }
      // Small steps that wait behind a large one share a turn. Otherwise they could arrive faster than one in each turn.
      let left = sliceSize
      for (let next: Fold<A> | undefined = fold; next !== undefined && left > 0; next = this.folds[0]) {
        const slice = next.next()
        if (slice.done !== true) break
        this.folds.shift()
        this.publish(slice.value)
        left -= Math.max(1, slice.value.length)
      }
      return Effect.yieldNow
    }),
  )

  private now(): number {
    return MonotonicTime.millisUnsafe(this.clock)
  }

  private publish(changes: ReadonlyArray<Change<A>>): void {
    for (const change of changes) this.feed.publishUnsafe(change)
  }
}
