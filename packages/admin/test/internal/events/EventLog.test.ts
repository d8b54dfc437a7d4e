import { makeView, type ClusterEvent } from "@coterie/core/ClusterEvent"
import type { Peer } from "@coterie/core/Peer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { parseEventId } from "../../../src/internal/events/eventIds.ts"
import { EventLog } from "../../../src/internal/events/EventLog.ts"

const member = (name: string): Peer => ({
  name,
  generation: 1,
  addresses: [],
  metadata: {},
  status: "alive",
  link: "up",
})

const joined = (name: string): ClusterEvent => ({ _tag: "Joined", peer: member(name) })
const notice = (message: string): ClusterEvent => ({ _tag: "Diagnostic", message })

const make = (kept = 4) =>
  new EventLog({ life: 7, view: makeView({ self: member("a") }), at: 100, now: 0, kept, waiting: 4 })

/** Reads the events that a new reader gets at once, as text. */
const read = (log: EventLog, after: string | undefined, count: number) =>
  Effect.map(Stream.runCollect(Stream.take(log.stream(after), count)), (events) =>
    events.map(({ data, event, id }) => `${id ?? "-"} ${event} ${JSON.stringify(data)}`),
  )

const names = (texts: ReadonlyArray<string>) => texts.map((text) => text.split(" ").slice(0, 2).join(" "))

describe("the log of events", () => {
  it.effect("begins with the view, and goes on with numbered events", () =>
    Effect.gen(function* () {
      const log = make()
      log.append(joined("b"), 101, 1)
      const fiber = yield* Effect.forkChild(read(log, undefined, 3))
      yield* Effect.yieldNow
      log.append(notice("x"), 102, 2)
      log.append(joined("c"), 103, 3)
      const found = yield* Fiber.join(fiber)
      assert.deepStrictEqual(names(found), ["7-1 Snapshot", "7-2 Diagnostic", "7-3 Joined"])
      assert.include(found[0], '"peers":[{"name":"b"')
      assert.include(found[1], '{"at":102,"event":{"_tag":"Diagnostic","message":"x"}}')
    }),
  )

  it.effect("continues after the last event that a reader has seen", () =>
    Effect.gen(function* () {
      const log = make()
      for (const name of ["b", "c", "d"]) log.append(joined(name), 101, 1)
      assert.deepStrictEqual(names(yield* read(log, "7-1", 2)), ["7-2 Joined", "7-3 Joined"])
      const fiber = yield* Effect.forkChild(read(log, "7-3", 1))
      yield* Effect.yieldNow
      log.append(joined("e"), 104, 4)
      assert.deepStrictEqual(names(yield* Fiber.join(fiber)), ["7-4 Joined"])
    }),
  )

  it.effect("marks the gap if events after the id are not kept", () =>
    Effect.gen(function* () {
      const log = make(4)
      for (let i = 0; i < 20; i++) log.append(notice(`${i}`), 101, 1)
      const found = yield* read(log, "7-3", 2)
      assert.deepStrictEqual(names(found), ["- Lagged", "7-20 Snapshot"])
      assert.include(found[0], '"missed":17')
      assert.deepStrictEqual(names(yield* read(log, "7-16", 1)), ["7-17 Diagnostic"])
    }),
  )

  for (const id of ["6-1", "7-99", "nonsense", "7-", "-1", "7-1-1", "1e3-1", "99999999999999999-1"]) {
    it.effect(`begins anew after the id ${id}, which is not of this life`, () =>
      Effect.gen(function* () {
        const log = make()
        log.append(joined("b"), 101, 1)
        const found = yield* read(log, id, 2)
        assert.deepStrictEqual(names(found), ["- Lagged", "7-1 Snapshot"])
        assert.notInclude(found[0], "missed")
      }),
    )
  }

  it.effect("counts events that the node lost before they came into the log", () =>
    Effect.gen(function* () {
      const log = make()
      log.append({ _tag: "Lagged", missed: 5 }, 101, 1)
      log.append({ _tag: "Snapshot", view: makeView({ self: member("a"), peers: [member("b")] }) }, 102, 2)
      assert.deepStrictEqual(names(yield* read(log, undefined, 1)), ["7-7 Snapshot"])
      assert.deepStrictEqual(names(yield* read(log, "7-6", 1)), ["7-7 Snapshot"])
      assert.deepStrictEqual(names(yield* read(log, "7-2", 2)), ["- Lagged", "7-7 Snapshot"])
    }),
  )

  it.effect("ends its streams after the events so far", () =>
    Effect.gen(function* () {
      const log = make()
      log.append(joined("b"), 101, 1)
      log.end()
      assert.deepStrictEqual(names(yield* read(log, undefined, 9)), ["7-1 Snapshot"])
    }),
  )

  it("knows the time since the last change of the view", () => {
    const log = make()
    log.append(joined("b"), 101, 10)
    log.append(notice("x"), 102, 30)
    assert.strictEqual(log.unchangedMillis(45), 35)
  })
})

describe("an id of an event", () => {
  it("is read as its life and number", () => assert.deepStrictEqual(parseEventId("7-12"), { life: 7, number: 12 }))

  it.effect("encodes an event and the view once for all readers", () =>
    Effect.gen(function* () {
      const log = make()
      log.append(joined("b"), 101, 1)
      const readBoth = Stream.runCollect(Stream.take(log.stream(undefined), 2))
      const readers = yield* Effect.forkChild(Effect.all([readBoth, readBoth], { concurrency: 2 }))
      yield* Effect.yieldNow
      log.append(joined("c"), 102, 2)
      const [first, second] = yield* Fiber.join(readers)
      assert.deepStrictEqual(
        first.map(({ event }) => event),
        ["Snapshot", "Joined"],
      )
      for (const [i, event] of first.entries()) assert.strictEqual(event, second[i])
    }),
  )
})
