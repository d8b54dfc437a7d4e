import * as Rendezvous from "@coterie/core/Rendezvous"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"

const named = (weights: Readonly<Record<string, number>>): ReadonlyArray<Rendezvous.Candidate> =>
  Object.entries(weights).map(([name, weight]) => Rendezvous.candidate(name, weight))

const web = (count: number): ReadonlyArray<Rendezvous.Candidate> =>
  Array.from({ length: count }, (_, i) => Rendezvous.candidate(`web-${i + 1}`))

const keys = Array.from({ length: 10_000 }, (_, i) => `user:${i}`)

const ownerOf = (candidates: Iterable<Rendezvous.Candidate>, key: string): string | undefined =>
  Rendezvous.owner(candidates, key)?.name

/** Returns the number of keys of each candidate. */
const shares = (candidates: Iterable<Rendezvous.Candidate>): ReadonlyMap<string, number> => {
  const all = [...candidates]
  const counts = new Map<string, number>()
  for (const key of keys) {
    const name = ownerOf(all, key) ?? ""
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const text = Arbitrary.schema(Schema.String)

/** Name of a peer. Names are well-formed, so two names have different bytes. */
const Name = Schema.String.check(Schema.makeFilter((name) => name.isWellFormed()))

/** Weights of candidates with different names. */
const weights = Arbitrary.schema(Schema.Record(Name, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))))

describe("rendezvous hashing", () => {
  it("has no owner without candidates", () => {
    assert.isUndefined(Rendezvous.owner([], "a"))
    assert.deepStrictEqual(Rendezvous.owners([], "a", 3), [])
  })

  it.prop(
    "makes the candidate with the greatest score the owner, in any order of the candidates",
    [weights, text],
    ([given, key]) => {
      const candidates = named(given)
      const scores = candidates.map((each) => Rendezvous.score(each, key))
      const best = candidates[scores.indexOf(Math.max(...scores))]
      assert.strictEqual(ownerOf(candidates, key), best?.name)
      assert.strictEqual(ownerOf([...candidates].reverse(), key), best?.name)
      for (const score of scores) assert.isAbove(score, 0)
    },
  )

  it.prop("ranks the candidates by their scores", [weights, text, between(0, 6)], ([given, key, count]) => {
    const candidates = named(given)
    const ranked = [...candidates].sort((a, b) => Rendezvous.score(b, key) - Rendezvous.score(a, key))
    assert.deepStrictEqual(Rendezvous.owners([...candidates].reverse(), key, count), ranked.slice(0, count))
  })

  it.prop("accepts a key or its hash", [weights, text], ([given, key]) => {
    const candidates = named(given)
    assert.strictEqual(Rendezvous.owner(candidates, Rendezvous.hash(key)), Rendezvous.owner(candidates, key))
  })

  it("gives a key to the lower of two names with equal scores", () => {
    const hash = Rendezvous.hash("x")
    // U+FFFF is lower than an emoji, and its UTF-16 unit is greater.
    const [low, high] = ["\uFFFF", "\u{1F600}"].map((name) => ({ name, weight: 1, hash }))
    if (low === undefined || high === undefined) return assert.fail()
    for (const both of [
      [low, high],
      [high, low],
    ]) {
      assert.strictEqual(Rendezvous.owner(both, "k"), low)
      assert.deepStrictEqual(Rendezvous.owners(both, "k", 2), [low, high])
    }
  })

  it.prop(
    "moves no key between two candidates that stay",
    [weights, text, between(1, 5), text],
    ([given, newcomer, weight, key]) => {
      const before = named(given).filter(({ name }) => name !== newcomer)
      const after = [...before, Rendezvous.candidate(newcomer, weight)]
      const [from, to] = [ownerOf(before, key), ownerOf(after, key)]
      assert.isTrue(to === from || to === newcomer)
      const ranked = Rendezvous.owners(after, key, 2).map(({ name }) => name)
      // Without the owner, the next in rank is the owner.
      assert.strictEqual(
        ownerOf(
          after.filter(({ name }) => name !== to),
          key,
        ),
        ranked[1],
      )
    },
  )

  it.prop("moves keys only to a candidate whose weight rises", [weights, text, between(1, 5)], ([given, key, more]) => {
    const before = named(given)
    const [first, ...rest] = before
    if (first === undefined) return
    const after = [Rendezvous.candidate(first.name, first.weight + more), ...rest]
    const [from, to] = [ownerOf(before, key), ownerOf(after, key)]
    assert.isTrue(to === from || to === first.name)
  })

  it("gives each candidate a share in proportion to its weight", () => {
    for (const given of [web(1), web(2), web(5), web(20), named({ a: 1, b: 2, c: 3, d: 0.5 })]) {
      const total = given.reduce((sum, { weight }) => sum + weight, 0)
      const counts = shares(given)
      for (const { name, weight } of given) {
        const share = weight / total
        // Five standard deviations of a binomial distribution.
        const tolerance = 5 * Math.sqrt(keys.length * share * (1 - share))
        assert.closeTo(counts.get(name) ?? 0, keys.length * share, tolerance + 1, name)
      }
    }
  })

  it("moves the least share of the keys to a newcomer", () => {
    for (const count of [5, 20]) {
      const [before, after] = [web(count), web(count + 1)]
      const moved = keys.filter((key) => ownerOf(before, key) !== ownerOf(after, key)).length
      const share = 1 / (count + 1)
      assert.closeTo(moved, keys.length * share, 5 * Math.sqrt(keys.length * share * (1 - share)))
    }
  })

  it("does not prefer or avoid the candidate whose name is the key", () => {
    const candidates = web(5)
    const names = Array.from({ length: 5_000 }, (_, i) => `node-${i}`)
    const own = names.filter((name) => ownerOf([...candidates, Rendezvous.candidate(name)], name) === name).length
    assert.closeTo(own, names.length / 6, 5 * Math.sqrt((names.length * 5) / 36))
  })
})
