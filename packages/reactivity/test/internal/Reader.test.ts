import type { LaneItem, ViewItem } from "@coterie/core/Lane"
import type { Peer } from "@coterie/core/Peer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { introductionMillis } from "../../src/internal/Ledger.ts"
import { Reader } from "../../src/internal/Reader.ts"

const peer = (generation: number): Peer => ({
  name: "p",
  generation,
  addresses: [],
  metadata: {},
  status: "alive",
  link: "up",
})

/** Reads items, one at a time, each a second after the last. Returns what became stale. */
const read = Effect.fnUntraced(function* (items: ReadonlyArray<LaneItem | ViewItem>, pause = 1_000) {
  const stale: Array<string> = []
  let now = 0
  const reader = new Reader({
    onKeys: (keys) => Effect.sync(() => void stale.push([...keys].join())),
    onAll: (cause) => Effect.sync(() => void stale.push(cause)),
    now: () => now,
    maxBytes: 1_000,
    messagesPerSecond: 10,
    allInterval: 1,
    deadLetter: () => Effect.void,
  })
  const slowly = Stream.fromIterable(items).pipe(
    Stream.rechunk(1),
    Stream.tap(() =>
      Effect.suspend(() => {
        now += pause
        return Effect.yieldNow
      }),
    ),
    Stream.concat(Stream.fromEffectDrain(Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow))),
  )
  yield* reader.run(slowly)
  return stale
})

const message = (text: string, generation = 1): LaneItem => ({
  _tag: "Message",
  from: { name: "p", generation },
  session: 1,
  payload: new TextEncoder().encode(text),
  text,
  span: undefined,
})

const joined: ViewItem = { _tag: "Joined", peer: peer(1) }
const started: LaneItem = { _tag: "SessionStarted", from: { name: "p", generation: 1 }, session: 1 }
const ended: LaneItem = { _tag: "SessionEnded", from: { name: "p", generation: 1 }, session: 1 }
const view = (...peers: ReadonlyArray<Peer>): ViewItem => ({
  _tag: "Snapshot",
  view: { version: 1, self: peer(9), isolated: false, peers: new Map(peers.map((each) => [each.name, each])) },
})

const departures: Readonly<Record<string, ViewItem>> = {
  fails: { _tag: "Failed", peer: { ...peer(1), status: "failed" } },
  leaves: { _tag: "Left", peer: { ...peer(1), status: "left" } },
  disconnects: { _tag: "Disconnected", peer: { ...peer(1), status: "disconnected" } },
  "is replaced": { _tag: "Replaced", peer: peer(2), old: { ...peer(1), status: "replaced" } },
  "is missing after events were dropped": view(),
  "has another life after events were dropped": view(peer(2)),
}

describe("the reader of a channel", () => {
  it.effect("invalidates everything again if that becomes due while it is being done", () =>
    Effect.gen(function* () {
      let count = 0
      const done = yield* Latch.make(false)
      const reader = new Reader({
        onKeys: () => Effect.void,
        onAll: () => Effect.suspend(() => (++count === 1 ? done.await : Effect.void)),
        now: () => 0,
        maxBytes: 1_000,
        messagesPerSecond: 10,
        allInterval: 1_000,
        deadLetter: () => Effect.void,
      })
      const turns = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })
      const items = yield* Queue.unbounded<LaneItem>()
      yield* Effect.forkScoped(reader.run(Stream.fromQueue(items)), { startImmediately: true })
      for (const _ of [1, 2]) {
        yield* Queue.offer(items, message("{}"))
        yield* turns
        assert.strictEqual(count, 1)
      }
      yield* done.open
      yield* turns
      assert.strictEqual(count, 1, "not before the interval is over")
      yield* TestClock.adjust("1 second")
      yield* turns
      assert.strictEqual(count, 2)
    }).pipe(Effect.scoped),
  )

  for (const [what, departure] of Object.entries(departures)) {
    it.effect(`invalidates everything when a peer ${what} that has not said that it has ended`, () =>
      Effect.gen(function* () {
        const before = [joined, started, message(`{"keys":["x"]}`), ended]
        assert.deepStrictEqual(yield* read([view(), ...before, departure]), ["x", "Gone"])
        assert.deepStrictEqual(yield* read([view(peer(1)), departure]), ["Gone"])
        const last = message(`{"keys":["y"],"end":true}`)
        assert.deepStrictEqual(yield* read([view(), joined, started, last, ended, departure]), ["y"])
        // A peer that says nothing for the time of an introduction takes no part.
        assert.deepStrictEqual(yield* read([view(), joined, started, ended, departure], introductionMillis), [])
      }),
    )
  }
})
