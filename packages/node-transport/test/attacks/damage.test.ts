/** Damaged handshakes of a node with a secret. `test:damage` sends a hundred thousand of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { damage } from "./damage.ts"

/** Returns numbers below the end with a step. With a step that is prime, all parts of what they number get their share. */
const every = (step: number, end: number): ReadonlyArray<number> =>
  Array.from({ length: Math.ceil(end / step) }, (_, i) => i * step)

describe("a node with a secret", () => {
  it.live(
    "hands out no connection for a truncated or changed handshake, and keeps no socket",
    () =>
      Effect.gen(function* () {
        const problems = yield* damage({
          // The prefixes, and eight changes of each byte.
          flights: (prefixes) => [...every(11, prefixes), ...every(127, 8 * 2 * prefixes).map((i) => prefixes + i)],
          changes: (length) => every(37, length).map((at) => [at, 1 << (at % 8)]),
        })
        assert.deepStrictEqual(problems, [])
      }).pipe(Effect.provide(Logger.layer([]))),
    60_000,
  )
})
