/**
 * Claims about a node's own name that a member or a stranger makes and that nothing proves. None of them stops the node or
 * costs it a link (docs/protocol.md R7, R8).
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Frame } from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** Returns the frames with which a member claims something about the node whose record it saw. */
type Claim = (seen: PeerRecord) => ReadonlyArray<Frame>

const left: ReadonlyArray<readonly [string, Claim]> = [
  ["YouAre", ({ generation, incarnation }) => [{ _tag: "YouAre", generation, incarnation, status: "left" }]],
  ["Update", (seen) => [{ _tag: "Update", records: [{ ...seen, status: "left" }] }]],
  ["SyncDelta", (seen) => [{ _tag: "SyncDelta", records: [{ ...seen, status: "left" }], want: [] }]],
  ["SyncDigest", (seen) => [{ _tag: "SyncDigest", entries: [{ ...seen, status: "left" }], last: true }]],
]

describe("a member that says that the node has left", () => {
  for (const [how, claim] of left) {
    World.simulated(`in ${how} is refuted, and the node keeps its links`, ({ node }, network) =>
      Effect.gen(function* () {
        const a = yield* node("a")
        const b = yield* node("b", { seeds: [a.address] })
        yield* World.untilPeers(b, ["a"])
        const peer = yield* RawPeer.connect(network, a)
        const { record } = yield* peer.completeHandshake()
        yield* peer.keepAlive
        yield* World.untilPeers(a, ["b", "m"])
        const events = yield* World.collect(b)
        yield* peer.send(...claim(record))
        const isRefuted = (frame: Frame): boolean =>
          frame._tag === "Update" && frame.records.some(({ incarnation, name }) => name === "a" && incarnation > 0)
        yield* Effect.repeat(peer.receiveFrame("Update"), { until: isRefuted })
        yield* Effect.sleep("2 seconds")
        yield* World.untilPeers(a, ["b", "m"])
        const seen = events.flatMap((event) => ("peer" in event && event.peer.name === "a" ? [event._tag] : []))
        assert.deepStrictEqual(seen, [])
      }),
    )
  }
})
