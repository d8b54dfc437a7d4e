import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import { inspect } from "node:util"
import { annotateCompactly } from "../../src/internal/logAnnotations.ts"

/** Annotations of a log line of a node with long names, about a peer. */
const annotations = Effect.service(References.CurrentLogAnnotations).pipe(
  Effect.annotateLogs({ peer: "orders-7f9c8d5b6-x2x4z", generation: 1795608000093 }),
  annotateCompactly({ cluster: "orders of the shop", node: "orders-7f9c8d5b6-abcde" }),
)

describe("the annotations of a log line", () => {
  it.effect("are printed on one line by Node's console, regardless of their length", () =>
    Effect.map(annotations, (found) =>
      assert.strictEqual(
        inspect(found),
        'cluster="orders of the shop" node=orders-7f9c8d5b6-abcde peer=orders-7f9c8d5b6-x2x4z generation=1795608000093',
      ),
    ),
  )

  it.effect("are values for other loggers", () =>
    Effect.map(annotations, (found) => {
      assert.deepStrictEqual(Object.entries(found), [
        ["cluster", "orders of the shop"],
        ["node", "orders-7f9c8d5b6-abcde"],
        ["peer", "orders-7f9c8d5b6-x2x4z"],
        ["generation", 1795608000093],
      ])
      assert.notInclude(JSON.stringify(found), "inspect")
    }),
  )

  it.effect("keep control characters and values of the application on the line", () =>
    Effect.gen(function* () {
      const found = yield* Effect.service(References.CurrentLogAnnotations).pipe(
        annotateCompactly({ text: "two\nlines", list: [1, 2], none: undefined, big: 3n, yes: true }),
      )
      assert.strictEqual(inspect(found), 'text="two\\nlines" list=[1,2] none=undefined big=3 yes=true')
    }),
  )
})
