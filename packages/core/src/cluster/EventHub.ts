/**
 * Hands events to any number of subscribers, each with a bounded buffer of its own. Publishing never waits. A subscriber
 * that falls behind loses its buffer and gets `Lagged` and a new snapshot instead: never a silent gap.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { ClusterEvent, Notice, View, ViewChange } from "../ClusterEvent.ts"
import { emptyView } from "../ClusterEvent.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"

/** One run of a stream. */
interface Subscriber {
  /** Opened when something was published. */
  readonly wake: Latch.Latch
  /** Number of events that wait. */
  readonly size: number
  /** Takes note of an event. */
  readonly append: (event: ClusterEvent) => void
}

/** A subscriber that gets every event. */
class EventSubscriber implements Subscriber {
  readonly wake = Latch.makeUnsafe(true)
  private readonly capacity: number
  private buffer: Array<ClusterEvent> = []
  private missed = 0
  private isFresh = true

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.buffer.length
  }

  append(event: ClusterEvent): void {
    if (this.buffer.length < this.capacity && this.missed === 0) this.buffer.push(event)
    else {
      this.missed += this.buffer.length + 1
      this.buffer = []
    }
  }

  /** Takes what waits: the snapshot first, and again after a gap. Returns `undefined` if there is nothing. */
  take(view: View): NonEmptyReadonlyArray<ClusterEvent> | undefined {
    const snapshot: ClusterEvent = { _tag: "Snapshot", view }
    if (this.isFresh) {
      this.isFresh = false
      this.buffer = []
      return [snapshot]
    }
    if (this.missed > 0) {
      const lagged: ClusterEvent = { _tag: "Lagged", missed: this.missed }
      this.missed = 0
      return [lagged, snapshot]
    }
    const [first, ...rest] = this.buffer
    this.buffer = []
    return first === undefined ? undefined : [first, ...rest]
  }
}

/** A subscriber that gets the newest view. */
class ViewSubscriber implements Subscriber {
  readonly wake = Latch.makeUnsafe(true)
  readonly size = 0
  private seen: View | undefined

  append(): void {}

  /** Takes the view, unless it was taken before. */
  take(view: View): NonEmptyReadonlyArray<View> | undefined {
    if (this.seen === view) return undefined
    this.seen = view
    return [view]
  }
}

export class EventHub {
  /** The current view, and then every event. */
  readonly events: Stream.Stream<ClusterEvent>
  /** The current view, and then the newest view whenever it has changed. Slow readers skip views. */
  readonly views: Stream.Stream<View>
  private readonly subscribers = new Set<Subscriber>()
  private current: View = emptyView
  private hasEnded = false

  /** `capacity` is the number of events that may wait for one subscriber. */
  constructor(capacity: number) {
    this.events = Stream.suspend(() => {
      const subscriber = new EventSubscriber(capacity)
      return this.subscribe(subscriber, (view) => subscriber.take(view))
    })
    this.views = Stream.suspend(() => {
      const subscriber = new ViewSubscriber()
      return this.subscribe(subscriber, (view) => subscriber.take(view))
    })
  }

  /** Hands out an event, and the view after it. */
  publish(event: ViewChange | Notice, view: View): void {
    this.current = view
    for (const subscriber of this.subscribers) {
      subscriber.append(event)
      subscriber.wake.openUnsafe()
    }
  }

  /** Ends all streams after what is there. */
  end(): void {
    this.hasEnded = true
    for (const { wake } of this.subscribers) wake.openUnsafe()
  }

  /** Returns the number of events that wait for the slowest subscriber. */
  readonly waiting = (): number => {
    let most = 0
    for (const { size } of this.subscribers) most = Math.max(most, size)
    return most
  }

  /** Keeps a subscriber for as long as the stream runs. `take` returns what there is, or `undefined` to wait. */
  private subscribe<A>(
    subscriber: Subscriber,
    take: (view: View) => NonEmptyReadonlyArray<A> | undefined,
  ): Stream.Stream<A> {
    const pull: Effect.Effect<NonEmptyReadonlyArray<A>, Cause.Done> = Effect.suspend(() => {
      const items = take(this.current)
      if (items !== undefined) return Effect.succeed(items)
      if (this.hasEnded) return Cause.done()
      subscriber.wake.closeUnsafe()
      return Effect.flatMap(awaitLatch(subscriber.wake), () => pull)
    })
    return Stream.unwrap(
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => this.subscribers.add(subscriber)),
          () => Effect.sync(() => this.subscribers.delete(subscriber)),
        ),
        Stream.fromPull(Effect.succeed(pull)),
      ),
    )
  }
}
