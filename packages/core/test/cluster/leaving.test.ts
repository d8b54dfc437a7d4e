/** The time that leaving takes, and the treatment of a peer that left (docs/protocol.md R9). */
import * as FailureDetector from "@coterie/core/FailureDetector"
import type * as Transport from "@coterie/core/Transport"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const scenario = World.simulated

describe("leaving", () => {
  /** Returns the time that the node takes to leave. Its only peer runs `onLeave` after it has received the Leave. */
  const timeToLeave = (a: World.Node, peer: RawPeer.RawPeer, onLeave: Effect.Effect<void, Transport.TransportError>) =>
    Effect.gen(function* () {
      yield* peer.completeHandshake()
      yield* peer.keepAlive
      yield* World.untilPeers(a, ["m"])
      const start = yield* Clock.currentTimeMillis
      const leaving = yield* Effect.forkChild(a.cluster.leave)
      yield* peer.receiveFrame("Leave")
      yield* onLeave
      yield* Effect.forkScoped(peer.receiveAll)
      yield* Fiber.join(leaving)
      return (yield* Clock.currentTimeMillis) - start
    })

  scenario("waits for a late LeaveAck", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const peer = yield* RawPeer.connect(network, a)
      const acknowledge = peer.send({ _tag: "LeaveAck", generation: RawPeer.generation })
      const took = yield* timeToLeave(a, peer, Effect.andThen(Effect.sleep("2 seconds"), acknowledge))
      assert.isAtLeast(took, 2_000)
      assert.isBelow(took, 5_000)
    }),
  )

  scenario("takes five to seven seconds with a peer that never sends LeaveAck", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const took = yield* timeToLeave(a, yield* RawPeer.connect(network, a), Effect.void)
      // Five seconds for the LeaveAck, and up to two more to write the last messages.
      assert.isAtLeast(took, 5_000)
      assert.isAtMost(took, 7_100)
    }),
  )

  scenario(
    "takes a second after the last bytes of a peer that then neither takes nor sends anything",
    ({ node }, network) =>
      Effect.gen(function* () {
        const a = yield* node("a", {}, FailureDetector.layerLan)
        const peer = yield* RawPeer.connect(network, a)
        yield* peer.completeHandshake()
        yield* World.untilPeers(a, ["m"])
        yield* Effect.sleep("700 millis")
        const start = yield* Clock.currentTimeMillis
        yield* a.cluster.leave
        assert.strictEqual((yield* Clock.currentTimeMillis) - start, 1_000)
      }),
  )
})

RawPeer.scenario(
  "a peer that leaves and continues to send is disconnected after seven to twelve seconds",
  ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.completeHandshake()
      yield* World.untilPeers(a, ["m"])
      yield* peer.send({ _tag: "Leave", generation: RawPeer.generation })
      yield* peer.keepAlive
      const start = yield* Clock.currentTimeMillis
      const frames = yield* peer.receiveAll
      assert.deepStrictEqual(RawPeer.byeCodesOf(frames), ["parted"])
      // Longer than a leaving node waits for its peers, and bounded.
      const took = (yield* Clock.currentTimeMillis) - start
      assert.isAtLeast(took, 7_000)
      assert.isAtMost(took, 12_000)
      assert.strictEqual((yield* Effect.flip(a.cluster.send("m", "?"))).reason._tag, "PeerLeft")
    }),
)
