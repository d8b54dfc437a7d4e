import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Stamp from "../../src/internal/values/Stamp.ts"
import * as Write from "../../src/internal/values/Write.ts"

const natural = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const integer = (maximum: number) => Arbitrary.schema(natural(maximum))

const by = (index: number) => ({ name: `n${index % 3}`, generation: 1 + Math.floor(index / 3) })

/** Stamps that are often equal in some of their parts. */
const Stamps = Arbitrary.map(
  Arbitrary.schema(Schema.Tuple([natural(2), natural(2), natural(5)])),
  ([wall, count, life]): Stamp.Stamp => ({ wall, count, by: by(life) }),
)

const Writes = Arbitrary.flatMap(Stamps, (stamp) =>
  Arbitrary.map(Arbitrary.schema(Schema.Tuple([natural(2), natural(2)])), ([value, after]): Write.Write => ({
    stamp,
    after: after === 0 ? undefined : { wall: 0, count: after, by: by(0) },
    value: new Uint8Array(value),
  })),
)

const greater = (a: Write.Write, b: Write.Write): Write.Write => (Write.compare(a, b) >= 0 ? a : b)

describe("the greater one of two writes", () => {
  it.prop("does not depend on their order or grouping, and is one of them", [Writes, Writes, Writes], ([a, b, c]) => {
    assert.deepStrictEqual(greater(a, b), greater(b, a))
    assert.deepStrictEqual(greater(greater(a, b), c), greater(a, greater(b, c)))
    assert.deepStrictEqual(greater(a, a), a)
    assert.include([a, b], greater(a, b))
  })

  it.prop("is undecided only for equal writes", [Writes, Writes], ([a, b]) => {
    if (Write.compare(a, b) === 0) assert.deepStrictEqual(a, b)
    assert.strictEqual(Math.sign(Write.compare(a, b)), -Math.sign(Write.compare(b, a)) + 0)
  })
})

describe("the next stamp", () => {
  it.prop(
    "is after the last one, whatever the clock says, and not before the clock",
    [Stamps, integer(3), integer(5)],
    ([last, clock, life]) => {
      const stamp = Stamp.next(last, clock, by(life))
      assert.isAbove(Stamp.compare(stamp ?? last, last), 0)
      assert.isAtLeast(stamp?.wall ?? 0, clock)
    },
  )

  it("adds a millisecond when the counter is full, and ends at the greatest stamp", () => {
    const full = { wall: 7, count: Stamp.maxCount, by: by(0) }
    assert.deepStrictEqual(Stamp.next(full, 3, by(1)), { wall: 8, count: 0, by: by(1) })
    assert.isUndefined(Stamp.next({ ...full, wall: Stamp.maxWall }, 3, by(1)))
  })

  it("is valid for a clock that is before 1970, has fractions, or is beyond the format", () => {
    for (const [clock, wall] of [
      [-5, 0],
      [1.9, 1],
      [2 ** 60, Stamp.maxWall],
    ] as const)
      assert.deepStrictEqual(Stamp.next(undefined, clock, by(0)), { wall, count: 0, by: by(0) })
  })
})

describe("what a writer has seen", () => {
  const stamp = (wall: number, life: number): Stamp.Stamp => ({ wall, count: 0, by: by(life) })
  const write = (wall: number, life: number, after?: Stamp.Stamp): Write.Write => ({
    stamp: stamp(wall, life),
    after,
    value: new Uint8Array(),
  })
  const ancestryOf = (...writes: ReadonlyArray<Write.Write>) => {
    const ancestry = new Write.Ancestry()
    for (const each of writes) ancestry.add(each)
    return ancestry
  }

  it("includes its own writes, and the write that it names", () => {
    const ancestry = ancestryOf()
    assert.strictEqual(ancestry.hasSeen(write(9, 0), write(3, 0)), "seen")
    assert.strictEqual(ancestry.hasSeen(write(9, 0, stamp(3, 1)), write(3, 1)), "seen")
    assert.strictEqual(ancestry.hasSeen(write(9, 0, stamp(5, 1)), write(3, 1)), "seen")
  })

  it("includes what the writers of these writes had seen", () => {
    const [first, second] = [write(3, 1), write(5, 2, stamp(3, 1))]
    assert.strictEqual(ancestryOf(first, second).hasSeen(write(9, 0, stamp(5, 2)), first), "seen")
  })

  it("includes no write that is newer than the newest one it had seen, or of a node that it had not seen", () => {
    assert.strictEqual(ancestryOf().hasSeen(write(9, 0), write(3, 1)), "unseen")
    assert.strictEqual(ancestryOf().hasSeen(write(9, 0, stamp(3, 1)), write(5, 1)), "unseen")
    assert.strictEqual(ancestryOf(write(5, 2)).hasSeen(write(9, 0, stamp(5, 2)), write(3, 1)), "unseen")
    // Another life of one name.
    assert.strictEqual(ancestryOf().hasSeen(write(9, 3), write(3, 0)), "unseen")
  })

  it("is unknown if a write in between is unknown, or was forgotten", () => {
    const [first, second] = [write(3, 1), write(5, 2, stamp(3, 1))]
    const newer = write(200, 0, stamp(5, 2))
    assert.strictEqual(ancestryOf(first).hasSeen(newer, first), "unknown")
    const later = Array.from({ length: 64 }, (_, i) => write(100 + i, 1))
    assert.strictEqual(ancestryOf(first, second, ...later.slice(1)).hasSeen(newer, first), "seen")
    assert.strictEqual(ancestryOf(first, second, ...later).hasSeen(newer, first), "unknown")
  })
})

it("a write that claims to have seen a newer one is no write", () => {
  const encode = Schema.encodeResult(Write.Write)
  const stamp = { wall: 3, count: 0, by: by(0) }
  const write = { stamp, after: undefined, value: new Uint8Array() }
  assert.strictEqual(encode(write)._tag, "Success")
  assert.strictEqual(encode({ ...write, after: { ...stamp, wall: 2 } })._tag, "Success")
  assert.strictEqual(encode({ ...write, after: stamp })._tag, "Failure")
  assert.strictEqual(encode({ ...write, stamp: { ...stamp, wall: Stamp.maxWall + 1 } })._tag, "Failure")
})
