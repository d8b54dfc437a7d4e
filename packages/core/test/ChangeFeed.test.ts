import * as ChangeFeed from "@coterie/core/ChangeFeed"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** Change of a list of numbers: a number was appended. */
interface Added {
  readonly _tag: "Added"
  readonly value: number
}

type Item = ChangeFeed.Item<ReadonlyArray<number>, Added>

const apply = (state: ReadonlyArray<number>, item: Item): ReadonlyArray<number> =>
  item._tag === "Snapshot" ? item.state : item._tag === "Added" ? [...state, item.value] : state

/** Makes a feed of a list that is changed in place. */
const make = (capacity: number) => {
  const list: Array<number> = []
  const feed = ChangeFeed.makeUnsafe<ReadonlyArray<number>, Added>({ state: () => [...list], capacity })
  const add = (count = 1) => {
    for (let i = 0; i < count; i++) {
      list.push(list.length)
      feed.publishUnsafe({ _tag: "Added", value: list.length - 1 })
    }
  }
  return { add, feed, list }
}

/** Reads a stream item by item. `next` returns the given number of items. */
const reading = Effect.fnUntraced(function* <A>(stream: Stream.Stream<A>) {
  const items: Array<A> = []
  let gate = Deferred.makeUnsafe<void>()
  const fiber = yield* Effect.forkChild(
    Stream.runForEach(stream, (item) =>
      Effect.suspend(() => {
        items.push(item)
        return Deferred.await(gate)
      }),
    ),
    { startImmediately: true },
  )
  const settle = Effect.forEach(Array.from({ length: 5 }), () => Effect.yieldNow, { discard: true })
  yield* settle
  const next = (count: number) =>
    Effect.forEach(
      Array.from({ length: count }),
      () =>
        Effect.suspend(() => {
          const opened = gate
          gate = Deferred.makeUnsafe<void>()
          return Effect.andThen(Deferred.succeed(opened, undefined), settle)
        }),
      { discard: true },
    )
  const rest = Effect.suspend(() => {
    const opened = gate
    gate = Deferred.makeUnsafe<void>()
    Deferred.doneUnsafe(gate, Effect.void)
    return Effect.andThen(Deferred.succeed(opened, undefined), Fiber.join(fiber))
  })
  return { items, next, rest }
})

describe("a feed of changes", () => {
  it.effect("begins with the state at the moment of the subscription, and continues with every change in order", () =>
    Effect.gen(function* () {
      const { add, feed } = make(10)
      add(3)
      const { items, rest } = yield* reading(feed.changes)
      add(2)
      feed.endUnsafe()
      yield* rest
      assert.deepStrictEqual<ReadonlyArray<Item>>(items, [
        { _tag: "Snapshot", state: [0, 1, 2] },
        { _tag: "Added", value: 3 },
        { _tag: "Added", value: 4 },
      ])
    }),
  )

  it.effect(
    "delivers a change that is published while a subscription begins once, in the snapshot or as a change",
    () =>
      Effect.gen(function* () {
        const { add, feed, list } = make(100)
        const items: Array<Item> = []
        const fiber = yield* Effect.forkChild(
          Stream.runForEach(feed.changes, (item) => Effect.sync(() => items.push(item))).pipe(
            // The publisher runs after some steps of the subscriber.
            Effect.provideService(Scheduler.MaxOpsBeforeYield, 3),
          ),
        )
        for (let i = 0; i < 100; i++) {
          add()
          yield* Effect.yieldNow
        }
        feed.endUnsafe()
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(items.reduce(apply, []), list)
        assert.isAbove(items.length, 50)
      }),
  )

  it.effect("keeps at most `capacity` changes for a slow subscriber, and counts the dropped changes", () =>
    Effect.gen(function* () {
      const { add, feed } = make(3)
      const slow = yield* reading(feed.changes)
      const quick = yield* reading(feed.changes)
      add(3)
      assert.strictEqual(feed.waitingUnsafe(), 3)
      yield* quick.next(3)
      add(1)
      assert.isAtMost(feed.waitingUnsafe(), 3)
      feed.endUnsafe()
      yield* slow.rest
      yield* quick.rest
      assert.deepStrictEqual<ReadonlyArray<Item>>(slow.items, [
        { _tag: "Snapshot", state: [] },
        { _tag: "Lagged", missed: 4 },
        { _tag: "Snapshot", state: [0, 1, 2, 3] },
      ])
      assert.deepStrictEqual(
        quick.items.map(({ _tag }) => _tag),
        ["Snapshot", "Added", "Added", "Added", "Added"],
      )
    }),
  )

  it.effect("does not repeat the changes that the state publishes for a snapshot that includes them", () =>
    Effect.gen(function* () {
      const list: Array<number> = []
      const waiting: Array<number> = []
      const flush = () => {
        for (const value of waiting.splice(0)) {
          list.push(value)
          feed.publishUnsafe({ _tag: "Added", value })
        }
      }
      const feed: ChangeFeed.ChangeFeed<ReadonlyArray<number>, Added> = ChangeFeed.makeUnsafe({
        state: () => {
          flush()
          return [...list]
        },
        capacity: 2,
      })
      waiting.push(0, 1)
      const { items, next, rest } = yield* reading(feed.changes)
      yield* next(1)
      waiting.push(2, 3, 4)
      flush()
      waiting.push(5, 6)
      yield* next(2)
      waiting.push(7)
      flush()
      feed.endUnsafe()
      yield* rest
      assert.deepStrictEqual<ReadonlyArray<Item>>(items, [
        { _tag: "Snapshot", state: [0, 1] },
        { _tag: "Lagged", missed: 5 },
        { _tag: "Snapshot", state: [0, 1, 2, 3, 4, 5, 6] },
        { _tag: "Added", value: 7 },
      ])
    }),
  )

  it.effect.prop(
    "a subscriber that folds its items gets the state, and every missing change is marked, however slow it is",
    {
      capacity: Schema.Literals([1, 2, 5]),
      steps: Schema.Array(Schema.Literals(["publish", "read"])),
    },
    ({ capacity, steps }) =>
      Effect.gen(function* () {
        const { add, feed, list } = make(capacity)
        const { items, next, rest } = yield* reading(feed.changes)
        for (const step of steps) {
          if (step === "publish") add()
          else yield* next(1)
          assert.isAtMost(feed.waitingUnsafe(), capacity)
        }
        feed.endUnsafe()
        yield* rest
        assert.deepStrictEqual(items.reduce(apply, []), list)
        let state: ReadonlyArray<number> = []
        let missed = 0
        for (const [index, item] of items.entries()) {
          if (item._tag === "Lagged") missed = item.missed
          if (item._tag === "Added") assert.strictEqual(item.value, state.length, "a change is missing")
          if (item._tag === "Snapshot" && index > 0) {
            assert.strictEqual(item.state.length, state.length + missed, "the mark counts the missing changes")
          }
          state = apply(state, item)
        }
      }),
  )

  it.effect("of states gives the newest state to a slow subscriber, and does not repeat an unchanged one", () =>
    Effect.gen(function* () {
      let state = "a"
      const feed = ChangeFeed.makeUnsafe<string, "changed" | "noticed">({ state: () => state, capacity: 1 })
      const { items, next, rest } = yield* reading(feed.states)
      for (state of ["b", "c"]) feed.publishUnsafe("changed")
      yield* next(1)
      feed.publishUnsafe("noticed")
      yield* next(1)
      state = "d"
      feed.publishUnsafe("changed")
      feed.endUnsafe()
      yield* rest
      assert.deepStrictEqual(items, ["a", "c", "d"])
    }),
  )

  it.effect("of states gives a state once that publishes a change which it includes", () =>
    Effect.gen(function* () {
      const pending = ["changed"]
      const feed: ChangeFeed.ChangeFeed<object, string> & { readonly publishUnsafe: (change: string) => void } =
        ChangeFeed.makeUnsafe<object, string>({
          state: () => {
            for (const change of pending.splice(0)) feed.publishUnsafe(change)
            return {}
          },
          capacity: 10,
        })
      const { items, next } = yield* reading(feed.states)
      yield* next(1)
      yield* Effect.yieldNow
      assert.lengthOf(items, 1)
    }),
  )

  it.effect("keeps nothing for a subscriber that has ended", () =>
    Effect.gen(function* () {
      const { add, feed } = make(10)
      yield* Stream.runDrain(Stream.take(feed.changes, 1))
      add(5)
      assert.strictEqual(feed.waitingUnsafe(), 0)
    }),
  )

  it.effect("does not run a subscriber inside the fiber that publishes", () =>
    Effect.gen(function* () {
      const { add, feed } = make(10)
      const seen: Array<number> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(feed.changes, (item) => Effect.sync(() => item._tag === "Added" && seen.push(item.value))),
        { startImmediately: true },
      )
      yield* Effect.yieldNow
      add()
      assert.deepStrictEqual(seen, [])
      feed.endUnsafe()
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, [0])
    }),
  )

  it.effect("ends with its scope", () =>
    Effect.gen(function* () {
      const feed = yield* Effect.scoped(ChangeFeed.make<string, never>({ state: () => "state", capacity: 1 }))
      const items = yield* Stream.runCollect(feed.changes)
      assert.deepStrictEqual(items, [{ _tag: "Snapshot", state: "state" }])
    }),
  )
})
