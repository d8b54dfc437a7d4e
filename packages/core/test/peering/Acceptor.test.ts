import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Acceptor } from "../../src/peering/Acceptor.ts"
import { HandshakeLimits } from "../../src/peering/HandshakeLimits.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import { makeConnection, settle } from "../link/support.ts"
import { addressOf, b, linkedTo, loseLink } from "../membership/support.ts"
import { record } from "./fakeLink.ts"
import { makeContext, ready } from "./linkContext.ts"
import { initial } from "./support.ts"

const hello: Frame = {
  _tag: "Hello",
  versionMin: 1,
  versionMax: 1,
  label: "test",
  record: record(1),
  instance: 0,
  linkEpoch: 3,
  dialedAddress: addressOf("a"),
  viewHash: 0n,
  window: 8_192,
  linkTimeout: 3_000,
}

/** Creates an acceptor with room for one handshake per host. */
const make = Effect.fnUntraced(function* (handshakes = 8, state = initial) {
  const world = yield* makeContext({ handshakes, handshakesPerHost: 1, helloTimeout: 1_000 }, state)
  const bounds = new HandshakeLimits(world.context.limits)
  const acceptor = new Acceptor(world.context, world.handshake, bounds)
  /** Passes a connection of the only host to the acceptor. */
  const accept = Effect.gen(function* () {
    const peer = yield* makeConnection
    const fiber = yield* Effect.forkChild(acceptor.accept(peer.connection))
    yield* settle
    return { ...peer, fiber, isOver: () => fiber.pollUnsafe() !== undefined }
  })
  /** Passes a connection that has sent its complete Hello, so that it does not give way. */
  const greet = Effect.tap(accept, ({ says }) => {
    says(hello)
    return settle
  })
  return { ...world, accept, bounds, greet }
})

describe("an accepted connection", () => {
  it.effect("of a node whose peers have all failed is not answered as by a node that has met no peer", () =>
    Effect.gen(function* () {
      const a = linkedTo([b])
      loseLink(a, 1_000, b)
      a.until(60_000)
      const { accept } = yield* make(8, a.state())
      const { says, written } = yield* accept
      says(hello)
      yield* settle
      assert.deepInclude(written()[0], { _tag: "HelloAck", viewHash: 0n })
    }),
  )

  it.effect("becomes a link by its handshake, and then frees its place for the next handshake", () =>
    Effect.gen(function* () {
      const { accept, bounds, connections, linkEvents, outcomes } = yield* make()
      const { says } = yield* accept
      assert.strictEqual(bounds.size(), 1)
      says(hello)
      yield* settle
      says(ready)
      yield* settle
      assert.isDefined(connections.open("peer"))
      assert.deepStrictEqual(linkEvents(), ["LinkUp"])
      assert.deepStrictEqual(outcomes, ["in up"])
      assert.strictEqual(bounds.size(), 0)
    }),
  )

  it.effect("beyond the limit of its host is refused as busy, and reset after the linger", () =>
    Effect.gen(function* () {
      const { accept, context, greet, outcomes } = yield* make()
      yield* greet
      const second = yield* accept
      assert.deepInclude(second.written()[0], { _tag: "HelloReject", code: "busy" })
      assert.isTrue(second.isEnded())
      assert.deepStrictEqual(outcomes, ["in busy"])
      assert.isFalse(second.isOver())
      yield* TestClock.adjust(context.limits.linger)
      assert.isTrue(second.isOver())
      assert.isTrue(second.isReset())
    }),
  )

  it.effect("of a disconnected peer, or of an older process, stays open for the linger, so that its Bye arrives", () =>
    Effect.gen(function* () {
      const a = linkedTo([record(7, "b")])
      a.at(1_000, { _tag: "Disconnect", name: "b" })
      for (const [dialer, outcome, code] of [
        [record(7, "b"), "in disconnected", "parted"],
        [record(1, "a"), "in wrongPeer", "replaced"],
      ] as const) {
        const { accept, context, outcomes } = yield* make(8, a.state())
        const { isEnded, isReset, says, written } = yield* accept
        says({ ...hello, record: dialer })
        yield* settle
        says(ready)
        yield* settle
        assert.deepInclude(written().at(-1), { _tag: "Bye", code })
        assert.deepStrictEqual(outcomes, [outcome])
        assert.isTrue(isEnded())
        assert.isFalse(isReset())
        yield* TestClock.adjust(context.limits.linger)
        assert.isTrue(isReset())
      }
    }),
  )

  it.effect("that was refused as busy is closed normally if the peer ends it", () =>
    Effect.gen(function* () {
      const { accept, greet } = yield* make()
      yield* greet
      const second = yield* accept
      yield* second.ends
      yield* settle
      assert.isTrue(second.isOver())
      assert.isFalse(second.isReset())
    }),
  )

  it.effect("is reset without an answer if too many refusals are in progress", () =>
    Effect.gen(function* () {
      const { accept, context, greet, outcomes } = yield* make(1)
      yield* greet
      yield* accept
      const third = yield* accept
      assert.deepStrictEqual(third.written(), [])
      assert.isTrue(third.isReset())
      assert.isTrue(third.isOver())
      assert.deepStrictEqual(outcomes, ["in busy", "in busy"])
      yield* TestClock.adjust(context.limits.linger)
      assert.strictEqual((yield* accept).written().length, 1)
    }),
  )

  it.effect("takes the place of the oldest connection without a complete Hello, which is reset at once", () =>
    Effect.gen(function* () {
      const { accept, bounds, connections, outcomes } = yield* make()
      const first = yield* accept
      first.sendsBytes(0, 0)
      yield* settle
      const second = yield* accept
      assert.isTrue(first.isReset())
      assert.isTrue(first.isOver())
      assert.deepStrictEqual(outcomes, ["in displaced"])
      assert.strictEqual(bounds.size(), 1)
      second.says(hello)
      yield* settle
      second.says(ready)
      yield* settle
      assert.isDefined(connections.open("peer"))
    }),
  )

  it.effect("is reset if its complete Hello does not arrive in time, though a part of it has", () =>
    Effect.gen(function* () {
      const { accept, context, outcomes } = yield* make()
      const { isOver, isReset, sendsBytes } = yield* accept
      yield* TestClock.adjust(context.limits.helloTimeout - 1)
      sendsBytes(0, 0)
      yield* settle
      assert.isFalse(isOver())
      yield* TestClock.adjust(1)
      assert.isTrue(isOver())
      assert.isTrue(isReset())
      assert.deepStrictEqual(outcomes, ["in timeout"])
    }),
  )

  it.effect("with a complete Hello has the time of a handshake for the rest", () =>
    Effect.gen(function* () {
      const { bounds, context, greet, outcomes } = yield* make()
      const { isReset } = yield* greet
      yield* TestClock.adjust(context.limits.handshakeTimeout - 1)
      assert.strictEqual(bounds.size(), 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(bounds.size(), 0)
      assert.isTrue(isReset())
      assert.deepStrictEqual(outcomes, ["in timeout"])
    }),
  )

  it.effect("whose Hello is refused is reset after the linger, and at once if too many refusals are in progress", () =>
    Effect.gen(function* () {
      const { accept, context, outcomes } = yield* make(1)
      const refused = Effect.tap(accept, ({ says }) => {
        says({ ...hello, label: "other" })
        return settle
      })
      const first = yield* refused
      assert.deepInclude(first.written()[0], { _tag: "HelloReject", code: "label" })
      assert.isFalse(first.isReset())
      const second = yield* refused
      assert.deepInclude(second.written()[0], { _tag: "HelloReject", code: "label" })
      assert.isTrue(second.isReset())
      yield* TestClock.adjust(context.limits.linger)
      assert.isTrue(first.isReset())
      assert.isTrue(first.isOver())
      assert.deepStrictEqual(outcomes, ["in label", "in label"])
    }),
  )

  it.effect("frees its place for the next one however its handshake ends", () =>
    Effect.gen(function* () {
      const { accept, bounds, context, outcomes } = yield* make()
      const first = yield* accept
      yield* first.ends
      yield* settle
      assert.strictEqual(bounds.size(), 0)
      yield* accept
      yield* TestClock.adjust(context.limits.handshakeTimeout)
      assert.strictEqual(bounds.size(), 0)
      const { fiber } = yield* accept
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(bounds.size(), 0)
      assert.deepStrictEqual(outcomes, ["in lost", "in timeout", "in interrupted"])
    }),
  )
})
