/** Runs the table of a presence: its input are the steps of the map, its output are the changes for subscribers. */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import { DeadlineTimer } from "../DeadlineTimer.ts"
import type { MapObserver, Reach } from "../MapObserver.ts"
import type { Change as MapChange } from "../Service.ts"
import type { PresenceTable } from "./PresenceTable.ts"
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

  constructor({ capacity, clock, table }: Options<A>) {
    this.table = table
    this.clock = clock
    this.feed = ChangeFeed.makeUnsafe({ state: () => table.list(), capacity })
    const onDue = Effect.sync(() => this.publish(table.tick(this.now())))
    this.timer = new DeadlineTimer({ clock, dueAt: () => table.dueAt(), onDue })
  }

  get changes(): Presence<A>["changes"] {
    return this.feed.changes
  }

  /** Lets keys leave when their grace is over. */
  get run(): Effect.Effect<never> {
    return this.timer.run
  }

  readonly onStep = (changes: ReadonlyArray<MapChange<string, A>>, reach: Reach): void => {
    this.publish(this.table.step(changes, reach, this.now()))
    this.timer.update()
  }

  readonly onClosed = (): void => this.feed.endUnsafe()

  private now(): number {
    return MonotonicTime.millisUnsafe(this.clock)
  }

  private publish(changes: ReadonlyArray<Change<A>>): void {
    for (const change of changes) this.feed.publishUnsafe(change)
  }
}
