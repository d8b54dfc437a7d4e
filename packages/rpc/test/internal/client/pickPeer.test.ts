import { assert, describe, it } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Prng from "../../../../core/src/internal/prng.ts"
import * as pickPeer from "../../../src/internal/client/pickPeer.ts"
import { hashOf } from "../../../src/internal/client/rendezvous.ts"

const candidate = (name: string): pickPeer.Candidate => ({ name, generation: 1, nameHash: hashOf(name) })

const peers = (count: number): NonEmptyReadonlyArray<pickPeer.Candidate> => [
  candidate("web-1"),
  ...Array.from({ length: count - 1 }, (_, i) => candidate(`web-${i + 2}`)),
]

/** Makes a source of numbers in [0, 1). */
const random = (seed: number) => {
  let state = seed
  return () => {
    const [next, value] = Prng.next(state)
    state = next
    return value
  }
}

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

describe("the pick of the least requests", () => {
  it.prop(
    "keeps the requests in flight of all peers within a few of each other, for any seed",
    [between(2, 30), between(0, 1e9)],
    ([count, seed]) => {
      const draw = random(seed)
      const all = peers(count)
      const inFlight = new Map<string, number>()
      const of = (name: string) => inFlight.get(name) ?? 0
      for (let i = 0; i < 100 * count; i++) {
        const { name } = pickPeer.leastRequests(all, of, [draw(), draw()])
        inFlight.set(name, of(name) + 1)
      }
      const numbers = all.map(({ name }) => of(name))
      // One random choice would leave a difference of about 40 here.
      assert.isAtMost(Math.max(...numbers) - Math.min(...numbers), 15)
    },
  )

  it.prop(
    "gives all peers the same share while their requests end at once",
    [between(2, 10), between(0, 1e9)],
    ([count, seed]) => {
      const draw = random(seed)
      const all = peers(count)
      const picks = new Map<string, number>()
      const rounds = 2_000 * count
      for (let i = 0; i < rounds; i++) {
        const { name } = pickPeer.leastRequests(all, () => 0, [draw(), draw()])
        picks.set(name, (picks.get(name) ?? 0) + 1)
      }
      // Six standard deviations of 2,000 picks.
      for (const { name } of all) assert.closeTo(picks.get(name) ?? 0, 2_000, 270)
    },
  )

  it.prop(
    "compares two different peers, and returns the one with fewer requests",
    [between(2, 10), between(0, 1e9)],
    ([count, seed]) => {
      const draw = random(seed)
      const all = peers(count)
      const compared: Array<string> = []
      const load = new Map(all.map(({ name }) => [name, Math.floor(draw() * 5)]))
      const inFlight = (name: string) => {
        compared.push(name)
        return load.get(name) ?? 0
      }
      const picked = pickPeer.leastRequests(all, inFlight, [draw(), draw()])
      assert.strictEqual(new Set(compared).size, 2)
      assert.strictEqual(load.get(picked.name), Math.min(...compared.map((name) => load.get(name) ?? 0)))
    },
  )

  it("returns the only peer", () => {
    const [only] = peers(1)
    assert.strictEqual(
      pickPeer.leastRequests([only], () => 7, [0.999, 0.999]),
      only,
    )
  })
})

describe("the pick of the nearest", () => {
  const names = (times: Readonly<Record<string, number>>) =>
    pickPeer.nearest(peers(4), ({ name }) => times[name]).map(({ name }) => name)

  it("returns the peers within twice the lowest time, and not those without a time", () => {
    assert.deepStrictEqual(names({ "web-1": 3, "web-2": 1, "web-3": 2 }), ["web-2", "web-3"])
  })

  it("returns only this node, whose time is zero, if it serves", () => {
    assert.deepStrictEqual(names({ "web-1": 0, "web-2": 0.1 }), ["web-1"])
  })

  it("returns all peers while no time is known", () => {
    assert.strictEqual(names({}).length, 4)
  })
})

describe("the pick by key", () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => `user-${i}`)

  it("gives keys to the same peers in all versions", () => {
    const owners = keys.slice(0, 12).map((key) => Number(pickPeer.byKey(peers(5), key).name.slice(4)))
    assert.deepStrictEqual(owners, [5, 3, 1, 1, 1, 2, 2, 3, 3, 5, 4, 1])
    assert.deepStrictEqual(
      [hashOf(""), hashOf("a"), hashOf("web-1"), hashOf("ключ-😀")],
      [0x811c9dc5, 0xe40c292c, 1991751455, 1987494185],
    )
  })

  it.prop(
    "does not depend on the order of the peers",
    [between(1, 20), Arbitrary.schema(Schema.String)],
    ([count, key]) => {
      const [first, ...rest] = peers(count)
      const reversed = [...rest].reverse()
      const [last = first, ...others] = [...reversed, first]
      assert.strictEqual(pickPeer.byKey([first, ...rest], key), pickPeer.byKey([last, ...others], key))
    },
  )

  it("gives a key to the lower of two names with the same hash", () => {
    const [low, high] = ["a", "b"].map((name) => ({ name, generation: 1, nameHash: 7 }))
    if (low === undefined || high === undefined) return assert.fail()
    for (const both of [[low, high] as const, [high, low] as const]) assert.strictEqual(pickPeer.byKey(both, "x"), low)
  })

  it("gives each peer about the same number of keys", () => {
    for (const count of [2, 3, 5, 20]) {
      const owned = new Map<string, number>()
      for (const key of keys) {
        const { name } = pickPeer.byKey(peers(count), key)
        owned.set(name, (owned.get(name) ?? 0) + 1)
      }
      for (const { name } of peers(count)) assert.closeTo((owned.get(name) ?? 0) / (keys.length / count), 1, 0.15, name)
    }
  })

  it.prop("moves only the keys of a peer that goes", [between(2, 20), between(0, 19)], ([count, index]) => {
    const all = peers(count)
    const gone = all[index % count] ?? all[0]
    const [first = gone, ...rest] = all.filter((each) => each !== gone)
    for (const key of keys.slice(0, 500)) {
      const before = pickPeer.byKey(all, key)
      if (before !== gone) assert.strictEqual(pickPeer.byKey([first, ...rest], key), before)
    }
  })
})
