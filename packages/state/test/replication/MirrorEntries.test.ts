import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { MirrorEntries, type MirrorEntry } from "../../src/internal/replication/MirrorEntries.ts"

const integer = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))
/** Steps: a key, and the number of its value, or 0 to delete the key. */
const Steps = Arbitrary.array(
  Arbitrary.flatMap(integer(99), (key) => Arbitrary.map(integer(3), (value) => [`k${key}`, value] as const)),
  { maxLength: 400 },
)

const entryOf = (key: string, value: number): MirrorEntry<string> => ({
  hash: Math.imul(key.length * 31 + key.charCodeAt(1) + 7 * value, 0x9e3779b1),
  bytes: key.length + value,
  mark: value - 2,
  value: `${key}=${value}`,
})

const fill = (entries: MirrorEntries<string>, from: number, to: number) => {
  for (let i = from; i < to; i++) entries.set(`k${i}`, entryOf(`k${i}`, 1))
}

const drain = (entries: MirrorEntries<string>, from: number, to: number) => {
  for (let i = from; i < to; i++) entries.delete(`k${i}`)
}

/** Returns the number of slots, which nothing else shows. */
const slotsOf = (entries: MirrorEntries<string>): number => {
  const lengths = Object.values(entries).flatMap((field) => (Array.isArray(field) ? [field.length] : []))
  return Math.max(...lengths)
}

describe("the entries of a mirror", () => {
  it.prop("are those of a map, with the sums of their hashes and bytes", [Steps], ([steps]) => {
    const entries = new MirrorEntries<string>()
    const expected = new Map<string, MirrorEntry<string>>()
    for (const [key, value] of steps) {
      if (value === 0) {
        entries.delete(key)
        expected.delete(key)
      } else {
        entries.set(key, entryOf(key, value))
        expected.set(key, entryOf(key, value))
      }
    }
    const all = [...expected.values()]
    assert.deepStrictEqual(new Map(entries), new Map([...expected].map(([key, { value }]) => [key, value])))
    for (let i = 0; i < 100; i++) {
      assert.deepStrictEqual(entries.find(`k${i}`), expected.get(`k${i}`))
      assert.strictEqual(entries.get(`k${i}`), expected.get(`k${i}`)?.value)
    }
    assert.strictEqual(entries.size, expected.size)
    assert.strictEqual(entries.check, all.reduce((sum, { hash }) => sum ^ hash, 0) >>> 0)
    assert.strictEqual(
      entries.bytes,
      all.reduce((sum, { bytes }) => sum + bytes, 0),
    )
  })

  it("keep their values when a copy that was large once is compacted", () => {
    const entries = new MirrorEntries<string>()
    fill(entries, 0, 1_000)
    drain(entries, 0, 990)
    assert.isAtMost(slotsOf(entries), 100)
    fill(entries, 1_000, 1_050)
    for (const i of [990, 999, 1_000, 1_049]) assert.deepStrictEqual(entries.find(`k${i}`), entryOf(`k${i}`, 1))
    drain(entries, 990, 1_050)
    assert.deepStrictEqual([entries.size, entries.bytes, entries.check], [0, 0, 0])
  })

  it("use the slots of deleted entries again", () => {
    const entries = new MirrorEntries<string>()
    fill(entries, 0, 100)
    for (let i = 0; i < 1_000; i++) {
      drain(entries, i, i + 1)
      fill(entries, 100 + i, 101 + i)
    }
    assert.deepStrictEqual([entries.size, slotsOf(entries)], [100, 100])
  })
})
