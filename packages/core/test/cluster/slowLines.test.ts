/**
 * Links over lines that are slow and hold much: a large message takes longer than the link timeout, and what a side says
 * waits behind its own data.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "./world.ts"

/** Bytes a second of a line. */
const bytesOf = (kilobits: number): number => (kilobits * 1_000) / 8

/** Lines: kilobits a second, bytes that may be on the way in each direction, and the size of a message. */
const lines = [
  // A write takes 13 seconds. With the buffers of an operating system it takes so long on faster lines.
  { kilobits: 40, sendBuffer: 64 * 1024, bytes: 200_000 },
  { kilobits: 256, sendBuffer: 64 * 1024, bytes: 1_000_000 },
  { kilobits: 256, sendBuffer: 2_500_000, bytes: 1_000_000 },
  { kilobits: 1_000, sendBuffer: 2_500_000, bytes: 4_000_000 },
  { kilobits: 10_000, sendBuffer: 2_500_000, bytes: 4_000_000 },
]

/** Senders and receivers. Names order connections, so both orders are tried. */
const there = ["a", "b"] as const
const back = ["b", "a"] as const
const directions = [[there], [back], [there, back]]

const inboxWindows = [64 * 1024, 8 * 1024 * 1024]

describe("large messages on a slow line", () => {
  for (const { bytes, kilobits, sendBuffer } of lines) {
    for (const sends of directions) {
      for (const inboxWindow of inboxWindows) {
        const who = sends.map(([from, to]) => `from ${from} to ${to}`).join(" and ")
        World.simulated(
          `${who} keep the link: ${kilobits} kbit/s, ${sendBuffer} bytes on the way, a window of ${inboxWindow}`,
          ({ node }) =>
            Effect.gen(function* () {
              const options = { limits: { inboxWindow } }
              const a = yield* node("a", options, FailureDetector.layerLan)
              const b = yield* node("b", { ...options, seeds: [a.address] }, FailureDetector.layerLan)
              const nodes = { a, b }
              yield* World.untilPeers(a, ["b"])
              yield* World.untilPeers(b, ["a"])
              const seen = [yield* World.collect(a), yield* World.collect(b)]
              const payload = new Uint8Array(bytes)
              for (const [from, to] of sends) yield* Effect.forkScoped(nodes[from].cluster.send(to, payload))
              for (const [, to] of sends) {
                const [message] = yield* World.messages(nodes[to], 1)
                assert.strictEqual(message?.payload.length, payload.length)
              }
              yield* Effect.sleep("10 seconds")
              // A line that takes no fragment for `slowPeerTimeout` is told, and loses nothing.
              assert.deepStrictEqual(
                seen.flat().filter(({ _tag }) => _tag !== "Snapshot" && _tag !== "SlowPeer"),
                [],
              )
            }),
          { latency: "20 millis", bandwidth: bytesOf(kilobits), sendBuffer },
        )
      }
    }
  }
})
