import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readInSlices, sliceSize } from "../../src/internal/readInSlices.ts"

describe("a reader in slices", () => {
  it.effect("reads all items in order, and yields between two slices of a batch", () =>
    Effect.gen(function* () {
      const count = 2 * sliceSize + 1
      const items = Array.from({ length: count }, (_, i) => i)
      const seen: Array<number> = []
      /** Number of read items whenever another fiber runs. */
      const pauses = new Set<number>()
      const watching = Effect.gen(function* () {
        while (seen.length < count) {
          pauses.add(seen.length)
          yield* Effect.yieldNow
        }
      })
      const reading = readInSlices(Stream.fromArray(items), (item) => Effect.sync(() => void seen.push(item)))
      yield* Effect.all([watching, reading], { concurrency: 2 })
      assert.deepStrictEqual(seen, items)
      assert.deepStrictEqual([...pauses], [0, sliceSize, 2 * sliceSize])
    }),
  )
})
