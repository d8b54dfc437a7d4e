import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { hashOf } from "../../src/internal/replication/hash.ts"
import {
  decode,
  encode,
  itemOverhead,
  maxItemBytes,
  type Message,
  partOverhead,
  removeItem,
  setItem,
} from "../../src/internal/replication/messages.ts"

const number = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })))
const byte = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
const text = Arbitrary.map(Arbitrary.schema(Schema.String), (string) => string.toWellFormed())
const bytes = Arbitrary.map(Arbitrary.array(byte, { maxLength: 40 }), (list) => Uint8Array.from(list))
const numbers = Arbitrary.array(number, { minLength: 5, maxLength: 5 })

const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value)
const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex")

describe("messages of owned maps", () => {
  it.prop(
    "decode to what was encoded",
    [numbers, Arbitrary.array(text, { maxLength: 5 }), bytes],
    ([given, keys, value]) => {
      const [nonce = 0, epoch = 0, from = 0, to = 0, index = 0] = given
      const items = keys.map((key, i) => (i % 3 === 0 ? removeItem(key) : setItem(key, value)))
      const messages: ReadonlyArray<Message> = [
        { _tag: "Want", nonce, epoch, version: from },
        { _tag: "Want", nonce, epoch, version: from, messageBytes: to },
        { _tag: "Stop" },
        { _tag: "Part", nonce, epoch, from, to, index, end: undefined, items },
        { _tag: "Part", nonce, epoch, from: undefined, to, index, end: { count: from, check: 7 }, items: [] },
      ]
      for (const message of messages) assert.deepStrictEqual(decode(encode(message)), Result.succeed(message))
    },
  )

  it.prop("of any bytes decode or are refused with a reason, and never throw", [bytes], ([given]) => {
    const result = decode(given)
    if (Result.isFailure(result)) assert.isAbove(result.failure.length, 0)
    else assert.deepStrictEqual(decode(encode(result.success)), result)
  })

  it("have the bytes that the documentation gives", () => {
    assert.strictEqual(hex(encode({ _tag: "Want", nonce: 5, epoch: 300, version: 2 })), "0105ac0202")
    assert.strictEqual(
      hex(encode({ _tag: "Want", nonce: 5, epoch: 300, version: 2, messageBytes: 5_000 })),
      "0105ac02028827",
    )
    assert.strictEqual(hex(encode({ _tag: "Stop" })), "03")
    const items = [setItem("a", utf8("1")), removeItem("b")]
    const part: Message = { _tag: "Part", nonce: 5, epoch: 300, from: 2, to: 4, index: 0, end: undefined, items }
    assert.strictEqual(hex(encode(part)), "02ac02050002040001016101310201" + "62")
    const end = { count: 1, check: hashOf(utf8("a"), utf8("1")) >>> 0 }
    const full: Message = { ...part, from: undefined, end, items: [setItem("a", utf8("1"))] }
    assert.strictEqual(hex(encode(full)).slice(0, 16), "02ac020503040001")
  })

  it("have items and parts of at most the bytes that their bounds say", () => {
    const most = Number.MAX_SAFE_INTEGER
    const item = setItem("k", new Uint8Array(100_000))
    const end = { count: most, check: 0xffff_ffff }
    const part: Message = { _tag: "Part", nonce: most, epoch: most, from: most, to: most, index: most, end, items: [] }
    assert.isAtMost(encode(part).length, partOverhead)
    const { length } = encode({ ...part, items: [item] })
    assert.isAtMost(length, item.bytes + itemOverhead + partOverhead)
    assert.isAtLeast(maxItemBytes(length + 10), item.bytes)
  })

  it("hash the key, a zero byte and the value by FNV-1a", () => {
    assert.strictEqual(hashOf(utf8(""), utf8("")), 0x050c5d1f)
    assert.notStrictEqual(hashOf(utf8("a"), utf8("b")), hashOf(utf8("ab"), utf8("")))
  })

  const malformed: ReadonlyArray<readonly [bytes: string, reason: RegExp]> = [
    ["", /ends before the kind/],
    ["09", /unknown kind 9/],
    ["0105ac02", /ends before version/],
    ["0105ac020280", /ends before messageBytes/],
    ["0105ac0202882700", /bytes after its end/],
    ["0180808080808080807f0000", /exceeds 2\^53 - 1/],
    ["0200000800", /unknown flags 8/],
    ["020000010000" + "03", /unknown kind 3/],
    ["020000010000" + "0105", /end of a key/],
    ["020000010000" + "0201ff", /not UTF-8/],
  ]
  for (const [given, reason] of malformed) {
    it(`${given === "" ? "without bytes" : given} are refused: ${reason.source}`, () => {
      const result = decode(Buffer.from(given, "hex"))
      assert.isTrue(Result.isFailure(result))
      assert.match(Result.isFailure(result) ? result.failure : "", reason)
    })
  }
})
