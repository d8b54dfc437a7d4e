/** Connections that do not complete the handshake, or break its rules. Each costs only its own connection. */
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Frame } from "../../src/protocol/Frame.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import { bytes } from "./RawPeer.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

describe("during the handshake", () => {
  const garbage: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["text of another protocol", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["a length of 0", bytes(0, 0, 0, 0)],
    ["a length of 2^31 - 1 and ten bytes", bytes(0x7f, 0xff, 0xff, 0xff, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)],
    ["a length of 2^32 - 1", bytes(0xff, 0xff, 0xff, 0xff, 1)],
    ["a length beyond 16 KiB", bytes(0, 0, 0x40, 1, 1)],
    ["an unknown kind", bytes(0, 0, 0, 1, 99)],
    ["a Hello that is not CBOR", bytes(0, 0, 0, 3, 1, 0xff, 0xff)],
    [
      "a Hello nested a thousand deep",
      Uint8Array.from([0, 0, 3, 0xe9, 1, ...Array.from({ length: 1000 }, () => 0x81)]),
    ],
    ["a Hello with an array of 2^32 - 1 elements", bytes(0, 0, 0, 6, 1, 0x9a, 0xff, 0xff, 0xff, 0xff)],
    ["a Hello of indefinite length", bytes(0, 0, 0, 3, 1, 0xbf, 0xff)],
    ["a Hello with the same key twice", bytes(0, 0, 0, 8, 1, 0xa2, 0x61, 0x61, 1, 0x61, 0x61, 2)],
  ]
  for (const [what, payload] of garbage) {
    RawPeer.scenario(`${what} is disconnected without an answer`, ({ connect }) =>
      Effect.gen(function* () {
        const peer = yield* connect
        const start = yield* Clock.currentTimeMillis
        yield* peer.write(payload)
        assert.deepStrictEqual(yield* peer.receiveAll, [])
        // Before the handshake times out.
        assert.isBelow((yield* Clock.currentTimeMillis) - start, 1_000)
      }),
    )
  }

  RawPeer.scenario("a Hello cut short by the end of the stream is disconnected without an answer", ({ connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      const start = yield* Clock.currentTimeMillis
      yield* peer.write(FrameEncoder.encode(RawPeer.hello()).subarray(0, 60))
      yield* peer.end
      assert.deepStrictEqual(yield* peer.receiveAll, [])
      assert.isBelow((yield* Clock.currentTimeMillis) - start, 1_000)
    }),
  )

  RawPeer.scenario(
    "a HelloReject with stale from a peer that dialed does not stop a node with members",
    ({ connect }) =>
      Effect.gen(function* () {
        const member = yield* connect
        yield* member.completeHandshake()
        const peer = yield* connect
        yield* peer.send(RawPeer.hello({ name: "x" }))
        assert.strictEqual((yield* peer.receive)?._tag, "HelloAck")
        yield* peer.send({ _tag: "HelloReject", code: "stale", message: "", atLeastGeneration: 2 ** 52 })
        assert.deepStrictEqual(yield* peer.receiveAll, [])
        yield* member.leave()
      }),
  )

  RawPeer.scenario("a first frame other than Hello is disconnected without an answer", ({ connect }) =>
    Effect.gen(function* () {
      for (const frame of [
        RawPeer.heartbeat,
        { _tag: "Update", records: [] },
        { _tag: "Leave", generation: 1 },
      ] satisfies ReadonlyArray<Frame>) {
        const peer = yield* connect
        yield* peer.send(frame)
        assert.deepStrictEqual(yield* peer.receiveAll, [], frame._tag)
      }
    }),
  )

  RawPeer.scenario("a connection without Hello is closed after two seconds", ({ connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      const start = yield* Clock.currentTimeMillis
      assert.deepStrictEqual(yield* peer.receiveAll, [])
      const took = (yield* Clock.currentTimeMillis) - start
      assert.isAtLeast(took, 2_000)
      assert.isAtMost(took, 2_100)
    }),
  )

  RawPeer.scenario("a Hello that arrives one byte a second does not extend the two seconds", ({ connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      const start = yield* Clock.currentTimeMillis
      const frame = FrameEncoder.encode(RawPeer.hello())
      yield* Effect.forkScoped(
        Effect.ignore(
          Effect.forEach(frame, (byte) => Effect.andThen(peer.write(bytes(byte)), Effect.sleep("1 seconds"))),
        ),
      )
      yield* peer.receiveAll
      assert.isAtMost((yield* Clock.currentTimeMillis) - start, 2_100)
    }),
  )

  RawPeer.scenario("a Hello without Ready is disconnected after five seconds and adds no member", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      const start = yield* Clock.currentTimeMillis
      yield* peer.send(RawPeer.hello())
      assert.strictEqual((yield* peer.receive)?._tag, "HelloAck")
      assert.deepStrictEqual(yield* a.cluster.peers, [])
      yield* peer.receiveAll
      assert.isAtMost((yield* Clock.currentTimeMillis) - start, 5_100)
    }),
  )

  RawPeer.scenario(
    "the ninth unfinished handshake of one host is rejected as busy, and the other eight continue",
    ({ connect }) =>
      Effect.gen(function* () {
        const first = yield* connect
        for (let i = 1; i < 8; i++) {
          const peer = yield* connect
          yield* peer.send(RawPeer.hello({ name: `m${i}` }))
          assert.strictEqual((yield* peer.receive)?._tag, "HelloAck")
        }
        yield* first.send(RawPeer.hello())
        assert.strictEqual((yield* first.receive)?._tag, "HelloAck")
        const ninth = yield* connect
        const answer = yield* ninth.receiveAll
        assert.deepStrictEqual(answer.map(RawPeer.rejectCodeOf), ["busy"])
        yield* first.send({ _tag: "Ready", incarnation: 0, viewHash: 0n })
        assert.strictEqual((yield* first.receive)?._tag, "Ready")
        yield* first.leave()
      }),
  )

  RawPeer.scenario("the ninth connection of one host replaces the oldest one without a complete Hello", ({ connect }) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      const first = yield* connect
      yield* first.write(FrameEncoder.encode(RawPeer.hello()).subarray(0, 60))
      for (let i = 1; i < 8; i++) yield* connect
      const ninth = yield* connect
      assert.deepStrictEqual(yield* first.receiveAll, [])
      yield* ninth.completeHandshake()
      assert.isBelow((yield* Clock.currentTimeMillis) - start, 1_000)
      yield* ninth.leave()
    }),
  )

  const rejected: ReadonlyArray<readonly [string, RawPeer.HelloFields, string]> = [
    ["another label", { label: "other" }, "label"],
    ["only later versions", { versionMin: 2, versionMax: 9 }, "version"],
    ["the node's own name", { record: RawPeer.record({ name: "a" }) }, "duplicate"],
  ]
  for (const [what, changes, code] of rejected) {
    RawPeer.scenario(`a Hello with ${what} is rejected with ${code}`, ({ a, connect }) =>
      Effect.gen(function* () {
        const peer = yield* connect
        yield* peer.send(RawPeer.hello(changes))
        const answer = yield* peer.receiveAll
        assert.deepStrictEqual(answer.map(RawPeer.rejectCodeOf), [code])
        assert.deepStrictEqual(yield* a.cluster.peers, [])
      }),
    )
  }

  RawPeer.scenario(
    "beyond limits.links a new peer is rejected as busy, and a member that reconnects is accepted",
    ({ a, connect }) =>
      Effect.gen(function* () {
        const first = yield* connect
        yield* first.completeHandshake()
        yield* World.untilPeers(a, ["m"])
        const second = yield* connect
        yield* second.send(RawPeer.hello({ name: "n" }))
        const answer = yield* second.receive
        assert.strictEqual(RawPeer.rejectCodeOf(answer), "busy")
        const again = yield* connect
        yield* again.send(RawPeer.hello({ linkEpoch: 2 }))
        assert.strictEqual((yield* again.receive)?._tag, "HelloAck")
        yield* first.leave()
      }),
    { limits: { links: 1 } },
  )

  RawPeer.scenario(
    "handshakes of all hosts together are bounded by limits.handshakes",
    ({ connect }) =>
      Effect.gen(function* () {
        const first = yield* connect
        const second = yield* connect
        yield* first.send(RawPeer.hello())
        yield* second.send(RawPeer.hello({ name: "n" }))
        assert.strictEqual((yield* first.receive)?._tag, "HelloAck")
        assert.strictEqual((yield* second.receive)?._tag, "HelloAck")
        const third = yield* connect
        assert.strictEqual(RawPeer.rejectCodeOf((yield* third.receiveAll)[0]), "busy")
        yield* first.send({ _tag: "Ready", incarnation: 0, viewHash: 0n })
        assert.strictEqual((yield* first.receive)?._tag, "Ready")
        yield* first.leave()
      }),
    { limits: { handshakes: 2 } },
  )

  RawPeer.scenario("an accusation in the peer's Ready is refuted in the node's own Ready", ({ connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.send(RawPeer.hello())
      const ack = yield* peer.receive
      if (ack?._tag !== "HelloAck") return assert.fail("no HelloAck")
      const { generation, incarnation } = ack.record
      const youAre = { generation, incarnation, status: "failed" } as const
      yield* peer.send({ _tag: "Ready", incarnation: 0, viewHash: 0n, youAre })
      const ready = yield* peer.receive
      assert.isAbove(ready?._tag === "Ready" ? ready.incarnation : -1, incarnation)
      yield* peer.leave()
    }),
  )

  RawPeer.scenario("an incarnation in Ready that is less than the one in Hello ends the handshake", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.send(RawPeer.hello({ record: RawPeer.record({ incarnation: 5 }) }))
      assert.strictEqual((yield* peer.receive)?._tag, "HelloAck")
      yield* peer.send({ _tag: "Ready", incarnation: 4, viewHash: 0n })
      assert.deepStrictEqual(yield* peer.receiveAll, [])
      assert.deepStrictEqual(yield* a.cluster.peers, [])
    }),
  )
})
