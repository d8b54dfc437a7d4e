import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { explain } from "../../src/faults/explain.ts"

const Shape = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("circle"), radius: Schema.Finite }),
  Schema.Struct({ kind: Schema.Literal("square"), sides: Schema.Array(Schema.Finite) }),
]).annotate({ expected: "a shape" })

const Drawing = Schema.Struct({ title: Schema.String, shapes: Schema.Array(Shape) })

const complaint = (input: unknown): string => {
  const result = Schema.decodeUnknownResult(Drawing)(input, {
    errors: "all",
    onExcessProperty: "error",
    reportInput: true,
  })
  return explain(Result.getOrThrow(Result.flip(result)).issue)
}

describe("explain", () => {
  it("names the place of a problem", () => {
    const text = complaint({
      title: "t",
      shapes: [
        { kind: "circle", radius: 1 },
        { kind: "circle", radius: "wide" },
      ],
    })
    assert.match(text, /^shapes\[1\]\.radius: expected .*, found "wide"$/)
  })

  it("reports the intended alternative only", () => {
    const text = complaint({ title: "t", shapes: [{ kind: "square", sides: [1, "two"] }] })
    assert.include(text, "shapes[0].sides[1]")
    assert.notInclude(text, "circle")
  })

  it("reports the expected value if no alternative was intended", () => {
    assert.include(complaint({ title: "t", shapes: [5] }), "expected a shape, found 5")
  })

  it("names missing keys, and the allowed keys", () => {
    assert.include(complaint({ shapes: [] }), "title: this key is missing")
    const extra = complaint({ title: "t", shapes: [], colour: 1 })
    assert.include(extra, "this key is unknown; the keys allowed here are title, shapes")
  })

  it("lists all problems", () => {
    assert.strictEqual(complaint({ title: 1, shapes: 2 }).split("; ").length, 2)
  })

  it("shortens long values", () => {
    assert.include(complaint({ title: "t", shapes: [["x".repeat(100)]] }), "...")
  })
})
