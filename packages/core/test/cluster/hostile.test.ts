/**
 * Peers that break the protocol after their handshake. Each costs only its own link. `handshake.test.ts` covers
 * violations before the end of the handshake, and `hostileLanes.test.ts` covers violations of the rules of lanes.
 */
import * as Limits from "@coterie/core/Limits"
import type * as Transport from "@coterie/core/Transport"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Frame } from "../../src/protocol/Frame.ts"
import type * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import { bytes, data } from "./RawPeer.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

describe("after the handshake", () => {
  /** Completes a handshake, runs `send`, and returns the code of the node's Bye. */
  const byeTo = (
    stage: RawPeer.Stage,
    send: (peer: RawPeer.RawPeer) => Effect.Effect<void, Transport.TransportError>,
  ) =>
    Effect.gen(function* () {
      const peer = yield* stage.connect
      yield* peer.completeHandshake()
      yield* World.untilPeers(stage.a, ["m"])
      yield* Effect.ignore(send(peer))
      const bye = (yield* peer.receiveAll).at(-1)
      // The node must evict the member before the scenario checks that the node has no other member.
      yield* World.until(stage.a, ({ peers }) => !peers.has("m"))
      return RawPeer.byeCodeOf(bye)
    })

  const violations: ReadonlyArray<readonly [string, string, ReadonlyArray<Frame> | Uint8Array]> = [
    ["bytes that are not a frame", "malformed", bytes(0, 0, 0, 3, 16, 0xff, 0xff)],
    ["an unknown kind", "unexpectedFrame", bytes(0, 0, 0, 1, 99)],
    ["a frame beyond the limit", "oversize", bytes(0x7f, 0xff, 0xff, 0xff, 16)],
    ["a second Hello", "unexpectedFrame", [RawPeer.hello()]],
    ["data on a lane that is not open", "laneUnknown", [data("x", { lane: 5 })]],
    ["credit for a lane that is not open", "laneUnknown", [{ _tag: "Credit", lane: 5, bytes: 1 }]],
    ["more credit than was spent", "malformed", [{ _tag: "Credit", lane: 0, bytes: 1 }]],
    ["a fragment without a first fragment", "malformed", [data("x", { first: false })]],
    ["an abort outside a message", "malformed", [data("", { first: false, last: false, abort: true })]],
    [
      "a message that begins within another message",
      "malformed",
      [data(new Uint8Array(500), { last: false, total: 1_000 }), data("x")],
    ],
    [
      "a message longer than announced",
      "malformed",
      [data(new Uint8Array(500), { last: false, total: 600 }), data(new Uint8Array(101), { first: false })],
    ],
    [
      "an empty fragment in the middle of a message",
      "malformed",
      [data(new Uint8Array(500), { last: false, total: 1_000 }), data("", { first: false, last: false })],
    ],
    ["a first fragment below the smallest size", "malformed", [data("x", { last: false, total: 1_000 })]],
    ["a message announced beyond the limit", "oversize", [data("x", { last: false, total: 17 * 1024 * 1024 })]],
    [
      "more data than credit",
      "creditExceeded",
      Array.from({ length: Limits.defaults.inboxWindowBytes / 60_000 + 1 }, () => data(new Uint8Array(60_000))),
    ],
    [
      "a flood of control frames",
      "rate",
      // In one write, so that they arrive at one instant of virtual time, regardless of the speed of this machine.
      Uint8Array.from(
        Array.from({ length: 3_000 }).flatMap((_, seq) => [
          ...FrameEncoder.encode({ _tag: "Ping", seq, viewHash: 0n, lag: 0 }),
        ]),
      ),
    ],
  ]
  const keys = Array.from({ length: 1_300 }, (_, i) => ({
    name: `${i}`,
    generation: 1,
    incarnation: 0,
    status: "alive" as const,
  }))
  const costly: typeof violations = [
    [
      "more comparisons of views than the protocol allows",
      "rate",
      Array.from({ length: 20 }, () => ({ _tag: "SyncDigest", entries: keys.slice(0, 1), last: true }) as const),
    ],
    [
      "few control frames with long lists",
      "rate",
      Array.from({ length: 60 }, () => ({ _tag: "SyncDigest", entries: keys, last: false }) as const),
    ],
  ]
  for (const [what, code, frames] of [...violations, ...costly]) {
    RawPeer.scenario(`${what} is answered with Bye ${code}`, (stage) =>
      Effect.gen(function* () {
        const answered = yield* byeTo(stage, (peer) =>
          frames instanceof Uint8Array ? peer.write(frames) : peer.send(...frames),
        )
        assert.strictEqual(answered, code)
      }),
    )
  }

  RawPeer.scenario("a peer that sends no heartbeats is disconnected as silent", (stage) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* byeTo(stage, () => Effect.void), "silent")
    }),
  )

  RawPeer.scenario(
    "a frame cut short by the end of the stream loses the link and delivers no message",
    ({ a, connect }) =>
      Effect.gen(function* () {
        const peer = yield* connect
        yield* peer.completeHandshake()
        yield* World.untilPeers(a, ["m"])
        const events = yield* World.collect(a)
        yield* peer.send(data("whole"))
        yield* peer.write(FrameEncoder.encode(data(new Uint8Array(1_000))).subarray(0, 500))
        yield* peer.end
        yield* World.until(a, ({ peers }) => !peers.has("m"))
        assert.deepStrictEqual(
          events.map(({ _tag }) => _tag),
          ["Snapshot", "Unreachable", "Suspected", "Failed"],
        )
        const messages: Array<string> = []
        yield* Effect.forkScoped(
          Stream.runForEach(a.cluster.inbox, ({ text }) => Effect.sync(() => messages.push(text))),
        )
        yield* Effect.sleep("1 seconds")
        assert.deepStrictEqual(messages, ["whole"])
      }),
  )

  RawPeer.scenario("ignorable frame kinds of later versions are ignored", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.completeHandshake()
      yield* peer.write(bytes(0, 0, 0, 4, 200, 1, 2, 3))
      yield* peer.send(data("after it"))
      assert.strictEqual((yield* World.messages(a, 1))[0]?.text, "after it")
      yield* peer.leave()
    }),
  )

  RawPeer.scenario(
    "gossip about peers that do not exist adds no members, and their addresses are dialed for a bounded time",
    ({ a, connect }) =>
      Effect.gen(function* () {
        const peer = yield* connect
        yield* peer.completeHandshake()
        const ghosts = Array.from({ length: 20 }, (_, i) => RawPeer.record({ name: `ghost${i}` }))
        yield* peer.send({ _tag: "Update", records: ghosts })
        const heartbeats = yield* peer.keepAlive
        yield* Effect.sleep("10 seconds")
        assert.deepStrictEqual(
          (yield* a.cluster.peers).map(({ name }) => name),
          ["m"],
        )
        const dialed = a.dialed.length
        yield* Effect.sleep("40 seconds")
        const later = a.dialed.length
        yield* Effect.sleep("10 seconds")
        assert.isAbove(dialed, 0)
        assert.strictEqual(a.dialed.length, later, "an address known by gossip alone is not dialed forever")
        heartbeats.interruptUnsafe()
        yield* peer.leave()
      }),
  )

  RawPeer.scenario("gossip that the node itself failed is refuted", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      const { record } = yield* peer.completeHandshake()
      yield* peer.send({ _tag: "Update", records: [{ ...record, status: "failed" }] })
      const heard: Array<PeerRecord.PeerRecord> = []
      while (!heard.some(({ incarnation }) => incarnation > record.incarnation)) {
        const frame = yield* peer.receive
        if (frame?._tag === "Update") heard.push(...frame.records.filter(({ name }) => name === "a"))
      }
      assert.strictEqual(heard.at(-1)?.status, "alive")
      assert.isAbove((yield* a.cluster.self).generation, 0)
      yield* peer.leave()
    }),
  )

  RawPeer.scenario("a Leave for another generation is ignored", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.completeHandshake()
      yield* peer.send({ _tag: "Leave", generation: 6 })
      yield* peer.send(data("still here"))
      assert.strictEqual((yield* World.messages(a, 1))[0]?.text, "still here")
      yield* World.untilPeers(a, ["m"])
      yield* peer.leave()
    }),
  )

  RawPeer.scenario("records that cannot be true produce a bounded number of Diagnostic events", ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.completeHandshake()
      const events = yield* World.collect(a)
      const records = Array.from({ length: 50 }, (_, i) =>
        RawPeer.record({ name: `ghost${i}`, generation: Number.MAX_SAFE_INTEGER }),
      )
      for (let i = 0; i < 20; i++) yield* peer.send({ _tag: "Update", records })
      yield* Effect.sleep("100 millis")
      const diagnostics = events.filter(({ _tag }) => _tag === "Diagnostic").length
      assert.isAbove(diagnostics, 0)
      assert.isBelow(diagnostics, 100)
      yield* peer.leave()
    }),
  )
})

World.simulated("control characters in the message of a HelloReject reach no event and no error", ({ node }, network) =>
  Effect.gen(function* () {
    const message = "no\n2026-01-01 ERROR \u001b[2Jforged"
    const seed = yield* RawPeer.listen(network, "faulty", (peer) =>
      Effect.gen(function* () {
        yield* peer.receive
        yield* peer.send({ _tag: "HelloReject", code: "denied", message })
        yield* peer.receiveAll
      }),
    )
    const a = yield* node("a", { seeds: [seed] })
    const event = yield* World.untilEvent(a, ({ _tag }) => _tag === "SeedUnavailable")
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    if (event._tag === "SeedUnavailable") assert.notMatch(event.message, /[\u0000-\u001f\u007f-\u009f]/)
    const error = yield* Effect.flip(a.cluster.join(seed))
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    assert.notMatch(error.message, /[\u0000-\u001f\u007f-\u009f]/)
  }),
)

describe("a peer that reads nothing from its connection", () => {
  /** Opens a link whose send buffer is full. */
  const clogged = Effect.fnUntraced(function* ({ a, connect }: RawPeer.Stage) {
    const peer = yield* connect
    yield* peer.completeHandshake({ window: 1_000_000 })
    yield* World.untilPeers(a, ["m"])
    for (let i = 0; i < 5; i++) yield* a.cluster.send("m", new Uint8Array(60_000))
    return peer
  })

  RawPeer.scenario("is disconnected as slow after a minute", (stage) =>
    Effect.gen(function* () {
      const { a } = stage
      const peer = yield* clogged(stage)
      yield* peer.keepAlive
      yield* Effect.sleep("59 seconds")
      assert.strictEqual((yield* a.cluster.view).peers.get("m")?.link, "up")
      yield* Effect.sleep("2 seconds")
      assert.notStrictEqual((yield* a.cluster.view).peers.get("m")?.link, "up")
      yield* World.until(a, ({ peers }) => !peers.has("m"))
    }),
  )

  RawPeer.scenario(
    "and sends requests continuously makes the node hold a bounded number of bytes, followed by a Bye",
    (stage) =>
      Effect.gen(function* () {
        const { a } = stage
        const peer = yield* clogged(stage)
        yield* peer.keepAlive
        const question = { _tag: "SyncDelta", records: [], want: ["a"] } as const
        for (let i = 0; i < 600; i++) {
          yield* peer.send(question)
          if (i % 100 === 0) yield* Effect.sleep("100 millis")
        }
        yield* World.until(a, ({ peers }) => peers.get("m")?.link !== "up")
        const frames = yield* peer.receiveAll
        const answers = frames.filter(({ _tag }) => _tag === "SyncDelta")
        const bytes = answers.reduce((sum, frame) => sum + FrameEncoder.encode(frame).length, 0)
        // The bound includes the queue, the current write, and the buffers of the network.
        assert.isAtMost(bytes, 1024 * 1024 + 64 * 1024 + 64 * 1024)
        assert.deepStrictEqual(RawPeer.byeCodesOf(frames), ["slow"])
        yield* World.until(a, ({ peers }) => !peers.has("m"))
      }),
    { metadata: { text: "x".repeat(8_000) } },
  )

  RawPeer.scenario(
    "is disconnected as slow when more than limits.controlOutbox control frames wait for it",
    (stage) =>
      Effect.gen(function* () {
        const { a } = stage
        const peer = yield* clogged(stage)
        for (let i = 0; i < 20; i++) yield* peer.send(RawPeer.heartbeat)
        yield* peer.keepAlive
        yield* Effect.sleep("1 seconds")
        assert.notStrictEqual((yield* a.cluster.view).peers.get("m")?.link, "up")
        yield* World.until(a, ({ peers }) => !peers.has("m"))
      }),
    { limits: { controlOutbox: 10 } },
  )
})
