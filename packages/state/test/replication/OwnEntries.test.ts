import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { OwnEntries } from "../../src/internal/replication/OwnEntries.ts"
import { type Item, setItem } from "../../src/internal/replication/messages.ts"

const value = (text: string): Uint8Array => new TextEncoder().encode(text)
const settingOf = (text: string) => ({ bytes: value(text), entry: text })
const changesOf = (changes: Record<string, string | undefined>) =>
  new Map(Object.entries(changes).map(([key, text]) => [key, text === undefined ? undefined : settingOf(text)]))

const generous = { entries: 1_000, bytes: 100_000, removals: 1_000 }

const integer = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))
/** Steps of changes: each has keys, and a value or 0 for a removal. */
const Steps = Arbitrary.array(
  Arbitrary.array(
    Arbitrary.flatMap(integer(9), (key) => Arbitrary.map(integer(4), (text) => [`k${key}`, text] as const)),
    { minLength: 1, maxLength: 4 },
  ),
  { maxLength: 60 },
)

const apply = (entries: OwnEntries<string>, step: ReadonlyArray<readonly [string, number]>) =>
  entries.change(new Map(step.map(([key, text]) => [key, text === 0 ? undefined : settingOf(`${text}`)])))

/** Returns the entries as they are after some items. */
const fold = (items: Iterable<Item>, from: ReadonlyMap<string, Item> = new Map()): Map<string, Item> => {
  const state = new Map(from)
  for (const item of items) {
    state.delete(item.key)
    if (item.value !== undefined) state.set(item.key, item)
  }
  return state
}

const sorted = (state: ReadonlyMap<string, Item>) => [...state].sort(([a], [b]) => (a < b ? -1 : 1))

describe("own entries", () => {
  it.prop(
    "from any version that is not forgotten, the changes since then lead to all entries",
    [Steps, integer(20)],
    ([steps, removals]) => {
      const entries = new OwnEntries<string>({ ...generous, removals })
      const states = [new Map<string, Item>()]
      for (const step of steps) {
        const before = entries.version
        apply(entries, step)
        if (entries.version !== before) states.push(fold(entries.all()))
      }
      const all = sorted(fold(entries.all()))
      for (const [version, state] of states.entries()) {
        if (version < entries.horizon) continue
        assert.deepStrictEqual(sorted(fold(entries.since(version), state)), all, `since ${version}`)
      }
    },
  )

  it.prop("the entries that this node shows are those that readers get", [Steps], ([steps]) => {
    const entries = new OwnEntries<string>({ ...generous, removals: 3 })
    for (const step of steps) apply(entries, step)
    const sent = new Map(entries.all().map((item) => [item.key, item.value]))
    assert.deepStrictEqual(new Set(entries.keys()), new Set(sent.keys()))
    assert.deepStrictEqual([...entries.entries()].sort(), [...sent.values()].sort())
    for (let i = 0; i < 10; i++) assert.strictEqual(entries.get(`k${i}`), sent.get(`k${i}`))
  })

  it("an entry keeps its place when its value changes", () => {
    const entries = new OwnEntries<string>(generous)
    entries.change(changesOf({ a: "1", b: "1" }))
    entries.change(changesOf({ a: "2" }))
    assert.deepStrictEqual([...entries.entries()], ["2", "1"])
  })

  it("an item of a batch does not keep the items before and after it", () => {
    const entries = new OwnEntries<string>(generous)
    entries.change(changesOf({ a: "1", b: "1", c: "1" }))
    const [, item] = entries.all()
    entries.change(changesOf({ b: "2" }))
    const referred = Object.values(item ?? {}).filter((field) => typeof field === "object" && field !== null)
    assert.deepStrictEqual(referred, [])
  })

  it("the sum of the entries up to a size leaves out the larger ones, also after changes of them", () => {
    const entries = new OwnEntries<string>(generous)
    const sizes = new Map<string, number>()
    for (const size of [1, 5_000, 6_000, undefined, 4_500, 2, undefined, 7_000]) {
      for (const key of ["a", "b", "c"]) {
        if (size === undefined) sizes.delete(key)
        else sizes.set(key, size + key.charCodeAt(0))
        const length = sizes.get(key)
        const setting = length === undefined ? undefined : { bytes: new Uint8Array(length), entry: "" }
        entries.change(new Map([[key, setting]]))
        for (const maxBytes of [4_100, 5_099, 10_000]) {
          const kept = entries.all().filter(({ bytes }) => bytes <= maxBytes)
          const check = kept.reduce((sum, { hash }) => sum ^ hash, 0) >>> 0
          assert.deepStrictEqual(entries.sumWithin(maxBytes), { count: kept.length, check })
        }
      }
    }
  })

  it.prop("the sum, the count and the bytes are those of the entries", [Steps], ([steps]) => {
    const entries = new OwnEntries<string>(generous)
    for (const step of steps) apply(entries, step)
    const all = entries.all()
    const check = all.reduce((sum, { hash }) => sum ^ hash, 0) >>> 0
    assert.deepStrictEqual(entries.sum, { count: all.length, check })
    assert.strictEqual(
      entries.bytes,
      all.reduce((sum, { bytes }) => sum + bytes, 0),
    )
  })

  it("a step has one version, and a step that alters nothing has none", () => {
    const entries = new OwnEntries<string>(generous)
    assert.deepStrictEqual(
      entries.change(changesOf({ a: "1", b: "2" })),
      Result.succeed([
        { previous: undefined, entry: "1" },
        { previous: undefined, entry: "2" },
      ]),
    )
    assert.strictEqual(entries.version, 1)
    assert.deepStrictEqual(entries.change(changesOf({ a: "1", c: undefined })), Result.succeed([]))
    assert.strictEqual(entries.version, 1)
    const changed = entries.change(changesOf({ a: undefined, b: "2", c: "3" }))
    assert.deepStrictEqual(
      changed,
      Result.succeed([
        { previous: "1", entry: undefined },
        { previous: undefined, entry: "3" },
      ]),
    )
  })

  it("a reader that misses a forgotten removal needs all entries", () => {
    const entries = new OwnEntries<string>({ ...generous, removals: 1 })
    entries.change(changesOf({ a: "1", b: "1" }))
    entries.change(changesOf({ a: undefined }))
    assert.strictEqual(entries.horizon, 0)
    entries.change(changesOf({ b: undefined }))
    assert.strictEqual(entries.horizon, 2)
    assert.deepStrictEqual(
      entries.since(2).map(({ key }) => key),
      ["b"],
    )
  })

  it("a change beyond a bound alters nothing, and a change that frees as much as it uses is accepted", () => {
    const size = setItem("a", value("1")).bytes
    const entries = new OwnEntries<string>({ entries: 2, bytes: 2 * size, removals: 10 })
    entries.change(changesOf({ a: "1", b: "1" }))
    assert.deepStrictEqual(entries.change(changesOf({ a: "2", c: "1" })), Result.fail("entries"))
    assert.deepStrictEqual(entries.change(changesOf({ a: "22" })), Result.fail("bytes"))
    assert.strictEqual(entries.get("a"), "1")
    assert.strictEqual(entries.version, 1)
    assert.isTrue(Result.isSuccess(entries.change(changesOf({ a: undefined, c: "1" }))))
  })
})
