/**
 * Bounds of the memory that a node uses for its peers, regardless of their messages.
 *
 * With the limits of docs/protocol.md, section "Limits", and `lanes` lanes that this node reads, one link holds
 * messages of at most
 *
 *     (1 + lanes) x (window + message)
 *
 * bytes. A `message` costs `messageBytes` and 64 bytes for each of its fragments, which have at least 448 bytes. There
 * are at most `links` links, and {@link connectionsPerPeer} successive connections of one peer. Unread messages of
 * links that have ended take, for each reader, at most 16 times the bound of a lane, and once more for the last link.
 * Messages that wait to be written to a link take at most `outboxBytes` and one frame.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Frame } from "../../src/protocol/Frame.ts"
import { connectionsPerPeer } from "../../src/peering/PeerConnections.ts"
import { cost, minFragmentBytes } from "../../src/flow/cost.ts"
import type { Options } from "../../src/flow/ReceiveLane.ts"
import * as Protocol from "../../src/protocol/constants.ts"
import { MeasuredLane } from "../flow/MeasuredLane.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const window = 4_096
const messageBytes = 50_000
const outboxBytes = 200_000
/** Cost of the largest message in the smallest fragments. */
const message = messageBytes + Protocol.dataOverhead * Math.ceil(messageBytes / minFragmentBytes)
const perLane = window + message

/** Makes receive lanes that report the number of bytes that they hold. */
const watchReceiveLanes = () => {
  const all: Array<MeasuredLane> = []
  return {
    held: () => all.reduce((sum, lane) => sum + lane.held(), 0),
    overrides: {
      makeReceiveLane: (options: Options) => {
        const lane = new MeasuredLane(options)
        all.push(lane)
        return lane
      },
    },
  }
}

/**
 * Spends all credit of each lane. The first message has the largest size in the smallest fragments. Further messages
 * use the rest of the credit: small messages of two fragments on even lanes, another large message on odd lanes.
 */
const fill = Effect.fnUntraced(function* (peer: RawPeer.RawPeer, lanes: ReadonlyArray<number>) {
  const credit = new Map(lanes.map((lane) => [lane, window]))
  const begun = new Map(lanes.map((lane) => [lane, 0]))
  /** Lanes on which the large message is complete. */
  const whole = new Set<number>()
  const size = minFragmentBytes
  const each = cost(size)
  const next = (lane: number): Frame | undefined => {
    const at = begun.get(lane) ?? 0
    const left = credit.get(lane) ?? 0
    if (left < each) return undefined
    const total = whole.has(lane) && lane % 2 === 0 ? 2 * size : messageBytes
    const last = at + size >= total
    const payload = new Uint8Array(Math.min(size, total - at))
    credit.set(lane, left - cost(payload.length))
    begun.set(lane, last ? 0 : at + size)
    if (last) whole.add(lane)
    const first = at === 0
    return { _tag: "Data", lane, first, last, abort: false, payload, ...(first ? { total } : {}) }
  }
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.map(peer.receiveFrame("Credit"), ({ bytes, lane }) => credit.set(lane, (credit.get(lane) ?? 0) + bytes)),
    ),
  )
  yield* peer.keepAlive
  // Until no credit arrives for a while, or the total exceeds all bounds.
  for (let idle = 0, total = 0; idle < 10 && total < 3 * lanes.length * perLane; idle++) {
    for (const lane of lanes) {
      for (let frame = next(lane); frame !== undefined; frame = next(lane)) {
        yield* peer.send(frame)
        total += cost(size)
        idle = 0
      }
    }
    yield* Effect.sleep("10 millis")
  }
})

/** Starts a reader of the lane that takes only the first messages. */
const stuckReader = Effect.fnUntraced(function* ({ a }: Pick<RawPeer.Stage, "a">, name: string) {
  const lane = yield* a.cluster.lane(name)
  yield* Effect.forkScoped(
    Stream.runForEach(lane.read(), () => Effect.never),
    { startImmediately: true },
  )
})

{
  const { held, overrides } = watchReceiveLanes()
  const names = ["red", "green", "blue"]
  const peers = 3
  RawPeer.scenario(
    "peers that fill every window and begin large messages cause at most a window and a message per lane and link",
    (stage) =>
      Effect.gen(function* () {
        yield* Effect.forEach(names, (name) => stuckReader(stage, name))
        const rawPeers = yield* Effect.forEach(
          Array.from({ length: peers }, (_, i) => `m${i}`),
          (name) =>
            Effect.gen(function* () {
              const peer = yield* stage.connect
              yield* peer.completeHandshake({ name })
              const { lanes } = yield* peer.receiveFrame("LaneOpen")
              assert.strictEqual(lanes.length, names.length)
              return { peer, lanes: [Protocol.inboxLane, ...lanes.map(({ lane }) => lane)] }
            }),
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Effect.forEach(rawPeers, ({ lanes, peer }) => fill(peer, lanes), {
              concurrency: "unbounded",
              discard: true,
            })
            const lanes = peers * (1 + names.length)
            assert.isAtMost(held(), lanes * perLane)
            // All bytes except those that the stuck readers have taken.
            assert.isAbove(held(), (lanes - names.length) * (messageBytes + window / 2))
          }),
        )
        for (const { peer } of rawPeers) yield* peer.leave()
      }),
    { limits: { inboxWindowBytes: window, laneWindowBytes: window, messageBytes } },
    overrides,
  )
}

{
  const { held, overrides } = watchReceiveLanes()
  RawPeer.scenario(
    "a peer that reconnects and never ends its old connections uses a bounded number of windows",
    ({ connect, metric }) =>
      Effect.gen(function* () {
        for (let linkEpoch = 1; linkEpoch <= 60; linkEpoch++) {
          const peer = yield* connect
          yield* peer.completeHandshake({ linkEpoch })
          const payload = new Uint8Array(window - Protocol.dataOverhead)
          yield* peer.send(RawPeer.data(payload))
          yield* Effect.sleep("20 millis")
          assert.isAtMost(metric("coterie_queue_size", { queue: "links" }), connectionsPerPeer + 1)
          // Plus the messages of closed connections: one lane, and the last connection.
          assert.isAtMost(held(), (connectionsPerPeer + 1) * window + 3 * window)
        }
      }),
    { limits: { inboxWindowBytes: window, laneWindowBytes: window, messageBytes: window } },
    overrides,
  )
}

RawPeer.scenario(
  "messages that wait to be written to a peer that reads nothing are bounded by limits.outboxBytes, regardless of its windows",
  ({ a, connect, metric }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      const window = 0xffff_ffff
      yield* peer.completeHandshake({ window })
      const lanes = Array.from({ length: 10 }, (_, i) => ({ lane: i + 1, name: `lane ${i}`, window }))
      yield* peer.send({ _tag: "LaneOpen", lanes, last: true })
      for (const { name } of lanes) {
        const lane = yield* a.cluster.lane(name)
        yield* Effect.forkScoped(
          Effect.ignore(Effect.forever(lane.send("m", new Uint8Array(Protocol.maxFragmentBytes)))),
        )
      }
      const waiting = (): number => metric("coterie_queue_size", { queue: "outbox_bytes" })
      yield* World.eventually(() => waiting() >= outboxBytes)
      yield* Effect.sleep("100 millis")
      assert.isAtLeast(waiting(), outboxBytes)
      assert.isAtMost(waiting(), outboxBytes + cost(Protocol.maxFragmentBytes))
      yield* peer.leave()
    }),
  { limits: { outboxBytes } },
)

RawPeer.scenario(
  "at most limits.outboxBytes are sent to a peer that announces the largest window and reads nothing",
  ({ a, connect }) =>
    Effect.gen(function* () {
      const peer = yield* connect
      yield* peer.completeHandshake({ window: 0xffff_ffff })
      yield* World.untilPeers(a, ["m"])
      let accepted = 0
      yield* Effect.timeoutOption(
        Effect.gen(function* () {
          while (accepted < 64 * 1024 * 1024) {
            yield* a.cluster.send("m", new Uint8Array(60_000))
            accepted += 60_000
          }
        }),
        "100 millis",
      )
      assert.isBelow(accepted, 2 * 1024 * 1024)
      yield* peer.leave()
    }),
)

RawPeer.scenario(
  "a peer that reconnects repeatedly does not fill an inbox without a reader",
  ({ a, connect }) =>
    Effect.gen(function* () {
      const rounds = 10
      for (let i = 0; i < rounds; i++) {
        const peer = yield* connect
        yield* peer.completeHandshake()
        for (let n = 0; n < 4; n++) yield* peer.send(RawPeer.data(new Uint8Array(60_000)))
        yield* peer.send({ _tag: "Bye", code: "slow", message: "" })
        yield* peer.receiveAll
      }
      // A connection without a handshake.
      yield* connect
      let held = 0
      yield* Effect.timeoutOption(
        Stream.runForEach(a.cluster.inbox, ({ payload }) => Effect.sync(() => (held += payload.length))),
        "1 millis",
      )
      assert.isBelow(held, 1_000_000)
    }),
  { limits: { messageBytes: 60_000, inboxWindowBytes: 256 * 1024 } },
)
