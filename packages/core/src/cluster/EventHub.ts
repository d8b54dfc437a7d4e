/**
 * Hands events to any number of subscribers, each with a bounded buffer of its own. Publishing never
 * waits. Who falls behind loses its buffer and gets `Lagged` and a new snapshot instead: never a
 * silent gap.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { ClusterEvent, Notice, View, ViewChange } from "../ClusterEvent.ts"
import { emptyView } from "../ClusterEvent.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"

export interface EventHub {
  /** Hands out an event and the view after it. */
  readonly publish: (event: ViewChange | Notice, view: View) => void
  /** No more will come. */
  readonly end: () => void
  /** The view of this moment, then every event. */
  readonly events: Stream.Stream<ClusterEvent>
  /** The view of this moment, then the newest view whenever it changed. Slow readers skip views. */
  readonly views: Stream.Stream<View>
  /** The events that wait for the slowest subscriber. */
  readonly waiting: () => number
}

interface Subscriber {
  /** Whether it wants every event, and not just the newest view. */
  readonly buffers: boolean
  buffer: Array<ClusterEvent>
  missed: number
  readonly wake: Latch.Latch
}

export const make = (capacity: number): EventHub => {
  const subscribers = new Set<Subscriber>()
  let current: View = emptyView
  let ended = false

  /** A subscription for as long as the stream runs; `next` says what there is, or that it must wait. */
  const subscribe = <A>(
    buffers: boolean,
    next: (subscriber: Subscriber) => NonEmptyReadonlyArray<A> | undefined,
  ): Stream.Stream<A> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const subscriber: Subscriber = { buffers, buffer: [], missed: 0, wake: Latch.makeUnsafe(true) }
        yield* Effect.acquireRelease(
          Effect.sync(() => subscribers.add(subscriber)),
          () => Effect.sync(() => subscribers.delete(subscriber)),
        )
        const pull: Effect.Effect<NonEmptyReadonlyArray<A>, Cause.Done> = Effect.suspend(() => {
          const items = next(subscriber)
          if (items !== undefined) return Effect.succeed(items)
          if (ended) return Cause.done()
          subscriber.wake.closeUnsafe()
          return Effect.flatMap(awaitLatch(subscriber.wake), () => pull)
        })
        return Stream.fromPull(Effect.succeed(pull))
      }),
    )

  const append = (subscriber: Subscriber, event: ClusterEvent): void => {
    if (subscriber.buffer.length < capacity && subscriber.missed === 0) subscriber.buffer.push(event)
    else {
      subscriber.missed += subscriber.buffer.length + 1
      subscriber.buffer = []
    }
  }

  return {
    publish: (event, view) => {
      current = view
      for (const subscriber of subscribers) {
        if (subscriber.buffers) append(subscriber, event)
        subscriber.wake.openUnsafe()
      }
    },
    end: () => {
      ended = true
      for (const { wake } of subscribers) wake.openUnsafe()
    },
    events: Stream.suspend(() => {
      let fresh = true
      return subscribe<ClusterEvent>(true, (subscriber) => {
        const snapshot: ClusterEvent = { _tag: "Snapshot", view: current }
        if (fresh) {
          fresh = false
          subscriber.buffer = []
          return [snapshot]
        }
        if (subscriber.missed > 0) {
          const lagged: ClusterEvent = { _tag: "Lagged", missed: subscriber.missed }
          subscriber.missed = 0
          return [lagged, snapshot]
        }
        const [first, ...rest] = subscriber.buffer
        subscriber.buffer = []
        return first === undefined ? undefined : [first, ...rest]
      })
    }),
    views: Stream.suspend(() => {
      let seen: View | undefined
      return subscribe<View>(false, () => {
        if (seen === current) return undefined
        seen = current
        return [current]
      })
    }),
    waiting: () => {
      let most = 0
      for (const { buffer } of subscribers) most = Math.max(most, buffer.length)
      return most
    },
  }
}
