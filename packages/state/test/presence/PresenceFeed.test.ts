/** Steps with many entries. They are folded in slices, and nobody sees a part of one. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { PresenceFeed } from "../../src/internal/presence/PresenceFeed.ts"
import { encodeKey, PresenceTable, sliceSize } from "../../src/internal/presence/PresenceTable.ts"
import type { Change as MapChange, Entry } from "../../src/internal/Service.ts"
import { FoldedPresence, textsOf } from "./FoldedPresence.ts"

const count = 4 * sliceSize
const grace = 5_000

const entry = (i: number, value = ""): Entry<string, string> => {
  const encodedKey = encodeKey(`user-${i}`, 1)
  return { owner: { name: "b", generation: 1 }, key: encodedKey, encodedKey, value }
}
const entries = Array.from({ length: count }, (_, i) => entry(i))
const set = (of: Entry<string, string>): MapChange<string, string> => ({
  _tag: "Set",
  entry: of,
  previous: Option.none(),
})
const removed = (of: Entry<string, string>): MapChange<string, string> => ({
  _tag: "Removed",
  entry: of,
  why: "failed",
})

/** A feed that runs, and a subscriber that has its first snapshot. */
const make = Effect.fnUntraced(function* (capacity = 10 * count) {
  const table = new PresenceTable<string>(grace)
  const feed = new PresenceFeed({ table, clock: yield* Clock.Clock, capacity })
  yield* Effect.forkScoped(feed.run)
  const follow = Effect.fnUntraced(function* () {
    const folded = new FoldedPresence()
    yield* Effect.forkScoped(
      Stream.runForEach(feed.changes, (item) => Effect.sync(() => folded.apply(item))),
      { startImmediately: true },
    )
    return folded
  })
  return { feed, follow, folded: yield* follow(), table }
})

const rest = Effect.repeat(Effect.yieldNow, { times: 50 })

describe("the feed of a presence", () => {
  it.effect("folds a step with many entries between other work, and publishes its changes together", () =>
    Effect.gen(function* () {
      const { feed, folded, table } = yield* make()
      feed.onStep(entries.map(set), "synced")
      const sizes = new Set<number>()
      for (; folded.state.size === 0; yield* Effect.yieldNow) {
        sizes.add(table.size)
        assert.include([0, count], folded.state.size)
      }
      assert.deepStrictEqual(
        [...sizes],
        [0, 1, 2, 3, 4].map((slices) => (slices * count) / 4),
      )
      assert.strictEqual(folded.state.size, count)
      assert.deepStrictEqual(folded.wrong, [])
    }).pipe(Effect.scoped),
  )

  it.effect("shows a reader and a new subscriber the whole step, and tells a subscriber once", () =>
    Effect.gen(function* () {
      const { feed, folded, follow, table } = yield* make()
      feed.onStep(entries.map(set), "synced")
      while (table.size === 0) yield* Effect.yieldNow
      assert.isBelow(table.size, count)
      const later = yield* follow()
      assert.strictEqual(later.state.size, count)
      feed.onStep(entries.map(removed), "synced")
      yield* Effect.yieldNow
      assert.strictEqual(feed.settled().leavingSize, count)
      yield* rest
      for (const each of [folded, later]) {
        assert.deepStrictEqual(each.wrong, [])
        assert.deepStrictEqual(textsOf(each.state), textsOf(table.list()))
      }
      assert.lengthOf(later.tags, 1 + count)
      assert.lengthOf(folded.tags, 1 + 2 * count)
    }).pipe(Effect.scoped),
  )

  it.effect("gives a subscriber that lags a snapshot of whole steps", () =>
    Effect.gen(function* () {
      const { feed, folded, table } = yield* make(10)
      feed.onStep(entries.map(set), "synced")
      yield* rest
      feed.onStep(entries.map(removed), "synced")
      feed.onStep([set(entry(0, "x"))], "synced")
      yield* rest
      assert.deepStrictEqual(folded.tags, ["Snapshot", "Lagged", "Snapshot", "Lagged", "Snapshot"])
      assert.deepStrictEqual(textsOf(folded.state), textsOf(table.list()))
    }).pipe(Effect.scoped),
  )

  it.effect("catches up with small steps that arrive behind a large one, several in each turn", () =>
    Effect.gen(function* () {
      const { feed, folded } = yield* make(100_000)
      feed.onStep(entries.map(set), "synced")
      let value = 0
      for (let turn = 0; turn < 100; turn++) {
        for (let i = 0; i < 10; i++) feed.onStep([set(entry(0, String(++value)))], "synced")
        yield* Effect.yieldNow
      }
      assert.strictEqual(folded.state.size, count)
      // Only steps of the last turns may wait.
      const [meta] = folded.state.get("user-0")?.metas ?? []
      assert.isAtLeast(Number(meta?.value), value - 20)
      assert.deepStrictEqual(folded.wrong, [])
    }).pipe(Effect.scoped),
  )

  it.effect("folds the steps in their order, and lets no key leave before them", () =>
    Effect.gen(function* () {
      const { feed, folded, table } = yield* make()
      feed.onStep([set(entry(0))], "synced")
      feed.onStep([removed(entry(0))], "synced")
      yield* TestClock.adjust(grace - 1)
      feed.onStep(entries.slice(1).map(set), "synced")
      feed.onStep([set(entry(0, "x"))], "synced")
      feed.onStep([removed(entry(1))], "synced")
      assert.strictEqual(table.size, 1)
      yield* TestClock.adjust(1)
      yield* rest
      assert.deepStrictEqual(folded.left, [])
      assert.strictEqual(table.size, count)
      yield* TestClock.adjust(grace)
      assert.deepStrictEqual(folded.left, ["user-1"])
      assert.deepStrictEqual(folded.wrong, [])
    }).pipe(Effect.scoped),
  )

  it.effect("lets the keys of a node leave in their order, between other work", () =>
    Effect.gen(function* () {
      const { feed, folded, table } = yield* make()
      feed.onStep(entries.map(set), "synced")
      feed.onStep(entries.map(removed), "synced")
      yield* rest
      const sizes = new Set<number>()
      yield* Effect.forkScoped(
        Effect.forever(
          Effect.andThen(
            Effect.sync(() => sizes.add(table.size)),
            Effect.yieldNow,
          ),
        ),
      )
      yield* TestClock.adjust(grace)
      yield* rest
      assert.deepStrictEqual(
        [...sizes],
        [4, 3, 2, 1, 0].map((slices) => (slices * count) / 4),
      )
      assert.deepStrictEqual(
        folded.left,
        entries.map((_, i) => `user-${i}`),
      )
      assert.deepStrictEqual(folded.wrong, [])
    }).pipe(Effect.scoped),
  )

  it.effect("publishes all steps before it ends", () =>
    Effect.gen(function* () {
      const { feed, folded } = yield* make()
      feed.onStep(entries.map(set), "synced")
      feed.onClosed()
      yield* rest
      assert.strictEqual(folded.state.size, count)
    }).pipe(Effect.scoped),
  )
})
