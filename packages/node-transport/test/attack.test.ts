/**
 * A short attack on a cluster of three processes. `test:strangers` runs the long one, and asserts how long the return of a member takes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { attack, layer, places } from "./attack/attack.ts"

describe("a cluster that strangers attack", () => {
  it.live.each(Object.entries(places))(
    "keeps its links, and lets a member come back, from %s",
    ([, from]) =>
      Effect.gen(function* () {
        const { attempts, growth, lines, troubles } = yield* attack({ from, seconds: 3, silent: 2_000, rate: 40 }, 1)
        for (const [kind, count] of Object.entries(attempts)) assert.isAbove(count, 0, kind)
        assert.deepStrictEqual(troubles, [])
        assert.isBelow(growth, 64 * 1024 ** 2)
        assert.isAtLeast(lines, 1)
        assert.isAtMost(lines, from.length + 1)
      }).pipe(Effect.provide(layer)),
    120_000,
  )
})
