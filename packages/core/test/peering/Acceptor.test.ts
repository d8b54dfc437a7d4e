import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Acceptor } from "../../src/peering/Acceptor.ts"
import { HandshakeLimits } from "../../src/peering/HandshakeLimits.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import { makeConnection, settle } from "../link/support.ts"
import { addressOf } from "../membership/support.ts"
import { record } from "./fakeLink.ts"
import { makeContext, ready } from "./linkContext.ts"

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
}

/** An acceptor with room for one handshake per host. */
const make = Effect.fnUntraced(function* (handshakes = 8) {
  const world = yield* makeContext({ handshakes, handshakesPerHost: 1 })
  const bounds = new HandshakeLimits(world.context.limits)
  const acceptor = new Acceptor(world.context, world.handshake, bounds)
  /** Hands a connection of the one host to the acceptor. */
  const accept = Effect.gen(function* () {
    const peer = yield* makeConnection
    const fiber = yield* Effect.forkChild(acceptor.accept(peer.connection))
    yield* settle
    return { ...peer, fiber, isOver: () => fiber.pollUnsafe() !== undefined }
  })
  return { ...world, accept, bounds }
})

describe("an accepted connection", () => {
  it.effect("becomes a link by its handshake, and then leaves room for the next handshake", () =>
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

  it.effect("beyond the limit of its host is told busy, and held until the linger is over", () =>
    Effect.gen(function* () {
      const { accept, context, outcomes } = yield* make()
      yield* accept
      const second = yield* accept
      assert.deepInclude(second.written()[0], { _tag: "HelloReject", code: "busy" })
      assert.isTrue(second.isEnded())
      assert.deepStrictEqual(outcomes, ["in busy"])
      assert.isFalse(second.isOver())
      yield* TestClock.adjust(context.limits.linger)
      assert.isTrue(second.isOver())
    }),
  )

  it.effect("is told nothing if too many are being told busy", () =>
    Effect.gen(function* () {
      const { accept, context, outcomes } = yield* make(1)
      yield* accept
      yield* accept
      const third = yield* accept
      assert.deepStrictEqual(third.written(), [])
      assert.isTrue(third.isOver())
      assert.deepStrictEqual(outcomes, ["in busy"])
      yield* TestClock.adjust(context.limits.linger)
      assert.strictEqual((yield* accept).written().length, 1)
    }),
  )

  it.effect("leaves room for the next one however its handshake ends", () =>
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
