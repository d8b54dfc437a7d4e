import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { ReceiveLane } from "../../src/flow/ReceiveLane.ts"
import { ReceiveLanes } from "../../src/flow/ReceiveLanes.ts"
import { SendLanes } from "../../src/flow/SendLanes.ts"
import type { LinkEnd } from "../../src/link/LinkEnd.ts"
import { LinkReader } from "../../src/link/LinkReader.ts"
import type { Limits } from "../../src/Limits.ts"
import type { ControlFrame, Data, Frame } from "../../src/protocol/Frame.ts"
import type { Key, PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { makeConnection, settle, testNow } from "./support.ts"

const window = 4_096

/** Creates the reader of a link, and a log of its reports. */
const makeWith = Effect.fnUntraced(function* (limits: Pick<Limits, "controlRate" | "controlBurst">) {
  const now = yield* testNow
  const peer = yield* makeConnection
  const log: Array<string> = []
  const sent: Array<ControlFrame> = []
  const send = (frame: ControlFrame): void => void sent.push(frame)
  const frames = peer.reader()
  frames.open()
  const receiveLanes = new ReceiveLanes({
    makeReceiveLane: (options) => new ReceiveLane(options),
    inboxWindowBytes: window,
    laneWindowBytes: window,
    messageBytes: 10_000,
    send,
    wake: () => undefined,
    sinkOf: (name) => (_, message) => log.push(`${message.payload.length} on "${name}"`),
  })
  const sendLanes = new SendLanes({
    window,
    limit: 100_000,
    wake: () => undefined,
    onOpened: () => undefined,
    onClosed: () => undefined,
  })
  const record = (what: string) => Effect.sync(() => void log.push(what))
  const reader = new LinkReader({
    frames,
    receiveLanes,
    sendLanes,
    limits,
    generation: 7,
    viewHash: 1n,
    now,
    host: {
      send,
      answer: ({ seq }) => log.push(`answer ${seq}`),
      onPong: ({ seq }) => log.push(`pong ${seq}`),
      onAnswer: () => record("heard"),
      onMembership: ({ _tag }) => record(_tag),
      onViewHash: (hash) => record(`hash ${hash}`),
    },
  })
  const running = yield* Effect.forkChild(reader.run())
  const says = (...all: ReadonlyArray<Frame>) =>
    Effect.suspend(() => {
      peer.says(...all)
      return settle
    })
  const end = (): LinkEnd | undefined => {
    const exit = running.pollUnsafe()
    return exit?._tag === "Success" ? exit.value : undefined
  }
  const code = () => {
    const how = end()
    return how?._tag === "ProtocolViolation" ? how.code : how?._tag
  }
  return { code, end, log, peer, reader, receiveLanes, says, sendLanes, sent }
})

const make = makeWith({ controlRate: 10, controlBurst: 5 })

const data = (lane: number, bytes: number): Data => ({
  _tag: "Data",
  lane,
  first: true,
  last: true,
  abort: false,
  payload: new Uint8Array(bytes),
})

const leave = (generation: number): Frame => ({ _tag: "Leave", generation })

describe("a link reader", () => {
  it.effect("counts the bytes of all frames except heartbeats and gossip as use of the link", () =>
    Effect.gen(function* () {
      const { reader, says } = yield* make
      const used = reader.bytesUsed
      yield* says(
        { _tag: "Ping", seq: 1, viewHash: 1n, lag: 0 },
        { _tag: "Pong", seq: 1, viewHash: 1n, lag: 0 },
        { _tag: "Update", records: [] },
      )
      assert.strictEqual(reader.bytesUsed, used)
      yield* says({ _tag: "ProbeResult", id: 1, verdict: "up" })
      const probed = reader.bytesUsed
      assert.isAbove(probed, used)
      yield* says(data(0, 100))
      assert.isAtLeast(reader.bytesUsed, probed + 100)
    }),
  )

  it.effect("passes messages to their lanes and other frames to their handlers, in order", () =>
    Effect.gen(function* () {
      const { log, reader, says } = yield* make
      yield* says(data(0, 1), data(0, 2))
      yield* says({ _tag: "Ping", seq: 4, viewHash: 2n, lag: 0 }, data(0, 3), leave(1))
      assert.deepStrictEqual(log, ['1 on ""', '2 on ""', "answer 4", "hash 2", '3 on ""', "Leave"])
      assert.strictEqual(reader.viewHash, 2n)
      yield* says({ _tag: "Pong", seq: 5, viewHash: 3n, lag: 0 })
      assert.deepStrictEqual(log.slice(6), ["pong 5", "hash 3"])
    }),
  )

  it.effect("opens, credits and closes the sending lanes, and answers a close", () =>
    Effect.gen(function* () {
      const { says, sendLanes, sent } = yield* make
      yield* says({ _tag: "LaneOpen", lanes: [{ lane: 3, name: "red", window }], last: true })
      const lane = sendLanes.lane("red")
      assert.isTrue(lane?.tryOffer(new Uint8Array(936)) === true)
      yield* says({ _tag: "Credit", lane: 3, bytes: 1_000 })
      yield* says({ _tag: "LaneClose", lane: 3 })
      assert.isUndefined(sendLanes.lane("red"))
      assert.deepStrictEqual(sent, [{ _tag: "LaneClosed", lane: 3 }])
    }),
  )

  it.effect("ends with the violation of a lane, from either half of the lane", () =>
    Effect.gen(function* () {
      const first = yield* make
      yield* first.says(data(9, 1))
      assert.strictEqual(first.code(), "laneUnknown")
      const second = yield* make
      yield* second.says(leave(1), data(9, 1))
      assert.strictEqual(second.code(), "laneUnknown")
      const third = yield* make
      yield* third.says({ _tag: "Credit", lane: 0, bytes: 1 })
      assert.strictEqual(third.code(), "malformed")
    }),
  )

  it.effect("ends with the Bye of the peer, and reads no further", () =>
    Effect.gen(function* () {
      const { end, log, says } = yield* make
      const bye = { _tag: "Bye", code: "left", message: "" } as const
      yield* says(bye, leave(1))
      assert.deepStrictEqual(end(), { _tag: "Bye", bye })
      assert.deepStrictEqual(log, [])
    }),
  )

  it.effect("refuses frames of the handshake", () =>
    Effect.gen(function* () {
      const { code, says } = yield* make
      yield* says({ _tag: "Ready", incarnation: 0, viewHash: 0n })
      assert.strictEqual(code(), "unexpectedFrame")
    }),
  )

  it.effect("limits the rate of control frames, without data and credit", () =>
    Effect.gen(function* () {
      const { code, says } = yield* make
      for (let i = 0; i < 20; i++) yield* says(data(0, 0))
      yield* says(...Array.from({ length: 5 }, () => leave(1)))
      yield* TestClock.adjust(500)
      yield* says(...Array.from({ length: 5 }, () => leave(1)))
      assert.isUndefined(code())
      yield* says(leave(1))
      assert.strictEqual(code(), "rate")
    }),
  )

  const keys = (count: number): ReadonlyArray<Key> =>
    Array.from({ length: count }, (_, i) => ({ name: `${i}`, generation: 1, incarnation: 0, status: "alive" as const }))
  const recordsOf = (count: number, metadata = {}): ReadonlyArray<PeerRecord> =>
    keys(count).map((key) => ({ ...key, body: { ...body, metadata } }))
  const body = { addresses: [], metadata: {}, versionMin: 1, versionMax: 1, features: [] }
  const names = Array.from({ length: 160 }, (_, i) => `${i}`)
  const long: ReadonlyArray<readonly [string, Frame]> = [
    ["160 entries of a digest", { _tag: "SyncDigest", entries: keys(160), last: true }],
    ["160 records of an Update", { _tag: "Update", records: recordsOf(160) }],
    ["160 records and names of an answer", { _tag: "SyncDelta", records: recordsOf(80), want: names.slice(80) }],
    ["40 KiB of metadata", { _tag: "Update", records: recordsOf(5, { k: "x".repeat(8_190) }) }],
  ]
  for (const [what, frame] of long) {
    it.effect(`counts ${what} as five more control frames before it handles them`, () =>
      Effect.gen(function* () {
        const { code, log, says } = yield* make
        yield* says(frame)
        assert.strictEqual(code(), "rate")
        assert.deepStrictEqual(log, [])
      }),
    )
  }

  const large = { controlRate: 1_000, controlBurst: 2_000 }
  const digest = (count: number): Frame => ({ _tag: "SyncDigest", entries: keys(count), last: true })

  it.effect("ends the link of a peer that starts more exchanges than the protocol allows, however small they are", () =>
    Effect.gen(function* () {
      const { code, says } = yield* makeWith(large)
      for (let i = 0; i < 16; i++) yield* says(digest(1))
      assert.isUndefined(code())
      yield* says(digest(1))
      assert.strictEqual(code(), "rate")
    }),
  )

  it.effect("accepts a peer that starts four exchanges a second, without end", () =>
    Effect.gen(function* () {
      const { code, says } = yield* makeWith(large)
      for (let i = 0; i < 200; i++) {
        yield* says(digest(1))
        yield* TestClock.adjust(250)
      }
      assert.isUndefined(code())
    }),
  )

  it.effect("counts a LaneOpen with many lanes as several control frames", () =>
    Effect.gen(function* () {
      const { code, says } = yield* make
      const lanes = Array.from({ length: 160 }, (_, i) => ({ lane: i + 1, name: `${i}`, window }))
      yield* says({ _tag: "LaneOpen", lanes, last: true })
      assert.strictEqual(code(), "rate")
    }),
  )

  it.effect("reports the next frames once when an answer is expected", () =>
    Effect.gen(function* () {
      const { log, reader, says } = yield* make
      assert.isTrue(reader.expectAnswer())
      assert.isFalse(reader.expectAnswer())
      yield* says(data(0, 1))
      yield* says(data(0, 2))
      assert.deepStrictEqual(log, ["heard", '1 on ""', '2 on ""'])
      assert.isTrue(reader.expectAnswer())
    }),
  )

  it.effect("records when the peer sent Leave, for its own generation only", () =>
    Effect.gen(function* () {
      const { reader, says } = yield* make
      yield* says(leave(6))
      assert.isUndefined(reader.leavingSince)
      yield* TestClock.adjust(100)
      yield* says(leave(7))
      yield* TestClock.adjust(100)
      yield* says(leave(7))
      assert.strictEqual(reader.leavingSince, 100)
    }),
  )
})
