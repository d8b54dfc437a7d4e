import { Cluster } from "@coterie/core/Cluster"
import * as OwnedMap from "@coterie/state/OwnedMap"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { measured } from "../../core/test/cluster/measured.ts"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import * as World from "../../core/test/cluster/world.ts"
import { encode, format } from "../src/internal/replication/messages.ts"
import { usedMemory } from "./usedMemory.ts"

const entryCount = 100
const valueBytes = 5_000
const batchBytes = entryCount * valueBytes

measured((registry) => new MetricReader(registry))(
  "an owned map keeps no old entries for a peer that does not read, however often all entries change",
  (metrics, world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const map = yield* OwnedMap.make("files", { key: Schema.String, value: Schema.String }).pipe(
        Effect.provideService(Cluster, a.cluster),
      )
      const lane = yield* b.cluster.lane("coterie.state/files", {
        format: `${format} ${b.cluster.serialization.format}`,
      })
      // The lane is open, and nobody takes its messages.
      yield* lane.open()
      const change = (round: number) =>
        map.setAll(
          Array.from({ length: entryCount }, (_, i) => [`file-${i}`, `${round}`.padEnd(valueBytes, `${i} `)] as const),
        )
      const want = (nonce: number) =>
        Effect.ignore(lane.send("a", encode({ _tag: "Want", nonce, epoch: 0, version: 0 })))
      yield* change(0)
      yield* want(1)
      let before = 0
      // Longer than a writer keeps the values of a batch. In the second half, the peer also asks for everything again.
      for (let round = 1; round <= 100; round++) {
        yield* change(round)
        if (round > 50) yield* want(round)
        yield* Effect.sleep("1 second")
        if (round === 10) before = yield* usedMemory
      }
      assert.isBelow((yield* usedMemory) - before, 5 * batchBytes)
      assert.isAbove(metrics.value("a", "coterie_state_behind", { map: "files" }), 90)
      assert.strictEqual((yield* map.own).length, entryCount)
    }),
)
