import { expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { isLonger } from "../../src/protocol/textSize.ts"

it.prop(
  "a text is longer than a limit if it has more bytes in UTF-8",
  [Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))],
  ([text, limit]) => {
    for (const each of [text, "é".repeat(limit), "€".repeat(limit), "😀".repeat(limit), "a".repeat(limit)]) {
      expect(isLonger(each, limit)).toBe(new TextEncoder().encode(each).length > limit)
    }
  },
)
