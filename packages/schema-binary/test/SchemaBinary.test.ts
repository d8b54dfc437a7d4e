import * as SchemaBinary from "@coterie/schema-binary/SchemaBinary"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** Lone surrogates have no encoding in UTF-8. */
const Text = Schema.String.check(Schema.makeFilter((text: string) => text.isWellFormed()))
const Order = Schema.Struct({ id: Text, total: Schema.Number, tags: Schema.Array(Text) })
const Newer = Schema.Struct({ ...Order.fields, note: Schema.optionalKey(Text) })
const { schemaBinary } = SchemaBinary

const older = schemaBinary.codec(Order)
const newer = schemaBinary.codec(Newer)

describe("the binary serialization", () => {
  it.prop("decodes an encoded value to the same value", [Arbitrary.schema(Newer)], ([value]) => {
    assert.deepStrictEqual(Result.map(newer.encode(value), newer.decode), Result.succeed(Result.succeed(value)))
  })

  it.prop("returns bytes that later encodings do not change", [Arbitrary.schema(Order)], ([value]) => {
    const first = Result.getOrThrow(older.encode(value))
    const copy = first.slice()
    older.encode({ id: "another", total: 1, tags: [] })
    assert.deepStrictEqual(first, copy)
    assert.strictEqual(first.buffer.byteLength, first.length)
  })

  it.prop(
    "stays compatible in both directions when a schema gets an optional field",
    [Arbitrary.schema(Newer)],
    ([value]) => {
      const { note: _, ...without } = value
      assert.deepStrictEqual(Result.getOrThrow(older.decode(Result.getOrThrow(newer.encode(value)))), without)
      assert.deepStrictEqual(Result.getOrThrow(newer.decode(Result.getOrThrow(older.encode(without)))), without)
    },
  )

  it.prop("fails to decode truncated bytes, without throwing", [Arbitrary.schema(Order)], ([value]) => {
    const bytes = Result.getOrThrow(older.encode(value))
    assert.isTrue(Result.isFailure(older.decode(bytes.subarray(0, bytes.length - 1))))
    assert.isTrue(Result.isFailure(older.decode(new Uint8Array(0))))
  })

  it("is smaller than JSON", () => {
    const value = { id: "o-1", total: 12, tags: ["a", "b"] }
    assert.isBelow(Result.getOrThrow(older.encode(value)).length, JSON.stringify(value).length)
  })
})
