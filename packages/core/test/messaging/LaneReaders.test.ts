import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { ReadableLane } from "../../src/flow/ReceiveLanes.ts"
import * as LogBudget from "../../src/internal/LogBudget.ts"
import * as Limits from "../../src/Limits.ts"
import * as LaneReaders from "../../src/messaging/LaneReaders.ts"
import { openBurst } from "../../src/messaging/OpenPacer.ts"
import { inboxName, maxLanes } from "../../src/protocol/constants.ts"
import { initial } from "../peering/support.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"

const link = fakeLink({ peer: record(1), session: () => ({ session: 1 }) })

/** Makes the readers of a node, and collects the lanes that they open and close. */
const make = Effect.gen(function* () {
  const reported: Array<string> = []
  let taken = 0
  const readers = yield* LaneReaders.make({
    limits: Limits.defaults,
    self: () => ({ name: "self", generation: 1 }),
    view: () => initial.view,
    onOpened: ({ format, name }) => reported.push(`opened ${name}${format === undefined ? "" : ` with ${format}`}`),
    onClosed: (name) => reported.push(`closed ${name}`),
    onLost: (name, strategy) => reported.push(`lost ${name} ${strategy}`),
    log: yield* LogBudget.make,
    received: () => ({ add: () => undefined }),
    onFailed: (name) => reported.push(`failed ${name}`),
    isRunning: () => true,
  })
  /** Makes an open lane of a link. */
  const laneOf = (name: string): ReadableLane => ({ name, isOpen: true, acknowledge: () => void taken++ })
  /** Delivers a message on a lane that the link opened when `sink` was resolved. */
  const bring = (name: string, text: string, sink = readers.sinkOf(name)) => {
    const payload = new TextEncoder().encode(text)
    sink.offer(link, laneOf(name), { payload, cost: 10, confirm: undefined, trace: undefined, isOwned: true })
  }
  return { readers, reported, bring, taken: () => taken }
})

const textsOf = (stream: Stream.Stream<{ readonly _tag: string; readonly text?: string }>) =>
  Effect.map(Stream.runCollect(stream), (items) =>
    items.flatMap(({ _tag, text }) => (_tag === "SessionStarted" ? [] : [text ?? _tag])),
  )

describe("the readers of a node", () => {
  it.effect("open a lane for its first reader and close it after its last", () =>
    Effect.gen(function* () {
      const { readers, reported } = yield* make
      const first = yield* Scope.make()
      const last = yield* Scope.make()
      for (const scope of [first, last]) yield* Scope.provide(readers.open("orders"), scope)
      assert.deepStrictEqual(reported, ["opened orders"])
      assert.deepStrictEqual([...readers.openLanes()], [{ name: "orders", format: undefined }])
      yield* Scope.close(first, Exit.void)
      assert.deepStrictEqual(reported, ["opened orders"])
      yield* Scope.close(last, Exit.void)
      assert.deepStrictEqual(reported, ["opened orders", "closed orders"])
      assert.deepStrictEqual([...readers.openLanes()], [])
    }),
  )

  it.effect("open lanes at the rate that every peer accepts, regardless of the rate that this node accepts", () =>
    Effect.gen(function* () {
      const { readers, reported } = yield* make
      const names = Array.from({ length: openBurst }, (_, i) => `lane ${i}`)
      yield* Effect.forEach(names, (name) => readers.open(name), { discard: true })
      assert.strictEqual(reported.length, openBurst)
      const further = yield* Effect.forkChild(readers.open("further"), { startImmediately: true })
      assert.strictEqual(reported.length, openBurst)
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.await(further)
      assert.strictEqual(reported.length, openBurst + 1)
    }),
  )

  it.effect("deliver a message to every reader of its lane, and a message of the inbox to the inbox", () =>
    Effect.gen(function* () {
      const { bring, readers } = yield* make
      const one = yield* readers.open("orders")
      const two = yield* readers.open("orders")
      const other = yield* readers.open("news")
      bring("orders", "order")
      bring(inboxName, "letter")
      yield* readers.end
      assert.deepStrictEqual(yield* textsOf(one), ["order"])
      assert.deepStrictEqual(yield* textsOf(two), ["order"])
      assert.deepStrictEqual(yield* textsOf(other), [])
      assert.deepStrictEqual(yield* textsOf(readers.inbox), ["letter"])
    }),
  )

  it.effect("never deliver a message of one opening of a lane to a reader of the next opening", () =>
    Effect.gen(function* () {
      const { bring, readers, taken } = yield* make
      const scope = yield* Scope.make()
      yield* Scope.provide(readers.open("orders"), scope)
      const sink = readers.sinkOf("orders")
      yield* Scope.close(scope, Exit.void)
      const again = yield* readers.open("orders")
      bring("orders", "late", sink)
      bring("orders", "new")
      yield* readers.end
      assert.deepStrictEqual(yield* textsOf(again), ["new"])
      assert.strictEqual(taken(), 2, "a lost message counts as taken")
    }),
  )

  it.effect("mark the end of a session after its messages, on all lanes except the inbox", () =>
    Effect.gen(function* () {
      const { bring, readers } = yield* make
      const orders = yield* readers.open("orders")
      bring("orders", "last")
      bring(inboxName, "letter")
      readers.sessionEnded({ name: "peer", generation: 1 }, { session: 1 })
      yield* readers.end
      assert.deepStrictEqual(yield* textsOf(orders), ["last", "SessionEnded"])
      assert.deepStrictEqual(yield* textsOf(readers.inbox), ["letter"])
    }),
  )

  it.effect("mark the open sessions for a new reader, and the start of each session before its messages", () =>
    Effect.gen(function* () {
      const { bring, readers } = yield* make
      const from = { name: "peer", generation: 1 }
      const [over, open, next] = [{ session: 1 }, { session: 2 }, { session: 3 }]
      readers.sessionStarted(from, over)
      readers.sessionStarted(from, open)
      readers.sessionEnded(from, over)
      const orders = yield* readers.open("orders")
      readers.sessionStarted(from, next)
      bring("orders", "first")
      yield* readers.end
      const items = yield* Stream.runCollect(orders)
      assert.deepStrictEqual(
        items.map(({ _tag, session }) => [_tag, session]),
        [
          ["SessionStarted", 0],
          ["SessionStarted", 2],
          ["SessionStarted", 3],
          ["Message", 1],
        ],
      )
    }),
  )

  it.effect("count the messages that do not fit into the buffer of a reader", () =>
    Effect.gen(function* () {
      const { bring, readers, reported } = yield* make
      yield* readers.open("orders", { strategy: "dropping", capacity: 1 })
      bring("orders", "one")
      bring("orders", "two")
      assert.deepStrictEqual(reported, ["opened orders", "lost orders dropping"])
    }),
  )

  it.effect("refuse a capacity that is not a positive integer", () =>
    Effect.gen(function* () {
      const { readers } = yield* make
      for (const capacity of [0, -1, 1.5, Number.NaN]) {
        const error = yield* Effect.flip(readers.open("orders", { capacity }))
        assert.strictEqual(error.option, "capacity")
      }
      assert.deepStrictEqual([...readers.openLanes()], [])
    }),
  )

  it.effect("have a maximum number of lanes, even if they are opened in parallel and wait for the rate limit", () =>
    Effect.gen(function* () {
      const { readers } = yield* make
      const exits = yield* Effect.forEach(
        Array.from({ length: maxLanes + 5 }, (_, i) => `lane-${i}`),
        (name) => Effect.exit(readers.open(name)),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(exits.filter(Exit.isFailure).length, 5)
      assert.strictEqual([...readers.openLanes()].length, maxLanes)
    }).pipe(VirtualTime.flow),
  )

  it.effect("can be interrupted while they wait for the rate limit", () =>
    Effect.gen(function* () {
      const { readers } = yield* make
      const names = Array.from({ length: 2 * openBurst }, (_, i) => `${i}`)
      const opening = yield* Effect.forkScoped(Effect.forEach(names, (name) => readers.open(name)))
      // Between two checks of the rate.
      yield* Effect.sleep("103 millis")
      const [waited] = yield* Effect.timed(Fiber.interrupt(opening))
      assert.deepStrictEqual(waited, Duration.zero)
      const opened = [...readers.openLanes()].length
      assert.isAtLeast(opened, openBurst)
      assert.isBelow(opened, names.length)
      yield* Effect.sleep("1 second")
      assert.strictEqual([...readers.openLanes()].length, opened)
    }).pipe(VirtualTime.flow),
  )

  it.effect("have one format for each lane, and open the lane with it", () =>
    Effect.gen(function* () {
      const { readers, reported } = yield* make
      const scope = yield* Scope.make()
      yield* Scope.provide(readers.open("orders", {}, "json"), scope)
      yield* readers.open("news")
      assert.deepStrictEqual(reported, ["opened orders with json", "opened news"])
      for (const [name, format] of [
        ["orders", "binary"],
        ["orders", undefined],
        ["news", "json"],
      ] as const) {
        const error = yield* Effect.flip(readers.open(name, {}, format))
        assert.deepStrictEqual([error._tag, error.option], ["OptionsError", "format"])
      }
      yield* Scope.provide(readers.open("orders", {}, "json"), scope)
      // The next opening of the lane may have another format.
      yield* Scope.close(scope, Exit.void)
      yield* readers.open("orders", {}, "binary")
      assert.deepStrictEqual(reported.slice(2), ["closed orders", "opened orders with binary"])
    }),
  )

  it.effect("do not report a closed lane once they have ended", () =>
    Effect.gen(function* () {
      const { readers, reported } = yield* make
      const scope = yield* Scope.make()
      yield* Scope.provide(readers.open("orders"), scope)
      yield* readers.end
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(reported, ["opened orders"])
      assert.deepStrictEqual(yield* textsOf(yield* readers.open("news")), [])
      assert.deepStrictEqual(reported, ["opened orders"])
    }),
  )
})
