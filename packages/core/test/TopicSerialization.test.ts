import * as TopicSerialization from "@coterie/core/TopicSerialization"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

describe("JSON", () => {
  const both = <A, E>(schema: Schema.Codec<A, E>, value: A) => {
    const { decode, encode } = TopicSerialization.json.codec(schema)
    const bytes = Result.getOrThrow(encode(value))
    return [new TextDecoder().decode(bytes), Result.getOrThrow(decode(bytes))]
  }

  it("writes dates, bytes, large integers and special numbers as texts", () => {
    const date = new Date("2026-09-21T14:13:20.123Z")
    assert.deepStrictEqual(both(Schema.Date, date), ['"2026-09-21T14:13:20.123Z"', date])
    assert.deepStrictEqual(both(Schema.Uint8Array, Uint8Array.of(1, 2, 255)), ['"AQL/"', Uint8Array.of(1, 2, 255)])
    assert.deepStrictEqual(both(Schema.BigInt, 2n ** 64n), ['"18446744073709551616"', 2n ** 64n])
    assert.deepStrictEqual(both(Schema.Number, -Infinity), ['"-Infinity"', -Infinity])
    assert.deepStrictEqual(both(Schema.Number, Number.NaN), ['"NaN"', Number.NaN])
  })

  it("writes -0 as 0, and undefined as null", () => {
    assert.deepStrictEqual(both(Schema.Number, -0), ["0", 0])
    const Optional = Schema.Struct({ note: Schema.optional(Schema.String) })
    assert.deepStrictEqual(both(Optional, { note: undefined }), ['{"note":null}', { note: undefined }])
    assert.deepStrictEqual(both(Optional, {}), ["{}", {}])
  })

  it("drops fields that the schema does not name", () => {
    const more = { id: "o-1", total: 12 }
    assert.deepStrictEqual(both(Schema.Struct({ id: Schema.String }), more), ['{"id":"o-1"}', { id: "o-1" }])
  })

  it("refuses values with renamed fields or without a required field", () => {
    const older = TopicSerialization.json.codec(Schema.Struct({ id: Schema.String }))
    const bytes = Result.getOrThrow(older.encode({ id: "o-1" }))
    const renamed = TopicSerialization.json.codec(Schema.Struct({ key: Schema.String }))
    const larger = TopicSerialization.json.codec(Schema.Struct({ id: Schema.String, total: Schema.Number }))
    const lost = TopicSerialization.json.codec(Schema.Struct({ key: Schema.optionalKey(Schema.String) }))
    assert.isTrue(Result.isFailure(renamed.decode(bytes)))
    assert.isTrue(Result.isFailure(larger.decode(bytes)))
    // With an optional field nothing fails, although the value is lost.
    assert.deepStrictEqual(Result.getOrThrow(lost.decode(bytes)), {})
  })

  const Everything = Schema.Struct({
    text: Schema.String,
    number: Schema.Finite,
    big: Schema.BigInt,
    bytes: Schema.Uint8Array,
    at: Schema.Date,
    list: Schema.Array(Schema.Boolean),
    maybe: Schema.optionalKey(Schema.Option(Schema.String)),
  })
  // JSON has only one zero.
  const values = Arbitrary.map(Arbitrary.schema(Everything), (value) => ({ ...value, number: value.number + 0 }))

  it.prop("returns an equal value after encoding and decoding, for values of every kind", [values], ([value]) => {
    const { decode, encode } = TopicSerialization.json.codec(Everything)
    const bytes = encode(value)
    assert.deepStrictEqual(Result.isSuccess(bytes) ? decode(bytes.success) : bytes, Result.succeed(value))
  })

  it("refuses other bytes without throwing", () => {
    const { decode } = TopicSerialization.json.codec(
      Schema.Struct({ id: Schema.String, total: Schema.Number, at: Schema.Date }),
    )
    for (const text of ["", "null", "[]", "{}", '{"id":1}', "\ufeff{}"]) {
      assert.isTrue(Result.isFailure(decode(new TextEncoder().encode(text))), text)
    }
    assert.isTrue(Result.isFailure(decode(Uint8Array.of(0xc3, 0x28))))
    // A JSON text that contains a byte that is not UTF-8.
    const text = TopicSerialization.json.codec(Schema.String)
    assert.isTrue(Result.isFailure(text.decode(Uint8Array.of(0x22, 0xc3, 0x22))))
  })
})

describe("the serialization of topics", () => {
  it.effect("is JSON unless a layer provides another", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* TopicSerialization.TopicSerialization, TopicSerialization.json)
      const other: TopicSerialization.Service = { ...TopicSerialization.json, format: "other" }
      const provided = yield* Effect.provide(TopicSerialization.TopicSerialization, TopicSerialization.layer(other))
      assert.strictEqual(provided, other)
    }),
  )

  it("can be made from a schema whose encoded side is bytes, and never throws", () => {
    const Reversed = Schema.Uint8Array.check(
      Schema.makeFilter((bytes: Uint8Array) => bytes.length === 2 || "expected two bytes"),
    )
    const { decode, encode } = TopicSerialization.makeCodec(Schema.toType(Reversed))
    assert.deepStrictEqual(encode(Uint8Array.of(1, 2)), Result.succeed(Uint8Array.of(1, 2)))
    assert.isTrue(Result.isFailure(encode(Uint8Array.of(1))))
    assert.isTrue(Result.isFailure(decode(Uint8Array.of(1, 2, 3))))
  })
})
