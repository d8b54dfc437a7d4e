/**
 * What a stranger or a broken peer may cost: the connection that it came on, and nothing else.
 */
import type { Frame, Hello } from "../../src/protocol/Frame.ts"
import type * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import type * as Transport from "@coterie/core/Transport"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Limits from "@coterie/core/Limits"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import type { Stage, RawPeer } from "./RawPeer.ts"
import { attack, bytes, enter, exit, hello } from "./RawPeer.ts"
import * as World from "./world.ts"

describe("before the handshake is complete", () => {
  const garbage: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["text of another protocol", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["a length of 0", bytes(0, 0, 0, 0)],
    ["a length of 2^31 - 1 and ten bytes", bytes(0x7f, 0xff, 0xff, 0xff, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)],
    ["a length of 2^32 - 1", bytes(0xff, 0xff, 0xff, 0xff, 1)],
    ["a length beyond 16 KiB", bytes(0, 0, 0x40, 1, 1)],
    ["an unknown kind", bytes(0, 0, 0, 1, 99)],
    ["a Hello that is no CBOR", bytes(0, 0, 0, 3, 1, 0xff, 0xff)],
    [
      "a Hello nested a thousand deep",
      Uint8Array.from([0, 0, 3, 0xe9, 1, ...Array.from({ length: 1000 }, () => 0x81)]),
    ],
    ["a Hello with an array of 2^32 - 1 elements", bytes(0, 0, 0, 6, 1, 0x9a, 0xff, 0xff, 0xff, 0xff)],
    ["a Hello of indefinite length", bytes(0, 0, 0, 3, 1, 0xbf, 0xff)],
    ["a Hello with the same key twice", bytes(0, 0, 0, 8, 1, 0xa2, 0x61, 0x61, 1, 0x61, 0x61, 2)],
  ]
  for (const [what, payload] of garbage) {
    attack(`${what} is closed without a word`, ({ connect }) =>
      Effect.gen(function* () {
        const stranger = yield* connect
        const start = yield* Clock.currentTimeMillis
        yield* stranger.write(payload)
        assert.deepStrictEqual(yield* stranger.hearAll, [])
        // Not by the deadline that cuts everybody.
        assert.isBelow((yield* Clock.currentTimeMillis) - start, 1_000)
      }),
    )
  }

  attack("a Hello cut short by the end of the stream is closed without a word", ({ connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      const start = yield* Clock.currentTimeMillis
      yield* stranger.write(FrameEncoder.encode(hello()).subarray(0, 60))
      yield* stranger.end
      assert.deepStrictEqual(yield* stranger.hearAll, [])
      assert.isBelow((yield* Clock.currentTimeMillis) - start, 1_000)
    }),
  )

  for (const code of ["stale", "evicted"] as const) {
    attack(`a refusal as ${code} by who dials does not end a node that has members`, ({ connect }) =>
      Effect.gen(function* () {
        const member = yield* connect
        yield* enter(member)
        const stranger = yield* connect
        yield* stranger.say(hello({}, "x"))
        assert.strictEqual((yield* stranger.hear)?._tag, "HelloAck")
        const more = code === "stale" ? { atLeastGeneration: 2 ** 52 } : {}
        yield* stranger.say({ _tag: "HelloReject", code, message: "", ...more })
        assert.deepStrictEqual(yield* stranger.hearAll, [])
        yield* exit(member)
      }),
    )
  }

  attack("a first frame that is not Hello is closed without a word", ({ connect }) =>
    Effect.gen(function* () {
      for (const frame of [
        { _tag: "Ping", seq: 0, viewHash: 0n, lag: 0 },
        { _tag: "Update", records: [] },
        { _tag: "Leave", generation: 1 },
      ] satisfies ReadonlyArray<Frame>) {
        const stranger = yield* connect
        yield* stranger.say(frame)
        assert.deepStrictEqual(yield* stranger.hearAll, [], frame._tag)
      }
    }),
  )

  attack("silence is cut after five seconds", ({ connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      const start = yield* Clock.currentTimeMillis
      assert.deepStrictEqual(yield* stranger.hearAll, [])
      const took = (yield* Clock.currentTimeMillis) - start
      assert.isAtLeast(took, 5_000)
      assert.isAtMost(took, 5_100)
    }),
  )

  attack("one byte a second does not extend the five seconds", ({ connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      const start = yield* Clock.currentTimeMillis
      const frame = FrameEncoder.encode(hello())
      yield* Effect.forkScoped(
        Effect.ignore(
          Effect.forEach(frame, (byte) => Effect.andThen(stranger.write(bytes(byte)), Effect.sleep("1 seconds"))),
        ),
      )
      yield* stranger.hearAll
      assert.isAtMost((yield* Clock.currentTimeMillis) - start, 5_100)
    }),
  )

  attack("a Hello without its Ready is cut after five seconds and leaves nothing", ({ a, connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      const start = yield* Clock.currentTimeMillis
      yield* stranger.say(hello())
      assert.strictEqual((yield* stranger.hear)?._tag, "HelloAck")
      assert.deepStrictEqual(yield* a.cluster.peers, [])
      yield* stranger.hearAll
      assert.isAtMost((yield* Clock.currentTimeMillis) - start, 5_100)
    }),
  )

  attack("the ninth unfinished handshake of one host is turned away as busy, and the rest go on", ({ connect }) =>
    Effect.gen(function* () {
      const first = yield* connect
      for (let i = 0; i < 7; i++) yield* connect
      const ninth = yield* connect
      const answer = yield* ninth.hearAll
      assert.deepStrictEqual(
        answer.map((frame) => (frame._tag === "HelloReject" ? frame.code : frame._tag)),
        ["busy"],
      )
      yield* enter(first)
      yield* exit(first)
    }),
  )

  const refused: ReadonlyArray<readonly [string, Partial<Hello>, string]> = [
    ["another label", { label: "other" }, "label"],
    ["versions of the future only", { versionMin: 2, versionMax: 9 }, "version"],
    ["the node's own name", { record: hello({}, "a").record }, "duplicate"],
  ]
  for (const [what, changes, code] of refused) {
    attack(`a Hello with ${what} is refused with the code ${code}`, ({ a, connect }) =>
      Effect.gen(function* () {
        const stranger = yield* connect
        yield* stranger.say(hello(changes))
        const answer = yield* stranger.hearAll
        assert.deepStrictEqual(
          answer.map((frame) => (frame._tag === "HelloReject" ? frame.code : frame._tag)),
          [code],
        )
        assert.deepStrictEqual(yield* a.cluster.peers, [])
      }),
    )
  }

  attack(
    "a stranger finds no room when all links are taken, and a member that returns does",
    ({ a, connect }) =>
      Effect.gen(function* () {
        const first = yield* connect
        yield* enter(first)
        yield* World.untilPeers(a, ["m"])
        const second = yield* connect
        yield* second.say(hello({}, "n"))
        const answer = yield* second.hear
        assert.strictEqual(answer?._tag === "HelloReject" ? answer.code : answer?._tag, "busy")
        const again = yield* connect
        yield* again.say(hello({ linkEpoch: 2 }))
        assert.strictEqual((yield* again.hear)?._tag, "HelloAck")
        yield* exit(first)
      }),
    { limits: { links: 1 } },
  )
})

describe("after it", () => {
  /** What the node says in its Bye when a peer says this. */
  const byeTo = (stage: Stage, say: (stranger: RawPeer) => Effect.Effect<void, Transport.TransportError>) =>
    Effect.gen(function* () {
      const stranger = yield* stage.connect
      yield* enter(stranger)
      yield* World.untilPeers(stage.a, ["m"])
      yield* Effect.ignore(say(stranger))
      const bye = (yield* stranger.hearAll).at(-1)
      // The member is not there any more; that is found out and forgotten before the test goes on.
      yield* World.until(stage.a, ({ peers }) => !peers.has("m"))
      return bye?._tag === "Bye" ? bye.code : bye?._tag
    })

  const data = { _tag: "Data", lane: 0, first: true, last: true, abort: false, payload: bytes(1) } as const

  const violations: ReadonlyArray<readonly [string, string, ReadonlyArray<Frame> | Uint8Array]> = [
    ["bytes that are no frame", "malformed", bytes(0, 0, 0, 3, 16, 0xff, 0xff)],
    ["an unknown kind", "unexpectedFrame", bytes(0, 0, 0, 1, 99)],
    ["a frame beyond the limit", "oversize", bytes(0x7f, 0xff, 0xff, 0xff, 16)],
    ["a second Hello", "unexpectedFrame", [hello()]],
    ["data on a lane that was never opened", "laneUnknown", [{ ...data, lane: 5 }]],
    ["credit for a lane that does not exist", "laneUnknown", [{ _tag: "Credit", lane: 5, bytes: 1 }]],
    ["credit that was never spent", "malformed", [{ _tag: "Credit", lane: 0, bytes: 1 }]],
    ["a fragment without a first", "malformed", [{ ...data, first: false }]],
    [
      "an abort without a message",
      "malformed",
      [{ ...data, first: false, last: false, abort: true, payload: bytes() }],
    ],
    [
      "a message within a message",
      "malformed",
      [
        { ...data, last: false, total: 1_000, payload: new Uint8Array(500) },
        { ...data, last: true },
      ],
    ],
    [
      "a message longer than announced",
      "malformed",
      [
        { ...data, last: false, total: 600, payload: new Uint8Array(500) },
        { ...data, first: false, payload: new Uint8Array(101) },
      ],
    ],
    [
      "a message in pieces of nothing",
      "malformed",
      [
        { ...data, last: false, total: 1_000, payload: new Uint8Array(500) },
        { ...data, first: false, last: false, payload: bytes() },
      ],
    ],
    ["a message that begins with a crumb", "malformed", [{ ...data, last: false, total: 1_000 }]],
    ["a message announced beyond the limit", "oversize", [{ ...data, last: false, total: 17 * 1024 * 1024 }]],
    [
      "more data than credit",
      "creditExceeded",
      Array.from({ length: Limits.defaults.inboxWindow / 60_000 + 1 }, () => ({
        ...data,
        payload: new Uint8Array(60_000),
      })),
    ],
    [
      "a flood of control frames",
      "rate",
      Array.from({ length: 3_000 }, (_, seq) => ({ _tag: "Ping", seq, viewHash: 0n, lag: 0 }) as const),
    ],
  ]
  for (const [what, code, frames] of violations) {
    attack(`${what}: Bye ${code}`, (stage) =>
      Effect.gen(function* () {
        const said = yield* byeTo(stage, (stranger) =>
          frames instanceof Uint8Array
            ? stranger.write(frames)
            : Effect.forEach(frames, stranger.say, { discard: true }),
        )
        assert.strictEqual(said, code)
      }),
    )
  }

  attack("a peer that says nothing is cut as silent", (stage) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* byeTo(stage, () => Effect.void), "silent")
    }),
  )

  attack("a frame cut short by the end of the stream is a lost link and no message", ({ a, connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      yield* enter(stranger)
      yield* World.untilPeers(a, ["m"])
      const events = yield* World.collect(a)
      yield* stranger.say({ ...data, payload: new TextEncoder().encode("whole") })
      yield* stranger.write(FrameEncoder.encode({ ...data, payload: new Uint8Array(1_000) }).subarray(0, 500))
      yield* stranger.end
      yield* World.until(a, ({ peers }) => !peers.has("m"))
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Snapshot", "Unreachable", "Suspected", "Failed"],
      )
      const messages: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(a.cluster.inbox, ({ text }) => Effect.sync(() => messages.push(text))))
      yield* Effect.sleep("1 seconds")
      assert.deepStrictEqual(messages, ["whole"])
    }),
  )

  attack("kinds of later versions that may be ignored are", ({ a, connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      yield* enter(stranger)
      yield* stranger.write(bytes(0, 0, 0, 4, 200, 1, 2, 3))
      yield* stranger.say({ ...data, payload: new TextEncoder().encode("after it") })
      assert.strictEqual((yield* World.messages(a, 1))[0]?.text, "after it")
      yield* exit(stranger)
    }),
  )

  attack("gossip about peers that do not exist makes no members, and is forgotten", ({ a, connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      yield* enter(stranger)
      const ghosts = Array.from({ length: 50 }, (_, i) => hello({}, `ghost${i}`).record)
      yield* stranger.say({ _tag: "Update", records: ghosts })
      const pinging = yield* Effect.forkScoped(
        Effect.ignore(
          Effect.forever(
            Effect.andThen(stranger.say({ _tag: "Ping", seq: 0, viewHash: 0n, lag: 0 }), Effect.sleep("100 millis")),
          ),
        ),
      )
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
      assert.strictEqual(a.dialed.length, later, "nobody is dialled for ever on hearsay")
      pinging.interruptUnsafe()
      yield* exit(stranger)
    }),
  )

  attack("a claim that the node itself failed is refuted", ({ a, connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      const ack = yield* enter(stranger)
      const record = ack?._tag === "HelloAck" ? ack.record : undefined
      if (record === undefined) return assert.fail("no record")
      yield* stranger.say({ _tag: "Update", records: [{ ...record, status: "failed" }] })
      const heard: Array<PeerRecord.PeerRecord> = []
      while (!heard.some(({ incarnation }) => incarnation > record.incarnation)) {
        const frame = yield* stranger.hear
        if (frame?._tag === "Update") heard.push(...frame.records.filter(({ name }) => name === "a"))
      }
      assert.strictEqual(heard.at(-1)?.status, "alive")
      assert.isAbove((yield* a.cluster.self).generation, 0)
      yield* exit(stranger)
    }),
  )

  attack("a Leave for another generation is ignored", ({ a, connect }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      yield* enter(stranger)
      yield* stranger.say({ _tag: "Leave", generation: 6 })
      yield* stranger.say({ ...data, payload: new TextEncoder().encode("still here") })
      assert.strictEqual((yield* World.messages(a, 1))[0]?.text, "still here")
      yield* World.untilPeers(a, ["m"])
      yield* exit(stranger)
    }),
  )
})
