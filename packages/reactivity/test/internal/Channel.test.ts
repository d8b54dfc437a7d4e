import { LinkLost, SendError } from "@coterie/core/ClusterError"
import type { ReadingPeer } from "@coterie/core/Lane"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { Channel } from "../../src/internal/Channel.ts"

const reader = (opening: number, session = 1): ReadingPeer => ({ name: "p", generation: 1, session, opening })

/** Runs a channel whose lane has the given readers. `fail` makes the next send fail. */
const start = Effect.gen(function* () {
  const sent: Array<string> = []
  let fails = false
  const readers = yield* Queue.unbounded<ReadonlyArray<ReadingPeer>, Cause.Done>()
  const channel = new Channel({
    lane: {
      readerChanges: Stream.fromQueue(readers),
      ready: () => Effect.void,
      send: (peer, payload) =>
        Effect.suspend(() => {
          if (fails) {
            fails = false
            const reason = new LinkLost({ maybeDelivered: true })
            return Effect.fail(new SendError({ peer: typeof peer === "string" ? peer : peer.name, lane: "l", reason }))
          }
          sent.push(String(payload))
          return Effect.succeed({ session: 1 })
        }),
    },
    bounds: { maxKeys: 10, maxCharacters: 100 },
    messageInterval: 50,
    log: { write: () => Effect.void },
  })
  const fibers = yield* FiberMap.make<string>()
  const running = yield* Effect.forkScoped(channel.run(fibers))
  const stop = Effect.andThen(Fiber.interrupt(running), FiberMap.clear(fibers))
  const settle = Effect.sleep("5 seconds")
  const read = (...peers: ReadonlyArray<ReadingPeer>) => Effect.andThen(Queue.offer(readers, peers), settle)
  const leave = Effect.andThen(Queue.end(readers), settle)
  return { channel, leave, fail: () => void (fails = true), read, sent: () => sent.splice(0), settle, stop }
})

describe("the sending side of a channel", () => {
  it.effect("says that all keys are stale at each opening of the lane, also at one that follows without a pause", () =>
    Effect.gen(function* () {
      const { channel, read, sent, settle } = yield* start
      yield* read(reader(1, 0))
      assert.deepStrictEqual(sent(), [], "this node itself gets nothing")
      yield* read(reader(1))
      assert.deepStrictEqual(sent(), ["{}"])
      channel.invalidate(["x"])
      yield* settle
      assert.deepStrictEqual(sent(), [`{"keys":["x"]}`])
      yield* read(reader(2, 2))
      assert.deepStrictEqual(sent(), ["{}"])
      // A link that is made while the old one has not ended yet has the same opening, in another session.
      yield* read(reader(2, 3))
      assert.deepStrictEqual(sent(), ["{}"])
      yield* read()
      channel.invalidate(["y"])
      yield* settle
      assert.deepStrictEqual(sent(), [])
      yield* read(reader(3, 3))
      assert.deepStrictEqual(sent(), ["{}"])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("says that all keys are stale after a message whose outcome is unknown, if the peer still reads", () =>
    Effect.gen(function* () {
      const { channel, fail, read, sent, settle } = yield* start
      yield* read(reader(1))
      sent()
      fail()
      channel.invalidate(["x"])
      yield* settle
      assert.deepStrictEqual(sent(), ["{}"])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("sends nothing after the node has left", () =>
    Effect.gen(function* () {
      const { channel, fail, leave, read, sent, settle } = yield* start
      yield* read(reader(1))
      sent()
      fail()
      channel.invalidate(["x"])
      // The send has failed, and would be repeated after a second.
      yield* Effect.sleep("500 millis")
      yield* leave
      assert.deepStrictEqual(sent(), [])
      channel.invalidate(["y"])
      yield* settle
      assert.deepStrictEqual(sent(), [])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("sends the keys that wait with the last message", () =>
    Effect.gen(function* () {
      const { channel, read, sent, stop } = yield* start
      yield* read(reader(1))
      sent()
      yield* stop
      channel.invalidate(["x"])
      yield* channel.end
      assert.deepStrictEqual(sent(), [`{"keys":["x"],"end":true}`])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})
