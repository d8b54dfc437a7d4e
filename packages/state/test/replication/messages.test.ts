import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Chance } from "../../../core/test/membership/Chance.ts"
import { hashOf } from "../../src/internal/replication/hash.ts"
import {
  decode,
  encode,
  type Item,
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

const anyBytes = (chance: Chance): Uint8Array => Uint8Array.from({ length: chance.below(40) }, () => chance.below(256))

/** Draws a number of 1 to 8 bytes. */
const anyNumber = (chance: Chance): number => Math.floor(2 ** (53 * chance.draw())) - 1

const anyItem = (chance: Chance): Item => {
  const key = chance.pick(["", "k", "a longer key", "ключ", "🔑"])
  return chance.below(3) === 0 ? removeItem(key) : setItem(key, anyBytes(chance))
}

const anyMessage = (chance: Chance): Message => {
  const [nonce, epoch, version] = [anyNumber(chance), anyNumber(chance), anyNumber(chance)]
  const kind = chance.below(7)
  if (kind === 0) return { _tag: "Stop" }
  if (kind === 1) return { _tag: "Want", nonce, epoch, version }
  if (kind === 2) return { _tag: "Want", nonce, epoch, version, messageBytes: anyNumber(chance) }
  const from = chance.below(2) === 0 ? undefined : version
  const end = chance.below(2) === 0 ? undefined : { count: chance.below(300), check: anyNumber(chance) }
  const items = Array.from({ length: chance.below(4) }, () => anyItem(chance))
  return { _tag: "Part", nonce, epoch, from, to: anyNumber(chance), index: chance.below(300), end, items }
}

/** Flips bits of a message, cuts it, or adds bytes, up to three times. */
const damaged = (chance: Chance, message: Uint8Array): Uint8Array => {
  let bytes = Uint8Array.from(message)
  for (let times = chance.below(4); times > 0; times--) {
    const at = chance.below(bytes.length + 1)
    const how = chance.below(3)
    if (how === 0) bytes = bytes.map((byte, i) => (i === at ? byte ^ (1 << chance.below(8)) : byte))
    else if (how === 1) bytes = bytes.slice(0, at)
    else bytes = Uint8Array.of(...bytes.subarray(0, at), ...anyBytes(chance), ...bytes.subarray(at))
  }
  return bytes
}

/** Returns a reason without what differs between messages. */
const reasonOf = (failure: string): string =>
  failure.replace(/^.* exceeds/, "a number exceeds").replace(/(kind|flags) \d+/, "$1 N")

/** Places at which a message may end too early. */
const places: ReadonlyArray<string> = [
  ...["the kind", "nonce", "epoch", "version", "messageBytes", "flags", "from", "to", "index", "count", "check"],
  ...["the length of a key", "the length of a value", "the end of a key", "the end of a value"],
]

/** Kinds of messages, and reasons for which bytes are none. */
const outcomes: ReadonlyArray<string> = [
  ...["Want", "Stop", "Part", "unknown kind N", "unknown flags N", "item of the unknown kind N"],
  ...["a key is not UTF-8", "has bytes after its end", "a number exceeds 2^53 - 1"],
  ...places.map((what) => `ends before ${what}`),
]

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

  it("of any kind decode or are refused with a reason when they are damaged, and never throw", () => {
    const chance = new Chance(1)
    const reached = new Map<string, number>()
    for (let i = 0; i < 10_000; i++) {
      const given = damaged(chance, chance.below(8) === 0 ? anyBytes(chance) : encode(anyMessage(chance)))
      const result = decode(given)
      const what = Result.isSuccess(result) ? result.success._tag : reasonOf(result.failure)
      reached.set(what, (reached.get(what) ?? 0) + 1)
      if (Result.isSuccess(result)) assert.deepStrictEqual(decode(encode(result.success)), result)
    }
    for (const what of outcomes) assert.isAbove(reached.get(what) ?? 0, 0, what)
    assert.deepStrictEqual([...reached.keys()].filter((what) => !outcomes.includes(what)).sort(), [])
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
    ["01ffffffffffffff7f0000", /exceeds 2\^53 - 1/],
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
