/**
 * Links over slow lines with large buffers. A large message takes longer than the link timeout, and the control frames
 * of a side wait behind its own data.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as World from "./world.ts"

/** Returns the bytes per second of a line. */
const bytesOf = (kilobits: number): number => (kilobits * 1_000) / 8

/** Lines: kilobits per second, bytes in transit in each direction, and the size of a message. */
const lines = [
  // A write takes 13 seconds. With the buffers of an operating system, it takes as long on faster lines.
  { kilobits: 40, sendBuffer: 64 * 1024, bytes: 200_000 },
  { kilobits: 256, sendBuffer: 64 * 1024, bytes: 1_000_000 },
  { kilobits: 256, sendBuffer: 2_500_000, bytes: 1_000_000 },
  { kilobits: 1_000, sendBuffer: 2_500_000, bytes: 4_000_000 },
  { kilobits: 10_000, sendBuffer: 2_500_000, bytes: 4_000_000 },
] as const

/** Senders and receivers. The order of the names matters for connections, so both orders are tested. */
const there = ["a", "b"] as const
const back = ["b", "a"] as const
const directions = [[there], [back], [there, back]]

const inboxWindows = [64 * 1024, 8 * 1024 * 1024]

/** Failure detectors of the two nodes: link timeouts of 300 ms, of 3 s, and of a minute. */
const policies = {
  local: FailureDetector.layerLocal,
  lan: FailureDetector.layerLan,
  minute: FailureDetector.layer({ heartbeat: "30 seconds", linkTimeout: "1 minute" }),
}
const unlike = [
  ["local", "lan"],
  ["local", "minute"],
  ["lan", "minute"],
] as const

/** Sends a large message in each given direction. The link must survive. */
const keepsLink = Effect.fnUntraced(function* (
  node: World.World["node"],
  options: {
    readonly policies: { readonly a: Layer.Layer<never>; readonly b: Layer.Layer<never> }
    readonly sends: (typeof directions)[number]
    readonly bytes: number
    readonly inboxWindowBytes: number
  },
) {
  const { bytes, inboxWindowBytes, policies, sends } = options
  const limits = { inboxWindowBytes }
  const a = yield* node("a", { limits }, policies.a)
  const b = yield* node("b", { limits, seeds: [a.address] }, policies.b)
  const nodes = { a, b }
  yield* World.untilPeers(a, ["b"])
  yield* World.untilPeers(b, ["a"])
  const seen = [yield* World.collect(a), yield* World.collect(b)]
  const payload = new Uint8Array(bytes)
  for (const [from, to] of sends) yield* Effect.forkScoped(nodes[from].cluster.send(to, payload))
  for (const [, to] of sends) {
    const [message] = yield* Effect.timeout(World.messages(nodes[to], 1), "10 minutes")
    assert.strictEqual(message?.payload.length, payload.length)
  }
  yield* Effect.sleep("10 seconds")
  // A line that accepts no fragment for `slowPeerTimeout` is reported, and loses nothing.
  assert.deepStrictEqual(
    seen.flat().filter(({ _tag }) => _tag !== "Snapshot" && _tag !== "SlowPeer"),
    [],
  )
})

describe("large messages on a slow line", () => {
  for (const { bytes, kilobits, sendBuffer } of lines) {
    for (const sends of directions) {
      for (const inboxWindowBytes of inboxWindows) {
        const who = sends.map(([from, to]) => `from ${from} to ${to}`).join(" and ")
        World.simulated(
          `${who} keep the link: ${kilobits} kbit/s, ${sendBuffer} bytes in transit, a window of ${inboxWindowBytes}`,
          ({ node }) =>
            keepsLink(node, { policies: { a: policies.lan, b: policies.lan }, sends, bytes, inboxWindowBytes }),
          { latency: "20 millis", bandwidth: bytesOf(kilobits), sendBuffer },
        )
      }
    }
  }
})

describe("large messages on a slow line between nodes with different failure detectors", () => {
  // A third line would show nothing new.
  for (const { bytes, kilobits, sendBuffer } of [lines[0], lines[2], lines[4]]) {
    for (const sends of directions) {
      for (const pair of unlike) {
        for (const [first, second] of [pair, [pair[1], pair[0]] as const]) {
          const who = sends.map(([from, to]) => `from ${from} to ${to}`).join(" and ")
          World.simulated(
            `${who} keep the link: a ${first}, b ${second}, ${kilobits} kbit/s, ${sendBuffer} bytes in transit`,
            ({ node }) =>
              keepsLink(node, {
                policies: { a: policies[first], b: policies[second] },
                sends,
                bytes,
                inboxWindowBytes: 8 * 1024 * 1024,
              }),
            { latency: "20 millis", bandwidth: bytesOf(kilobits), sendBuffer },
          )
        }
      }
    }
  }
})

describe("a node that leaves while a message is on a slow line", () => {
  // The transfer takes most of the time that a leaving node waits.
  for (const sendBuffer of [8 * 1024, 64 * 1024, 2_500_000]) {
    for (const [from, to] of [there, back]) {
      World.simulated(
        `delivers it from ${from} to ${to}, with ${sendBuffer} bytes in transit`,
        ({ node }) =>
          Effect.gen(function* () {
            const receiver = yield* node(to, {}, policies.lan)
            const sender = yield* node(from, { seeds: [receiver.address] }, policies.lan)
            yield* World.untilPeers(sender, [to])
            yield* World.untilPeers(receiver, [from])
            const payload = new Uint8Array(130_000)
            yield* sender.cluster.send(to, payload)
            yield* sender.cluster.leave
            const [message] = yield* World.messages(receiver, 1)
            assert.strictEqual(message?.payload.length, payload.length)
          }),
        { latency: "20 millis", bandwidth: bytesOf(256), sendBuffer },
      )
    }
  }
})

/** Returns the time between two heartbeats of the link to a peer. */
const heartbeatOf = ({ cluster }: World.Node, name: string) =>
  Effect.map(
    cluster.inspect(),
    ({ peers }) => peers.find((peer) => peer.name === name)?.connection?.heartbeatMillis ?? Number.NaN,
  )

/**
 * Pauses before the messages on idle links, in milliseconds, between two heartbeats. A side looks at its link once a
 * second, and a message may come just after that.
 */
const pauses = [5_000, 5_300, 5_600, 5_900]

/** Times of a failure detector in milliseconds. */
interface Timing {
  readonly heartbeat: number
  readonly idleHeartbeat: number
  readonly linkTimeout: number
}

/** Sends large messages on idle links. The links must survive. */
const keepsIdleLink = Effect.fnUntraced(function* (
  node: World.World["node"],
  options: {
    readonly detectors: { readonly a: Timing; readonly c: Timing }
    readonly from: "a" | "c"
    readonly bytes: number
  },
) {
  const { bytes, detectors, from } = options
  const policies = {
    a: FailureDetector.layer({ watchers: 2, ...detectors.a }),
    c: FailureDetector.layer({ watchers: 2, ...detectors.c }),
  }
  const limits = { inboxWindowBytes: 8 * 1024 * 1024 }
  const a = yield* node("a", { limits }, policies.a)
  const c = yield* node("c", { limits, seeds: [a.address] }, policies.c)
  // With two watchers for each member, all pairs of these four watch each other except a and c, and b and d.
  const others = ["b", "d"]
  for (const name of others) yield* node(name, { seeds: [a.address] }, policies.a)
  yield* World.untilPeers(a, ["c", ...others])
  yield* World.untilPeers(c, ["a", ...others])
  const seen = [yield* World.collect(a), yield* World.collect(c)]
  const payload = new Uint8Array(bytes)
  const [sender, receiver, to] = from === "a" ? [a, c, "c"] : [c, a, "a"]
  for (const pause of pauses) {
    yield* Effect.sleep(pause + detectors.a.idleHeartbeat + detectors.c.idleHeartbeat)
    assert.strictEqual(yield* heartbeatOf(a, "c"), detectors.a.idleHeartbeat)
    assert.strictEqual(yield* heartbeatOf(c, "a"), detectors.c.idleHeartbeat)
    yield* Effect.forkScoped(sender.cluster.send(to, payload))
    yield* Effect.timeout(World.messages(receiver, 1), "10 minutes")
  }
  assert.deepStrictEqual(
    seen.flat().filter(({ _tag }) => _tag !== "Snapshot" && _tag !== "SlowPeer"),
    [],
  )
})

describe("a large message on an idle link over a slow line", () => {
  const lan = { heartbeat: 1_000, idleHeartbeat: 15_000, linkTimeout: 3_000 }
  const slow = { heartbeat: 10_000, idleHeartbeat: 20_000, linkTimeout: 30_000 }
  const [{ bytes, kilobits, sendBuffer }] = lines
  for (const from of ["a", "c"] as const) {
    for (const [a, c] of [
      [lan, lan],
      [lan, slow],
      [slow, lan],
    ] as const) {
      World.simulated(
        `from ${from} keeps the link: heartbeats of ${a.heartbeat} and ${c.heartbeat} ms`,
        ({ node }) => keepsIdleLink(node, { detectors: { a, c }, from, bytes }),
        { latency: "200 millis", bandwidth: bytesOf(kilobits), sendBuffer },
      )
    }
  }
})
