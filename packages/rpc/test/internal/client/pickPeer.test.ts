import * as Rendezvous from "@coterie/core/Rendezvous"
import { assert, describe, it } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Prng from "../../../../core/src/internal/prng.ts"
import * as pickPeer from "../../../src/internal/client/pickPeer.ts"

const candidate = (name: string): pickPeer.Candidate => ({ ...Rendezvous.candidate(name), generation: 1 })

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
