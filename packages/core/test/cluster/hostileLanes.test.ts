/** Peers that break or ignore the rules of lanes. Each costs only its own link. */
import type { LaneItem } from "@coterie/core/Lane"
import type { Message } from "@coterie/core/Message"
import { assert, describe } from "@effect/vitest"
import * as Cborg from "cborg"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Acknowledgement } from "../../src/flow/SendLane.ts"
import { SendLanes } from "../../src/flow/SendLanes.ts"
import type { ByeCode, Frame } from "../../src/protocol/Frame.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as FrameTable from "../../src/wire/FrameTable.ts"
import { concat, raw as frameAround } from "../wire/support.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** A whole message on a lane. */
const data = (lane: number, payload: Uint8Array | string, confirm?: number): Frame =>
  RawPeer.data(payload, confirm === undefined ? { lane } : { lane, confirm })

/** Reads a lane of the node in the background. */
const reading = Effect.fnUntraced(function* ({ a }: Pick<RawPeer.Stage, "a">, name: string) {
  const lane = yield* a.cluster.lane(name)
  const heard: Array<LaneItem> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(lane.read(), (item) => Effect.sync(() => heard.push(item))),
    {
      startImmediately: true,
    },
  )
  return { fiber, heard, texts: () => heard.flatMap((item) => (item._tag === "Message" ? [item.text] : [])) }
})

/** Returns the number of the lane that the node opens. */
const numberOf = Effect.fnUntraced(function* (peer: RawPeer.RawPeer, name: string) {
  while (true) {
    const { lanes } = yield* peer.receiveFrame("LaneOpen")
    const found = lanes.find((each) => each.name === name)
    if (found !== undefined) return found.lane
  }
})

/** Ends the messages of a replaced connection. */
const duplicate: Frame = { _tag: "Bye", code: "duplicate", message: "" }

/** A frame with a body that the encoder would reject. */
const raw = (kind: number, body: unknown): Uint8Array => frameAround(kind, Cborg.encode(body))

const opened = (lane: number, name: string) => ({ lane, name, window: 4_096 })

const open = (...lanes: ReadonlyArray<ReturnType<typeof opened>>): Frame => ({ _tag: "LaneOpen", lanes, last: true })

/** Returns a fragment of a message of zeros. It is the first fragment if it has a total. */
const part = (lane: number, size: number, options: { total?: number; last?: boolean } = {}): Frame =>
  RawPeer.data(new Uint8Array(size), { lane, first: options.total !== undefined, last: false, ...options })

type Act = (
  peer: RawPeer.RawPeer,
  /** Number of a lane that the node reads. */
  lane: number,
  /** `stop` ends the reader of that lane. */
  stage: RawPeer.Stage & { readonly stop: Effect.Effect<void> },
) => Effect.Effect<unknown, unknown, Scope.Scope>

const send =
  (frames: (lane: number) => ReadonlyArray<Frame>): Act =>
  (peer, lane) =>
    peer.send(...frames(lane))

describe("a violation of the rules of lanes is answered with Bye, counted once, and leaves no queue behind:", () => {
  const violations: ReadonlyArray<readonly [what: string, code: ByeCode, act: Act]> = [
    ["data on a lane that is not open", "laneUnknown", send((lane) => [data(lane + 1, "x")])],
    ["more data than credit", "creditExceeded", send((lane) => [1, 2, 3].map(() => data(lane, new Uint8Array(400))))],
    ["a fragment without a first fragment", "malformed", send((lane) => [part(lane, 500)])],
    [
      "a message that begins within another message",
      "malformed",
      send((lane) => [part(lane, 448, { total: 900 }), data(lane, "x")]),
    ],
    [
      "a first fragment twice",
      "malformed",
      send((lane) => [part(lane, 448, { total: 900 }), part(lane, 448, { total: 900 })]),
    ],
    [
      "a message longer than announced",
      "malformed",
      send((lane) => [part(lane, 448, { total: 500 }), part(lane, 53, { last: true })]),
    ],
    [
      "a message shorter than announced",
      "malformed",
      send((lane) => [part(lane, 448, { total: 500 }), part(lane, 51, { last: true })]),
    ],
    ["a message announced beyond the limit", "oversize", send((lane) => [part(lane, 448, { total: 10_001 })])],
    ["an abort outside a message", "malformed", send((lane) => [{ ...part(lane, 0), abort: true } as Frame])],
    ["a confirmation id that comes twice", "malformed", send((lane) => [1, 1].map((id) => data(lane, "x", id)))],
    ["a confirmation id that is skipped", "malformed", send((lane) => [1, 3].map((id) => data(lane, "x", id)))],
    ["a first confirmation id other than 1", "malformed", send((lane) => [data(lane, "x", 0)])],
    ["Taken of a message that was never sent", "malformed", send(() => [{ _tag: "Taken", lane: 0, id: 1 }])],
    ["Taken on a lane that is not open", "laneUnknown", send(() => [{ _tag: "Taken", lane: 7, id: 1 }])],
    [
      "Taken of a message that was taken before",
      "malformed",
      (peer, _, { a }) =>
        Effect.gen(function* () {
          const sending = yield* Effect.forkScoped(a.cluster.send("m", "well?", { confirm: true }))
          const { confirm = 0 } = yield* peer.receiveFrame("Data")
          yield* peer.send({ _tag: "Taken", lane: 0, id: confirm })
          yield* Fiber.join(sending)
          yield* peer.send({ _tag: "Taken", lane: 0, id: confirm })
        }),
    ],
    ["credit for a lane that is not open", "laneUnknown", send(() => [{ _tag: "Credit", lane: 7, bytes: 64 }])],
    [
      "more credit than was spent",
      "malformed",
      send(() => [open(opened(7, "mine")), { _tag: "Credit", lane: 7, bytes: 64 }]),
    ],
    [
      "a lane name of 129 bytes",
      "malformed",
      (peer) => peer.write(raw(FrameTable.kinds.LaneOpen, { lanes: [opened(1, "x".repeat(129))], last: true })),
    ],
    [
      "a lane with the number of the inbox",
      "malformed",
      (peer) => peer.write(raw(FrameTable.kinds.LaneOpen, { lanes: [opened(0, "mine")], last: true })),
    ],
    [
      "a window below the minimum",
      "malformed",
      (peer) =>
        peer.write(raw(FrameTable.kinds.LaneOpen, { lanes: [{ lane: 1, name: "mine", window: 1_023 }], last: true })),
    ],
    [
      "ten thousand lanes",
      "oversize",
      send(() =>
        Array.from({ length: 10 }, (_, chunk) =>
          open(...Array.from({ length: 1_000 }, (_, i) => opened(1_000 * chunk + i + 1, `lane ${1_000 * chunk + i}`))),
        ),
      ),
    ],
    [
      "thousands of frames that open and close a lane",
      "rate",
      (peer) =>
        Effect.gen(function* () {
          const round = Array.from({ length: 500 }, (): ReadonlyArray<Frame> => [
            open(opened(1, "mine")),
            { _tag: "LaneClose", lane: 1 },
          ])
          const bytes = concat(round.flat().map(FrameEncoder.encode))
          // The test receives the answers at the same time.
          yield* Effect.forkScoped(Effect.ignore(Effect.repeat(peer.write(bytes), { times: 9 })))
        }),
    ],
    [
      "a lane number that is opened twice",
      "malformed",
      send(() => [open(opened(7, "mine")), open(opened(7, "yours"))]),
    ],
    ["a lane name that is opened twice", "malformed", send(() => [open(opened(7, "mine")), open(opened(8, "mine"))])],
    ["LaneClose of a lane that is not open", "laneUnknown", send(() => [{ _tag: "LaneClose", lane: 7 }])],
    [
      "LaneClose twice",
      "laneUnknown",
      send(() => [open(opened(7, "mine")), { _tag: "LaneClose", lane: 7 }, { _tag: "LaneClose", lane: 7 }]),
    ],
    ["LaneClose of the inbox", "malformed", (peer) => peer.write(raw(FrameTable.kinds.LaneClose, { lane: 0 }))],
    ["LaneClosed of a lane that is open", "laneUnknown", send((lane) => [{ _tag: "LaneClosed", lane }])],
    ["LaneClosed of a lane that is not open", "laneUnknown", send(() => [{ _tag: "LaneClosed", lane: 7 }])],
    [
      "data after LaneClosed",
      "laneUnknown",
      (peer, lane, { a }) =>
        Effect.gen(function* () {
          const other = yield* reading({ a }, "another")
          const number = yield* numberOf(peer, "another")
          yield* Fiber.interrupt(other.fiber)
          yield* peer.receiveFrame("LaneClose")
          yield* peer.send(data(number, "under way"))
          yield* peer.send({ _tag: "LaneClosed", lane: number })
          yield* peer.send(data(lane, "fine"))
          yield* peer.send(data(number, "too late"))
        }),
    ],
    [
      "more data than credit while the lane closes",
      "creditExceeded",
      (peer, lane, { stop }) =>
        Effect.gen(function* () {
          yield* stop
          yield* peer.receiveFrame("LaneClose")
          for (let i = 0; i < 3; i++) yield* peer.send(data(lane, new Uint8Array(400)))
        }),
    ],
  ]
  for (const [what, code, act] of violations) {
    RawPeer.scenario(
      `${what}: ${code}`,
      (stage) =>
        Effect.gen(function* () {
          // The reader takes only one message, so the node returns no credit.
          const lane = yield* stage.a.cluster.lane("orders")
          const stuck = yield* Effect.forkScoped(
            Stream.runForEach(lane.read(), () => Effect.never),
            {
              startImmediately: true,
            },
          )
          const peer = yield* stage.connect
          yield* peer.completeHandshake()
          const number = yield* numberOf(peer, "orders")
          yield* World.untilPeers(stage.a, ["m"])
          yield* Effect.ignore(act(peer, number, { ...stage, stop: Fiber.interrupt(stuck) }))
          const bye = (yield* peer.receiveAll).at(-1)
          assert.strictEqual(RawPeer.byeCodeOf(bye), code)
          assert.strictEqual(stage.metric("coterie_violations_total"), 1)
          assert.strictEqual(stage.metric("coterie_violations_total", { code }), 1)
          yield* World.until(stage.a, ({ peers }) => !peers.has("m"))
          for (const queue of ["links", "inbox_bytes", "outbox_bytes", "control_outbox"]) {
            assert.strictEqual(stage.metric("coterie_queue_size", { queue }), 0, queue)
          }
        }),
      { limits: { laneWindowBytes: 1_024, messageBytes: 10_000 } },
    )
  }
})

describe("with connections that replace each other", () => {
  RawPeer.scenario(
    "a late message on the replaced connection reaches no later reader of the lane and is not acknowledged",
    (stage) =>
      Effect.gen(function* () {
        const before = yield* reading(stage, "orders")
        const first = yield* stage.connect
        yield* first.completeHandshake()
        const onFirst = yield* numberOf(first, "orders")
        const second = yield* stage.connect
        yield* second.completeHandshake({ linkEpoch: 2 })
        const onSecond = yield* numberOf(second, "orders")
        assert.strictEqual((yield* first.receiveFrame("Bye")).code, "duplicate")
        yield* Fiber.interrupt(before.fiber)
        yield* second.receiveFrame("LaneClose")
        // Sent after the reader ended, and before the peer has learned of it.
        yield* first.send(data(onFirst, "nobody", 1))
        yield* Effect.sleep("100 millis")
        const after = yield* reading(stage, "orders")
        const again = yield* numberOf(second, "orders")
        yield* first.send(data(onFirst, "early"))
        yield* second.send(data(onSecond, "between"))
        yield* first.send(duplicate)
        yield* first.end
        yield* second.send({ _tag: "LaneClosed", lane: onSecond })
        yield* second.send(data(again, "late"))
        assert.notInclude(
          (yield* first.receiveAll).map(({ _tag }) => _tag),
          "Taken",
        )
        yield* World.eventually(() => after.texts().length > 0)
        assert.deepStrictEqual(after.texts(), ["late"])
        yield* second.leave()
      }),
  )

  RawPeer.scenario(
    "messages beyond the kept bytes are lost at the end of a session, never in its middle",
    ({ a, connect }) =>
      Effect.gen(function* () {
        let sent = 0
        let before: RawPeer.RawPeer | undefined
        const heard: Array<Message> = []
        for (let linkEpoch = 1; linkEpoch <= 8; linkEpoch++) {
          const peer = yield* connect
          yield* peer.completeHandshake({ linkEpoch })
          if (before !== undefined) {
            yield* before.receiveFrame("Bye")
            yield* before.send(duplicate)
            yield* before.end
            yield* before.receiveAll
          }
          for (let i = 0; i < 3; i++) yield* peer.send(data(0, String(sent++).padEnd(250)))
          before = peer
          // The reader starts late. After that, all messages fit.
          if (linkEpoch !== 7) continue
          yield* Effect.forkScoped(
            Stream.runForEach(a.cluster.inbox, (message) => Effect.sync(() => heard.push(message))),
          )
        }
        if (before !== undefined) yield* before.leave()
        yield* World.eventually(() => heard.some((message) => Number(message.text) === sent - 1))
        assert.isBelow(heard.length, sent, "some messages must be lost")
        for (const [i, { session, text }] of heard.entries()) {
          const last = heard[i - 1]
          if (last?.session === session) assert.strictEqual(Number(text), Number(last.text) + 1, "a gap in a session")
        }
      }),
    { limits: { inboxWindowBytes: 1_024, messageBytes: 2_000 } },
  )
})

/** Keeps the link alive. Returns a list that gets all frames once the node has closed the connection. */
const keepOpen = Effect.fnUntraced(function* (peer: RawPeer.RawPeer) {
  const received: Array<Frame> = []
  yield* peer.keepAlive
  yield* Effect.forkScoped(Effect.map(peer.receiveAll, (frames) => void received.push(...frames)))
  return received
})

describe("a mailbox without a reader", () => {
  RawPeer.scenario(
    "keeps a bounded number of bytes of peers that left, regardless of the number of names",
    ({ a, connect }) =>
      Effect.gen(function* () {
        const size = 900
        const count = 100
        for (let i = 0; i < count; i++) {
          const peer = yield* connect
          yield* peer.completeHandshake({ name: `m${i}` })
          yield* peer.send(data(0, new Uint8Array(size)))
          yield* peer.leave()
        }
        let kept = 0
        yield* Effect.forkScoped(
          Stream.runForEach(a.cluster.inbox, ({ payload }) => Effect.sync(() => (kept += payload.length))),
        )
        yield* Effect.sleep("1 second")
        assert.isAtLeast(kept, size)
        // Sixteen times a window and a message, and the last message.
        assert.isAtMost(kept, 16 * (1_024 + 1_000) + size)
      }),
    { limits: { inboxWindowBytes: 1_024, messageBytes: 1_000 } },
  )
})

describe("a peer that omits required frames:", () => {
  RawPeer.scenario(
    "without LaneOpen it delays a publish for limits.slowPeerTimeout, as a slow peer does",
    (stage) =>
      Effect.gen(function* () {
        const peer = yield* stage.connect
        yield* peer.completeHandshake()
        yield* World.untilPeers(stage.a, ["m"])
        const received = yield* keepOpen(peer)
        const lane = yield* stage.a.cluster.lane("orders")
        const { failed, sent } = yield* lane.publish("well?")
        assert.deepStrictEqual(sent, [])
        assert.deepStrictEqual(
          failed.map(({ peer, reason }) => [peer, reason._tag]),
          [["m", "SlowPeer"]],
        )
        assert.strictEqual(received.length, 0, "the link stays up")
        yield* peer.leave()
      }),
    { limits: { slowPeerTimeout: 3_000 } },
  )

  {
    const asked: Array<Acknowledgement> = []
    RawPeer.scenario(
      "without Taken it does not extend an acknowledged send that has timed out",
      ({ a, connect }) =>
        Effect.gen(function* () {
          const peer = yield* connect
          yield* peer.completeHandshake()
          yield* World.untilPeers(a, ["m"])
          const error = yield* Effect.flip(a.cluster.send("m", "well?", { confirm: true, timeout: "100 millis" }))
          assert.strictEqual(error.reason._tag, "ConfirmTimeout")
          yield* peer.leave()
          assert.strictEqual(asked.length, 1)
          // A leaked acknowledgement would complete when the link ends.
          for (const { result } of asked) assert.isFalse(Deferred.isDoneUnsafe(result))
        }),
      {},
      {
        makeSendLanes: (options) => {
          const sendLanes = new SendLanes(options)
          const { inbox } = sendLanes
          const tryOffer = inbox.tryOffer.bind(inbox)
          inbox.tryOffer = (payload, extra) => {
            if (extra?.acknowledgement !== undefined) asked.push(extra.acknowledgement)
            return tryOffer(payload, extra)
          }
          return sendLanes
        },
      },
    )
  }

  for (const [how, pause, limits] of [
    ["at the allowed rate", 20, {}],
    ["without a limit", 0, { controlRate: 1e9, controlBurst: 1e9 }],
  ] as const) {
    RawPeer.scenario(
      `without LaneClosed it is disconnected as slow, while this node opens and closes a lane ${how}`,
      (stage) =>
        Effect.gen(function* () {
          const peer = yield* stage.connect
          yield* peer.completeHandshake()
          yield* World.untilPeers(stage.a, ["m"])
          const received = yield* keepOpen(peer)
          const lane = yield* stage.a.cluster.lane("orders")
          for (let i = 0; i < 70_000 && received.length === 0; i++) {
            yield* Effect.scoped(Effect.andThen(lane.open(), pause > 0 ? Effect.sleep(pause) : Effect.void))
          }
          yield* World.eventually(() => received.length > 0)
          const bye = received.at(-1)
          assert.strictEqual(RawPeer.byeCodeOf(bye), "slow")
          yield* World.until(stage.a, ({ peers }) => !peers.has("m"))
        }),
      { limits },
    )
  }
})
