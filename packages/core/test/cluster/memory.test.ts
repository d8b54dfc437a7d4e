/**
 * What a node holds for others at most, whatever they do.
 *
 * With the limits of docs/protocol.md, section "Limits", and `lanes` that are read here, the messages that one link holds are at
 * most
 *
 *     (1 + lanes) x (window + message)
 *
 * where a `message` costs `messageBytes` and 64 for each of its fragments, which have 448 bytes at least. There are at most
 * `links` links, and {@link connectionsPerPeer} connections of one peer that follow each other. What links that are over left
 * unread is, for each reader, at most 16 times that of a lane, and once more for the last. What waits to be written to a link
 * is at most `outbox` and one frame for its messages.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Frame from "../../src/protocol/Frame.ts"
import { defaults } from "../../src/cluster/Overrides.ts"
import { connectionsPerPeer } from "../../src/peering/PeerConnections.ts"
import * as ReceiveLane from "../../src/flow/ReceiveLane.ts"
import type { Stage, RawPeer } from "./RawPeer.ts"
import { attack, enter, exit } from "./RawPeer.ts"
import * as World from "./world.ts"

const window = 4_096
const messageBytes = 50_000
const outbox = 200_000
/** What the largest message costs in the smallest fragments. */
const message = messageBytes + Frame.dataOverhead * Math.ceil(messageBytes / ReceiveLane.minFragmentBytes)
const perLane = window + message

/** Receivers that tell what they hold. */
const watching = () => {
  const all: Array<ReceiveLane.ReceiveLane> = []
  return {
    held: () => all.reduce((sum, receiver) => sum + receiver.held(), 0),
    parts: {
      makeReceiveLane: (options: Parameters<typeof defaults.makeReceiveLane>[0]) => {
        const receiver = defaults.makeReceiveLane(options)
        all.push(receiver)
        return receiver
      },
    },
  }
}

/**
 * Sends as much as ever goes on a lane: a message of the largest size in small pieces, and then, until nothing goes, small ones
 * of two pieces or another large one.
 */
const fill = Effect.fnUntraced(function* (stranger: RawPeer, lanes: ReadonlyArray<number>) {
  const credit = new Map(lanes.map((lane) => [lane, window]))
  const begun = new Map(lanes.map((lane) => [lane, 0]))
  /** Where the large message is through. */
  const whole = new Set<number>()
  const size = ReceiveLane.minFragmentBytes
  const cost = ReceiveLane.cost(size)
  const next = (lane: number): Frame.Frame | undefined => {
    const at = begun.get(lane) ?? 0
    const left = credit.get(lane) ?? 0
    if (left < cost) return undefined
    const total = whole.has(lane) && lane % 2 === 0 ? 2 * size : messageBytes
    const last = at + size >= total
    const payload = new Uint8Array(Math.min(size, total - at))
    credit.set(lane, left - ReceiveLane.cost(payload.length))
    begun.set(lane, last ? 0 : at + size)
    if (last) whole.add(lane)
    const first = at === 0
    return { _tag: "Data", lane, first, last, abort: false, payload, ...(first ? { total } : {}) }
  }
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.map(stranger.hearOf("Credit"), ({ bytes, lane }) => credit.set(lane, (credit.get(lane) ?? 0) + bytes)),
    ),
  )
  yield* Effect.forkScoped(
    Effect.forever(Effect.andThen(stranger.say({ _tag: "Ping", seq: 0, viewHash: 0n, lag: 0 }), Effect.sleep(100))),
  )
  // Until nothing went for a while, or it is beyond all bounds.
  for (let idle = 0, total = 0; idle < 10 && total < 3 * lanes.length * perLane; idle++) {
    for (const lane of lanes) {
      for (let frame = next(lane); frame !== undefined; frame = next(lane)) {
        yield* stranger.say(frame)
        total += cost
        idle = 0
      }
    }
    yield* Effect.sleep("10 millis")
  }
})

/** Somebody reads the lane, and never takes more than he took first. */
const stuckReader = Effect.fnUntraced(function* ({ a }: Pick<Stage, "a">, name: string) {
  const lane = yield* a.cluster.lane(name)
  yield* Effect.forkScoped(
    Stream.runForEach(lane.read(), () => Effect.never),
    { startImmediately: true },
  )
})

{
  const { held, parts: watched } = watching()
  const names = ["red", "green", "blue"]
  const peers = 3
  attack(
    "peers that fill every window and begin large messages make a node hold a window and a message for each lane of each link",
    (stage) =>
      Effect.gen(function* () {
        yield* Effect.forEach(names, (name) => stuckReader(stage, name))
        const strangers = yield* Effect.forEach(
          Array.from({ length: peers }, (_, i) => `m${i}`),
          (name) =>
            Effect.gen(function* () {
              const stranger = yield* stage.connect
              yield* enter(stranger, name)
              const { lanes } = yield* stranger.hearOf("LaneOpen")
              assert.strictEqual(lanes.length, names.length)
              return { stranger, lanes: [Frame.inboxLane, ...lanes.map(({ lane }) => lane)] }
            }),
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Effect.forEach(strangers, ({ lanes, stranger }) => fill(stranger, lanes), {
              concurrency: "unbounded",
              discard: true,
            })
            const lanes = peers * (1 + names.length)
            assert.isAtMost(held(), lanes * perLane)
            // All but what those have taken who then got stuck.
            assert.isAbove(held(), (lanes - names.length) * (messageBytes + window / 2))
          }),
        )
        for (const { stranger } of strangers) yield* exit(stranger)
      }),
    { limits: { inboxWindow: window, laneWindow: window, messageBytes } },
    watched,
  )
}

{
  const { held, parts: watched } = watching()
  attack(
    "a peer that connects again and again and ends nothing makes a node hold some windows",
    ({ connect, metric }) =>
      Effect.gen(function* () {
        for (let linkEpoch = 1; linkEpoch <= 60; linkEpoch++) {
          const stranger = yield* connect
          yield* enter(stranger, "m", { linkEpoch })
          const payload = new Uint8Array(window - Frame.dataOverhead)
          yield* stranger.say({ _tag: "Data", lane: 0, first: true, last: true, abort: false, payload })
          yield* Effect.sleep("20 millis")
          assert.isAtMost(metric("coterie_queue_size", { queue: "links" }), connectionsPerPeer + 1)
          // And what those left that were cut: one lane, and the last.
          assert.isAtMost(held(), (connectionsPerPeer + 1) * window + 3 * window)
        }
      }),
    { limits: { inboxWindow: window, laneWindow: window, messageBytes: window } },
    watched,
  )
}

attack(
  "what waits to be written to a peer that takes nothing is bounded, whatever windows it gives",
  ({ a, connect, metric }) =>
    Effect.gen(function* () {
      const stranger = yield* connect
      const window = 0xffff_ffff
      yield* enter(stranger, "m", { window })
      const lanes = Array.from({ length: 10 }, (_, i) => ({ lane: i + 1, name: `lane ${i}`, window }))
      yield* stranger.say({ _tag: "LaneOpen", lanes, last: true })
      for (const { name } of lanes) {
        const lane = yield* a.cluster.lane(name)
        yield* Effect.forkScoped(Effect.ignore(Effect.forever(lane.send("m", new Uint8Array(Frame.maxFragmentBytes)))))
      }
      const waiting = (): number => metric("coterie_queue_size", { queue: "outbox_bytes" })
      yield* World.eventually(() => waiting() >= outbox)
      yield* Effect.sleep("100 millis")
      assert.isAtLeast(waiting(), outbox)
      assert.isAtMost(waiting(), outbox + ReceiveLane.cost(Frame.maxFragmentBytes))
      yield* exit(stranger)
    }),
  { limits: { outbox } },
)
