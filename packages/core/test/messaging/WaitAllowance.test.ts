import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Slowness } from "../../src/flow/Slowness.ts"
import { connection, type Missing, WaitAllowance } from "../../src/messaging/WaitAllowance.ts"

const timeout = 1_000

const make = Effect.map(Clock.Clock, (clock) => new WaitAllowance({ timeout, peers: 3, clock }))

/** Waits for a lane of several peers at the same time, and records the waits. */
const spend = (allowance: WaitAllowance, peers: ReadonlyArray<string>, millis: number, lane: Missing = "") =>
  Effect.gen(function* () {
    const since = allowance.now()
    yield* Effect.sleep(millis)
    for (const peer of peers) allowance.spend(peer, lane, since, undefined)
  })

describe("the allowance of messages to many", () => {
  it.effect("is the timeout for each lane and each connection, and as much for all peers together", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const left = (missing: Missing) => ["b", "c"].map((peer) => allowance.left(peer, missing))
      assert.deepStrictEqual(left(""), [1_000, 1_000])
      yield* spend(allowance, ["b"], 1_000)
      yield* spend(allowance, ["b"], 600)
      assert.deepStrictEqual(left(""), [400, 1_000])
      assert.deepStrictEqual(left("orders"), [1_000, 1_000])
      assert.deepStrictEqual(left(connection), [1_000, 1_000])
      yield* spend(allowance, ["c"], 900)
      assert.deepStrictEqual(left(""), [490, 590], "what c has left, and what both share")
      yield* spend(allowance, ["c"], 590)
      assert.deepStrictEqual(left(""), [10, 10])
      assert.deepStrictEqual(left("orders"), [1_000, 1_000])
    }).pipe(VirtualTime.flow),
  )

  it.effect("counts the time in which several messages wait once, for one peer and for several", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const first = allowance.now()
      yield* Effect.sleep(500)
      const second = allowance.now()
      yield* Effect.sleep(100)
      for (const peer of ["b", "c"]) allowance.spend(peer, "", first, undefined)
      yield* Effect.sleep(400)
      for (const peer of ["b", "c"]) allowance.spend(peer, "", second, undefined)
      assert.strictEqual(allowance.left("b", ""), 1_000, "the waits took the time of each peer, and no more")
      yield* spend(allowance, ["b", "c"], 300)
      assert.strictEqual(allowance.left("b", ""), 700)
    }).pipe(VirtualTime.flow),
  )

  it.effect("returns with time, a tenth of it for all peers together, up to the whole", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      yield* spend(allowance, ["b", "c"], 2_000)
      const left = () => ["b", "c"].map((peer) => allowance.left(peer, ""))
      assert.deepStrictEqual(left(), [0, 0])
      yield* Effect.sleep(4_000)
      assert.deepStrictEqual(left(), [400, 400])
      yield* spend(allowance, ["b"], 400)
      assert.deepStrictEqual(left(), [0, 0], "the time of a wait does not return any")
      yield* Effect.sleep(5_000)
      yield* spend(allowance, ["c"], 100)
      assert.deepStrictEqual(left(), [400, 400])
      yield* Effect.sleep(60_000)
      assert.deepStrictEqual(left(), [1_000, 1_000])
      yield* spend(allowance, ["c"], 300)
      assert.deepStrictEqual(left(), [700, 700], "no more than the whole has returned")
    }).pipe(VirtualTime.flow),
  )

  it.effect("is whole again after credit for a frame on the lane, on the same link or another one", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const [first, second] = [new Slowness(), new Slowness()]
      const lacks = ["orders", "news", connection] as const
      const waitOn = Effect.fnUntraced(function* (slowness: Slowness) {
        const since = allowance.now()
        yield* Effect.sleep(2_000)
        for (const missing of lacks) allowance.spend("b", missing, since, slowness)
      })
      const left = () => lacks.map((missing) => allowance.left("b", missing))
      first.grant()
      yield* waitOn(first)
      assert.deepStrictEqual(left(), [0, 0, 0])
      allowance.noticeCredit("b", "orders", first)
      assert.deepStrictEqual(left(), [0, 0, 1_000], "the credit was given before the wait of the lane")
      yield* waitOn(first)
      allowance.noticeCredit("b", "orders", second)
      assert.deepStrictEqual(left(), [0, 0, 0], "the new link has given no credit")
      first.grant()
      allowance.noticeCredit("b", "orders", first)
      assert.deepStrictEqual(left(), [1_000, 0, 1_000])
      second.grant()
      allowance.noticeCredit("b", "news", second)
      assert.deepStrictEqual(left(), [1_000, 1_000, 1_000])
    }).pipe(VirtualTime.flow),
  )

  it.effect("is remembered for a bounded number of peers, the newest ones", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const peers = ["b", "c", "d", "e"]
      yield* spend(allowance, peers, 2_000)
      assert.deepStrictEqual(
        peers.map((name) => allowance.left(name, "")),
        [1_000, 0, 0, 0],
      )
    }).pipe(VirtualTime.flow),
  )
})
