import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as TestClock from "effect/testing/TestClock"
import { type DialOptions, OutboundConnection } from "../../src/peering/OutboundConnection.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import { makeConnection, settle } from "../link/support.ts"
import { addressOf } from "../membership/support.ts"
import { helloAck, makeContext, ready } from "./linkContext.ts"

/** Dials a peer that the test plays. By default the transport connects at once. */
const start = Effect.fnUntraced(function* (
  options: DialOptions = {},
  connect?: Effect.Effect<never, Transport.TransportError>,
) {
  const world = yield* makeContext()
  const peer = yield* makeConnection
  let isClosed = false
  const transport: Transport.Transport["Service"] = {
    listen: Effect.die("nothing listens"),
    connect: () =>
      connect ??
      Effect.acquireRelease(Effect.succeed(peer.connection), () =>
        Effect.sync(() => {
          isClosed = true
        }),
      ),
  }
  const { context: links, handshake } = world
  const context = { links, handshake, transport, fork: yield* FiberSet.makeRuntime<never, void, never>() }
  const dial = yield* Effect.forkChild(new OutboundConnection(context, addressOf("peer"), options).dial)
  yield* settle
  const says = (...frames: ReadonlyArray<Frame>) => Effect.suspend(() => (peer.says(...frames), settle))
  return { ...world, dial, isClosed: () => isClosed, peer, says }
})

describe("a dial", () => {
  it.effect("returns the link, which outlives the dial", () =>
    Effect.gen(function* () {
      const { connections, dial, isClosed, linkEvents, says } = yield* start()
      yield* says(helloAck)
      yield* says(ready)
      assert.strictEqual(yield* Fiber.join(dial), connections.open("peer"))
      assert.deepStrictEqual(linkEvents(), ["LinkUp"])
      assert.isFalse(isClosed())
    }),
  )

  it.effect("that is interrupted before the peer relies on the connection ends the connection", () =>
    Effect.gen(function* () {
      const { connections, context, dial, isClosed, peer } = yield* start()
      assert.deepStrictEqual(
        peer.written().map(({ _tag }) => _tag),
        ["Hello"],
      )
      assert.strictEqual(context.epochs.dialing.size, 1)
      yield* Fiber.interrupt(dial)
      assert.isTrue(isClosed())
      assert.strictEqual(context.epochs.dialing.size, 0)
      assert.deepStrictEqual(connections.all(), [])
    }),
  )

  it.effect("that is interrupted after this node has sent Ready lets the connection come up", () =>
    Effect.gen(function* () {
      const { connections, dial, isClosed, linkEvents, says } = yield* start()
      yield* says(helloAck)
      yield* Fiber.interrupt(dial)
      assert.isFalse(isClosed())
      yield* says(ready)
      assert.isDefined(connections.open("peer"))
      assert.deepStrictEqual(linkEvents(), ["LinkUp"])
    }),
  )

  it.effect("fails with the error of the handshake, and closes the connection", () =>
    Effect.gen(function* () {
      const { dial, isClosed, says } = yield* start({ expected: "other" })
      yield* says(helloAck)
      assert.deepInclude(yield* Effect.flip(Fiber.join(dial)), { _tag: "HandshakeFailed", reason: "wrongPeer" })
      yield* settle
      assert.isTrue(isClosed())
    }),
  )

  it.effect("fails with the error of the transport", () =>
    Effect.gen(function* () {
      const refused = new Transport.TransportError({ reason: "refused", message: "" })
      const { dial } = yield* start({}, Effect.fail(refused))
      assert.strictEqual(yield* Effect.flip(Fiber.join(dial)), refused)
    }),
  )

  it.effect("fails if the transport or the handshake takes longer than the limit", () =>
    Effect.gen(function* () {
      for (const connect of [undefined, Effect.never]) {
        const { context, dial } = yield* start({}, connect)
        yield* TestClock.adjust(context.limits.handshakeTimeout)
        assert.deepInclude(yield* Effect.flip(Fiber.join(dial)), { _tag: "HandshakeFailed", reason: "timeout" })
      }
    }),
  )
})
