/** The events and views of a node, for any number of subscribers. */
import * as Stream from "effect/Stream"
import * as ChangeFeed from "../ChangeFeed.ts"
import type { ClusterEvent, Notice, View, ViewChange } from "../ClusterEvent.ts"

export interface Options {
  /** Returns the view after the last published event. */
  readonly view: () => View
  /** Number of events that may wait for one subscriber. */
  readonly capacity: number
}

const toEvent = (item: ChangeFeed.Item<View, ViewChange | Notice>): ClusterEvent =>
  item._tag === "Snapshot" ? { _tag: "Snapshot", view: item.state } : item

export class EventHub {
  /** The current view, and then every event. */
  readonly events: Stream.Stream<ClusterEvent>
  /** The current view, and then the newest view after each change. Slow readers skip views. */
  readonly views: Stream.Stream<View>
  private readonly feed: ChangeFeed.ChangeFeed<View, ViewChange | Notice>

  constructor({ capacity, view }: Options) {
    this.feed = ChangeFeed.makeUnsafe({ state: view, capacity })
    this.events = Stream.map(this.feed.changes, toEvent)
    this.views = this.feed.states
  }

  /** Publishes an event. The view must already include the event. */
  publish(event: ViewChange | Notice): void {
    this.feed.publishUnsafe(event)
  }

  /** Ends all streams after the events published so far. */
  end(): void {
    this.feed.endUnsafe()
  }

  /** Returns the number of events that wait for the slowest subscriber. */
  readonly waiting = (): number => this.feed.waitingUnsafe()
}
