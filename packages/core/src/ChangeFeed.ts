/**
 * A state and its changes for any number of subscribers. Each subscriber gets a snapshot of the state, and then every
 * change in order. Publishing never waits, and each subscriber has its own bounded buffer. A subscriber that falls
 * behind loses its buffer and gets {@link Lagged} and a new {@link Snapshot} instead, so missing changes are always
 * marked.
 *
 * `cluster.events` and `cluster.views` are built on a feed. An application or a package can offer its own state in the
 * same way:
 *
 * ```ts
 * import { ChangeFeed } from "@coterie/core"
 *
 * interface Counted {
 *   readonly _tag: "Counted"
 *   readonly key: string
 * }
 *
 * const counts = new Map<string, number>()
 * const feed = ChangeFeed.makeUnsafe<ReadonlyMap<string, number>, Counted>({
 *   state: () => new Map(counts),
 *   capacity: 1_024,
 * })
 * counts.set("a", 1)
 * feed.publishUnsafe({ _tag: "Counted", key: "a" })
 * ```
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { awaitLatch } from "./internal/yieldingAwait.ts"

/**
 * The state at one moment: the first item of a subscription, and the item after {@link Lagged}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot<out State> {
  readonly _tag: "Snapshot"
  readonly state: State
}

/**
 * Marker for a subscriber that was too slow: `missed` changes are not in its stream. A {@link Snapshot} follows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lagged {
  readonly _tag: "Lagged"
  /** Number of changes that the subscriber did not get. */
  readonly missed: number
}

/**
 * An item of a subscription.
 *
 * @category models
 * @since 0.1.0
 */
export type Item<State, Change> = Snapshot<State> | Change | Lagged

/**
 * Options of a feed.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<out State> {
  /**
   * Returns the state after the last published change. Runs in the fiber of a subscriber when it needs a snapshot. Copy
   * a mutable state here. The function may publish changes that its result includes.
   */
  readonly state: () => State
  /**
   * Maximum number of changes that wait for one subscriber. A larger value uses more memory while a subscriber is slow.
   * With a smaller value, a slow subscriber gets a snapshot sooner.
   */
  readonly capacity: number
}

/**
 * A state and its changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChangeFeed<out State, in out Change> {
  /** A snapshot, and then every change in order. When the feed has ended, the stream ends after the last change. */
  readonly changes: Stream.Stream<Item<State, Change>>
  /**
   * The current state, and then the newest state after each change. A slow subscriber skips intermediate states. A
   * state that is identical to the one before (`===`) is not repeated.
   */
  readonly states: Stream.Stream<State>
  /**
   * Publishes a change to all subscribers and never waits. `options.state` must already return the state that includes
   * the change.
   */
  readonly publishUnsafe: (change: Change) => void
  /** Ends all streams after the changes published so far. A stream that starts later emits a snapshot and ends. */
  readonly endUnsafe: () => void
  /** Returns the number of changes that wait for the slowest subscriber. */
  readonly waitingUnsafe: () => number
}

/**
 * Makes a feed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeUnsafe = <State, Change>(options: Options<State>): ChangeFeed<State, Change> => new Feed(options)

/**
 * Makes a feed that ends when the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <State, Change>(options: Options<State>) =>
  Effect.acquireRelease(
    Effect.sync(() => makeUnsafe<State, Change>(options)),
    (feed) => Effect.sync(feed.endUnsafe),
  )

/** One run of a stream. */
interface Subscriber<Change> {
  /** Opens when a change is published. */
  readonly wake: Latch.Latch
  /** Number of changes that wait. */
  readonly size: number
  /** Records a change. */
  readonly append: (change: Change) => void
}

/** A subscriber that gets every change. */
class ChangeSubscriber<State, Change> implements Subscriber<Change> {
  readonly wake = Latch.makeUnsafe(true)
  private readonly options: Options<State>
  private buffer: Array<Change> = []
  private missed = 0
  private isFresh = true

  constructor(options: Options<State>) {
    this.options = options
  }

  get size(): number {
    return this.buffer.length
  }

  append(change: Change): void {
    // The first snapshot includes the changes that were published before it.
    if (this.isFresh) return
    if (this.buffer.length < this.options.capacity && this.missed === 0) this.buffer.push(change)
    else {
      this.missed += this.buffer.length + 1
      this.buffer = []
    }
  }

  /**
   * Takes the waiting items. They begin with a snapshot in a new subscription and after a gap. Returns `undefined` if
   * nothing waits.
   */
  take(): NonEmptyReadonlyArray<Item<State, Change>> | undefined {
    // The state may publish changes that wait, and the snapshot includes them. So the buffer is closed until it is here.
    if (this.isFresh) {
      const snapshot = this.snapshot()
      this.isFresh = false
      return [snapshot]
    }
    if (this.missed > 0) {
      const snapshot = this.snapshot()
      const lagged: Lagged = { _tag: "Lagged", missed: this.missed }
      this.missed = 0
      return [lagged, snapshot]
    }
    const [first, ...rest] = this.buffer
    if (this.buffer.length === 0 || first === undefined) return undefined
    this.buffer = []
    return [first, ...rest]
  }

  private snapshot(): Snapshot<State> {
    return { _tag: "Snapshot", state: this.options.state() }
  }
}

/** A subscriber that gets the newest state. */
class StateSubscriber<State, Change> implements Subscriber<Change> {
  readonly wake = Latch.makeUnsafe(true)
  readonly size = 0
  private readonly options: Options<State>
  private isStale = true
  private seen: { readonly state: State } | undefined

  constructor(options: Options<State>) {
    this.options = options
  }

  append(): void {
    this.isStale = true
  }

  /** Takes the state, unless the subscriber has already taken it. */
  take(): NonEmptyReadonlyArray<State> | undefined {
    if (!this.isStale) return undefined
    // The state may publish changes that it includes.
    const state = this.options.state()
    this.isStale = false
    if (this.seen !== undefined && this.seen.state === state) return undefined
    this.seen = { state }
    return [state]
  }
}

class Feed<State, Change> implements ChangeFeed<State, Change> {
  readonly changes: Stream.Stream<Item<State, Change>>
  readonly states: Stream.Stream<State>
  private readonly subscribers = new Set<Subscriber<Change>>()
  private hasEnded = false

  constructor(options: Options<State>) {
    this.changes = Stream.suspend(() => {
      const subscriber = new ChangeSubscriber<State, Change>(options)
      return this.subscribe(subscriber, () => subscriber.take())
    })
    this.states = Stream.suspend(() => {
      const subscriber = new StateSubscriber<State, Change>(options)
      return this.subscribe(subscriber, () => subscriber.take())
    })
  }

  readonly publishUnsafe = (change: Change): void => {
    for (const subscriber of this.subscribers) {
      subscriber.append(change)
      subscriber.wake.openUnsafe()
    }
  }

  readonly endUnsafe = (): void => {
    this.hasEnded = true
    for (const { wake } of this.subscribers) wake.openUnsafe()
  }

  readonly waitingUnsafe = (): number => {
    let most = 0
    for (const { size } of this.subscribers) most = Math.max(most, size)
    return most
  }

  /**
   * Registers a subscriber while the stream runs. `take` returns the waiting items, or `undefined` if the stream has to
   * wait.
   */
  private subscribe<A>(
    subscriber: Subscriber<Change>,
    take: () => NonEmptyReadonlyArray<A> | undefined,
  ): Stream.Stream<A> {
    const pull: Effect.Effect<NonEmptyReadonlyArray<A>, Cause.Done> = Effect.suspend(() => {
      const items = take()
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
