/**
 * What a peer that breaks the rules of the lanes, or just does not do its part, may cost: its link, and nothing else.
 */
import type { ByeCode, Frame } from "../../src/protocol/Frame.ts"
import type { Message, SessionEnded } from "@coterie/core/Message"
import { assert, describe } from "@effect/vitest"
import * as Cborg from "cborg"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Confirmation } from "../../src/flow/SendLanes.ts"
import { defaults } from "../../src/cluster/Overrides.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as Layout from "../../src/wire/Layout.ts"
import type { Stage, RawPeer } from "./RawPeer.ts"
import { attack, enter, exit } from "./RawPeer.ts"
import * as World from "./world.ts"

const text = (of: string): Uint8Array => new TextEncoder().encode(of)

/** A whole message on a lane. */
const data = (lane: number, payload: Uint8Array, confirm?: number): Frame => ({
  _tag: "Data",
  lane,
  first: true,
  last: true,
  abort: false,
  payload,
  ...(confirm === undefined ? {} : { confirm }),
})

/** Reads a lane of the node from now on. */
const reading = Effect.fnUntraced(function* ({ a }: Pick<Stage, "a">, name: string) {
  const lane = yield* a.cluster.lane(name)
  const heard: Array<Message | SessionEnded> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(lane.read(), (item) => Effect.sync(() => heard.push(item))),
    {
      startImmediately: true,
    },
  )
  return { fiber, heard, texts: () => heard.flatMap((item) => (item._tag === "Message" ? [item.text] : [])) }
})

/** The number under which the node has opened a lane. */
const numberOf = Effect.fnUntraced(function* (stranger: RawPeer, name: string) {
  while (true) {
    const { lanes } = yield* stranger.hearOf("LaneOpen")
    const found = lanes.find((each) => each.name === name)
    if (found !== undefined) return found.lane
  }
})

const moved: Frame = { _tag: "Bye", code: "duplicate", message: "" }

/** A frame whose body no encoder would write. */
const raw = (kind: number, body: unknown): Uint8Array => {
  const encoded = Cborg.encode(body)
  const frame = new Uint8Array(5 + encoded.length)
  new DataView(frame.buffer).setUint32(0, 1 + encoded.length)
  frame[4] = kind
  frame.set(encoded, 5)
  return frame
}

const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

const opened = (lane: number, name: string) => ({ lane, name, window: 4_096 })

const open = (...lanes: ReadonlyArray<ReturnType<typeof opened>>): Frame => ({ _tag: "LaneOpen", lanes, last: true })

/** A part of a message of several. */
const part = (lane: number, size: number, how: { total?: number; last?: boolean } = {}): Frame => ({
  _tag: "Data",
  lane,
  first: how.total !== undefined,
  last: how.last === true,
  abort: false,
  payload: new Uint8Array(size),
  ...(how.total === undefined ? {} : { total: how.total }),
})

type Act = (
  stranger: RawPeer,
  /** The number of a lane that the node reads. */
  lane: number,
  stage: Stage & { readonly stop: Effect.Effect<void> },
) => Effect.Effect<unknown, unknown, Scope.Scope>

const say =
  (frames: (lane: number) => ReadonlyArray<Frame>): Act =>
  (stranger, lane) =>
    Effect.forEach(frames(lane), stranger.say, { discard: true })

describe("who breaks the rules of the lanes is told which, is counted, and leaves nothing behind:", () => {
  const violations: ReadonlyArray<readonly [what: string, code: ByeCode, act: Act]> = [
    ["data on a lane that was never opened", "laneUnknown", say((lane) => [data(lane + 1, text("x"))])],
    ["more data than credit", "creditExceeded", say((lane) => [1, 2, 3].map(() => data(lane, new Uint8Array(400))))],
    ["a fragment without a first", "malformed", say((lane) => [part(lane, 500)])],
    [
      "a message that begins within another",
      "malformed",
      say((lane) => [part(lane, 448, { total: 900 }), data(lane, text("x"))]),
    ],
    [
      "two beginnings of one message",
      "malformed",
      say((lane) => [part(lane, 448, { total: 900 }), part(lane, 448, { total: 900 })]),
    ],
    [
      "a message longer than announced",
      "malformed",
      say((lane) => [part(lane, 448, { total: 500 }), part(lane, 53, { last: true })]),
    ],
    [
      "a message shorter than announced",
      "malformed",
      say((lane) => [part(lane, 448, { total: 500 }), part(lane, 51, { last: true })]),
    ],
    ["a message announced beyond the limit", "oversize", say((lane) => [part(lane, 448, { total: 10_001 })])],
    ["an abort of nothing", "malformed", say((lane) => [{ ...part(lane, 0), abort: true } as Frame])],
    [
      "a number to be confirmed that comes twice",
      "malformed",
      say((lane) => [1, 1].map((id) => data(lane, text("x"), id))),
    ],
    [
      "a number to be confirmed that is skipped",
      "malformed",
      say((lane) => [1, 3].map((id) => data(lane, text("x"), id))),
    ],
    ["a first number to be confirmed that is not 1", "malformed", say((lane) => [data(lane, text("x"), 0)])],
    ["taken, what was never sent", "malformed", say(() => [{ _tag: "Taken", lane: 0, id: 1 }])],
    ["taken, on a lane that is not open", "laneUnknown", say(() => [{ _tag: "Taken", lane: 7, id: 1 }])],
    [
      "taken, what was taken before",
      "malformed",
      (stranger, _, { a }) =>
        Effect.gen(function* () {
          const sending = yield* Effect.forkScoped(a.cluster.send("m", "well?", { confirm: true }))
          const { confirm = 0 } = yield* stranger.hearOf("Data")
          yield* stranger.say({ _tag: "Taken", lane: 0, id: confirm })
          yield* Fiber.join(sending)
          yield* stranger.say({ _tag: "Taken", lane: 0, id: confirm })
        }),
    ],
    ["credit for a lane that is not open", "laneUnknown", say(() => [{ _tag: "Credit", lane: 7, bytes: 64 }])],
    [
      "credit for a lane that was not used",
      "malformed",
      say(() => [open(opened(7, "mine")), { _tag: "Credit", lane: 7, bytes: 64 }]),
    ],
    [
      "a name beyond its limit",
      "malformed",
      (stranger) => stranger.write(raw(Layout.kinds.LaneOpen, { lanes: [opened(1, "x".repeat(129))], last: true })),
    ],
    [
      "a lane with the number of the inbox",
      "malformed",
      (stranger) => stranger.write(raw(Layout.kinds.LaneOpen, { lanes: [opened(0, "mine")], last: true })),
    ],
    [
      "a window that no message fits into",
      "malformed",
      (stranger) =>
        stranger.write(raw(Layout.kinds.LaneOpen, { lanes: [{ lane: 1, name: "mine", window: 1_023 }], last: true })),
    ],
    [
      "ten thousand lanes",
      "oversize",
      say(() =>
        Array.from({ length: 10 }, (_, chunk) =>
          open(...Array.from({ length: 1_000 }, (_, i) => opened(1_000 * chunk + i + 1, `lane ${1_000 * chunk + i}`))),
        ),
      ),
    ],
    [
      "lanes that are opened and closed all the time",
      "rate",
      (stranger) =>
        Effect.gen(function* () {
          const lanes = Array.from({ length: 1_000 }, (_, i) => opened(i + 1, `lane ${i}`))
          const round = [open(...lanes), ...lanes.map(({ lane }): Frame => ({ _tag: "LaneClose", lane }))]
          const bytes = concat(round.map(FrameEncoder.encode))
          // The answers are heard meanwhile.
          yield* Effect.forkScoped(Effect.ignore(Effect.repeat(stranger.write(bytes), { times: 9 })))
        }),
    ],
    ["a lane that is opened twice", "malformed", say(() => [open(opened(7, "mine")), open(opened(7, "yours"))])],
    ["a name that is opened twice", "malformed", say(() => [open(opened(7, "mine")), open(opened(8, "mine"))])],
    ["a lane that is closed and was not open", "laneUnknown", say(() => [{ _tag: "LaneClose", lane: 7 }])],
    [
      "a lane that is closed twice",
      "laneUnknown",
      say(() => [open(opened(7, "mine")), { _tag: "LaneClose", lane: 7 }, { _tag: "LaneClose", lane: 7 }]),
    ],
    ["the inbox, closed", "malformed", (stranger) => stranger.write(raw(Layout.kinds.LaneClose, { lane: 0 }))],
    [
      "an answer to no question: a lane that is open is not closed",
      "laneUnknown",
      say((lane) => [{ _tag: "LaneClosed", lane }]),
    ],
    ["an answer to no question: a lane that never was", "laneUnknown", say(() => [{ _tag: "LaneClosed", lane: 7 }])],
    [
      "data after the answer that none will come",
      "laneUnknown",
      (stranger, lane, { a }) =>
        Effect.gen(function* () {
          const other = yield* reading({ a }, "another")
          const number = yield* numberOf(stranger, "another")
          yield* Fiber.interrupt(other.fiber)
          yield* stranger.hearOf("LaneClose")
          yield* stranger.say(data(number, text("under way")))
          yield* stranger.say({ _tag: "LaneClosed", lane: number })
          yield* stranger.say(data(lane, text("fine")))
          yield* stranger.say(data(number, text("too late")))
        }),
    ],
    [
      "more data than credit while the lane is closed",
      "creditExceeded",
      (stranger, lane, { stop }) =>
        Effect.gen(function* () {
          yield* stop
          yield* stranger.hearOf("LaneClose")
          for (let i = 0; i < 3; i++) yield* stranger.say(data(lane, new Uint8Array(400)))
        }),
    ],
  ]
  for (const [what, code, act] of violations) {
    attack(
      `${what}: Bye ${code}`,
      (stage) =>
        Effect.gen(function* () {
          // Whoever reads and whoever does not: nothing is taken, so nothing is given back.
          const lane = yield* stage.a.cluster.lane("orders")
          const stuck = yield* Effect.forkScoped(
            Stream.runForEach(lane.read(), () => Effect.never),
            {
              startImmediately: true,
            },
          )
          const stranger = yield* stage.connect
          yield* enter(stranger)
          const number = yield* numberOf(stranger, "orders")
          yield* World.untilPeers(stage.a, ["m"])
          yield* Effect.ignore(act(stranger, number, { ...stage, stop: Fiber.interrupt(stuck) }))
          const bye = (yield* stranger.hearAll).at(-1)
          assert.strictEqual(bye?._tag === "Bye" ? bye.code : bye?._tag, code)
          assert.strictEqual(stage.metric("coterie_violations_total"), 1)
          assert.strictEqual(stage.metric("coterie_violations_total", { code }), 1)
          yield* World.until(stage.a, ({ peers }) => !peers.has("m"))
          for (const queue of ["links", "inbox_bytes", "outbox_bytes", "control_outbox"]) {
            assert.strictEqual(stage.metric("coterie_queue_size", { queue }), 0, queue)
          }
        }),
      { limits: { laneWindow: 1_024, messageBytes: 10_000, controlRate: 100, controlBurst: 200 } },
    )
  }
})

describe("connections that replace each other", () => {
  attack(
    "what comes late on the replaced one is not read by who reads the lane later, and not said to be taken",
    (stage) =>
      Effect.gen(function* () {
        const before = yield* reading(stage, "orders")
        const first = yield* stage.connect
        yield* enter(first)
        const onFirst = yield* numberOf(first, "orders")
        const second = yield* stage.connect
        yield* enter(second, "m", { linkEpoch: 2 })
        const onSecond = yield* numberOf(second, "orders")
        assert.strictEqual((yield* first.hearOf("Bye")).code, "duplicate")
        yield* Fiber.interrupt(before.fiber)
        yield* second.hearOf("LaneClose")
        // Said while its reader had gone, and before the peer knew it.
        yield* first.say(data(onFirst, text("nobody"), 1))
        yield* Effect.sleep("100 millis")
        const after = yield* reading(stage, "orders")
        const again = yield* numberOf(second, "orders")
        yield* first.say(data(onFirst, text("early")))
        yield* second.say(data(onSecond, text("between")))
        yield* first.say(moved)
        yield* first.end
        yield* second.say({ _tag: "LaneClosed", lane: onSecond })
        yield* second.say(data(again, text("late")))
        assert.notInclude(
          (yield* first.hearAll).map(({ _tag }) => _tag),
          "Taken",
        )
        yield* World.eventually(() => after.texts().length > 0)
        assert.deepStrictEqual(after.texts(), ["late"])
        yield* exit(second)
      }),
  )

  attack(
    "that many leave more behind than is kept loses the end of a session, and not its middle",
    ({ a, connect }) =>
      Effect.gen(function* () {
        let said = 0
        let before: RawPeer | undefined
        const heard: Array<Message> = []
        for (let linkEpoch = 1; linkEpoch <= 8; linkEpoch++) {
          const stranger = yield* connect
          yield* enter(stranger, "m", { linkEpoch })
          if (before !== undefined) {
            yield* before.hearOf("Bye")
            yield* before.say(moved)
            yield* before.end
            yield* before.hearAll
          }
          for (let i = 0; i < 3; i++) yield* stranger.say(data(0, text(String(said++).padEnd(250))))
          before = stranger
          // The reader comes late, and from then on nothing is too much.
          if (linkEpoch !== 7) continue
          yield* Effect.forkScoped(
            Stream.runForEach(a.cluster.inbox, (message) => Effect.sync(() => heard.push(message))),
          )
        }
        if (before !== undefined) yield* exit(before)
        yield* World.eventually(() => heard.some((message) => Number(message.text) === said - 1))
        assert.isBelow(heard.length, said, "something had to be lost")
        for (const [i, { session, text }] of heard.entries()) {
          const last = heard[i - 1]
          if (last?.session === session) assert.strictEqual(Number(text), Number(last.text) + 1, "a gap in a session")
        }
      }),
    { limits: { inboxWindow: 1_024, messageBytes: 2_000 } },
  )
})

/** Keeps the link alive and hears everything that comes. */
const living = (stranger: RawPeer) => {
  const heard: Array<Frame> = []
  const pings = Effect.forever(
    Effect.andThen(stranger.say({ _tag: "Ping", seq: 0, viewHash: 0n, lag: 0 }), Effect.sleep("100 millis")),
  )
  return Effect.as(
    Effect.all([
      Effect.forkScoped(Effect.ignore(pings)),
      Effect.forkScoped(Effect.map(stranger.hearAll, (frames) => void heard.push(...frames))),
    ]),
    heard,
  )
}

describe("a mailbox that nobody reads", () => {
  attack(
    "keeps what a number of peers left that are gone, and not what comes under ever new names",
    ({ a, connect }) =>
      Effect.gen(function* () {
        const size = 900
        const count = 100
        for (let i = 0; i < count; i++) {
          const stranger = yield* connect
          yield* enter(stranger, `m${i}`)
          yield* stranger.say(data(0, new Uint8Array(size)))
          yield* exit(stranger)
        }
        let kept = 0
        yield* Effect.forkScoped(
          Stream.runForEach(a.cluster.inbox, ({ payload }) => Effect.sync(() => (kept += payload.length))),
        )
        yield* Effect.sleep("1 second")
        assert.isAtLeast(kept, size)
        // Sixteen times a window and a message, and the last one.
        assert.isAtMost(kept, 16 * (1_024 + 1_000) + size)
      }),
    { limits: { inboxWindow: 1_024, messageBytes: 1_000 } },
  )
})

describe("who does not do its part:", () => {
  attack(
    "a peer that never says what it reads holds up what is published for as long as a slow one does",
    (stage) =>
      Effect.gen(function* () {
        const stranger = yield* stage.connect
        yield* enter(stranger)
        yield* World.untilPeers(stage.a, ["m"])
        const heard = yield* living(stranger)
        const lane = yield* stage.a.cluster.lane("orders")
        const { failed, sent } = yield* lane.publish("well?")
        assert.deepStrictEqual(sent, [])
        assert.deepStrictEqual(
          failed.map(({ peer, reason }) => [peer, reason]),
          [["m", "slow"]],
        )
        assert.strictEqual(heard.length, 0, "the link goes on")
        yield* exit(stranger)
      }),
    { limits: { slowPeerTimeout: 3_000 } },
  )

  {
    const asked: Array<Confirmation> = []
    attack(
      "a peer that gives credit and never says what it took makes the sender keep nothing of those who gave up",
      ({ a, connect }) =>
        Effect.gen(function* () {
          const stranger = yield* connect
          yield* enter(stranger)
          yield* World.untilPeers(a, ["m"])
          const error = yield* Effect.flip(a.cluster.send("m", "well?", { confirm: true, timeout: "100 millis" }))
          assert.strictEqual(error.reason, "timeout")
          yield* exit(stranger)
          assert.strictEqual(asked.length, 1)
          // What is kept until then is told that the link is over.
          for (const { taken } of asked) assert.isFalse(Deferred.isDoneUnsafe(taken))
        }),
      {},
      {
        makeSendLanes: (options) => {
          const outbox = defaults.makeSendLanes(options)
          const tryOffer: typeof outbox.inbox.tryOffer = (payload, extra) => {
            if (extra?.confirm !== undefined) asked.push(extra.confirm)
            return outbox.inbox.tryOffer(payload, extra)
          }
          return { ...outbox, inbox: { ...outbox.inbox, tryOffer } }
        },
      },
    )
  }

  for (const [how, pause, limits] of [
    ["at the pace that is allowed", 20, {}],
    ["as fast as it can", 0, { controlRate: 1e9, controlBurst: 1e9 }],
  ] as const) {
    attack(
      `a peer that never answers when a lane is closed is cut, though this node reads on and off ${how}`,
      (stage) =>
        Effect.gen(function* () {
          const stranger = yield* stage.connect
          yield* enter(stranger)
          yield* World.untilPeers(stage.a, ["m"])
          const heard = yield* living(stranger)
          const lane = yield* stage.a.cluster.lane("orders")
          for (let i = 0; i < 70_000 && heard.length === 0; i++) {
            const reader = yield* Effect.forkChild(Stream.runDrain(lane.read()), { startImmediately: true })
            if (pause > 0) yield* Effect.sleep(pause)
            yield* Fiber.interrupt(reader)
          }
          yield* World.eventually(() => heard.length > 0)
          const bye = heard.at(-1)
          assert.strictEqual(bye?._tag === "Bye" ? bye.code : bye?._tag, "slow")
          yield* World.until(stage.a, ({ peers }) => !peers.has("m"))
        }),
      { limits },
    )
  }
})
