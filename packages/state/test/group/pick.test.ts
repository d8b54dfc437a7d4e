import { assert, describe, it } from "@effect/vitest"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import * as Schema from "effect/Schema"
import * as pick from "../../src/internal/group/pick.ts"
import type { Member } from "../../src/internal/group/Service.ts"

type Members = NonEmptyReadonlyArray<Member<null>>

const member = (name: string, ref: number, weight: number): Member<null> => ({
  peer: { name, generation: 1 },
  ref,
  status: "alive",
  link: "up",
  weight,
  value: null,
})

const of = (...members: ReadonlyArray<readonly [name: string, ref: number, weight: number]>): Members => {
  const all = members.map(([name, ref, weight]) => member(name, ref, weight))
  return isReadonlyArrayNonEmpty(all) ? all : assert.fail("no members")
}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Weights = Schema.NonEmptyArray(between(1, 6))

/** Members of up to three nodes with these weights. */
const membersOf = (weights: ReadonlyArray<number>): Members =>
  of(...weights.map((weight, i) => [`n${i % 3}`, i, weight] as const))

const idOf = ({ peer, ref }: Member<null>): string => `${peer.name}/${ref}`

describe("the pick at random", () => {
  it.prop("covers each member with its share of the chances", [Weights], ([weights]) => {
    const members = membersOf(weights)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const steps = Array.from({ length: total }, (_, i) => idOf(pick.random(members, (i + 0.5) / total)))
    for (const each of members) {
      assert.strictEqual(steps.filter((id) => id === idOf(each)).length, each.weight, idOf(each))
    }
  })
})

describe("the pick by turns", () => {
  it.prop("gives each member its weight in every round", [Weights, between(1, 3)], ([weights, rounds]) => {
    const members = membersOf(weights)
    const turns = new pick.RoundRobin()
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (let round = 0; round < rounds; round++) {
      const ids = Array.from({ length: total }, () => idOf(turns.next(members)))
      for (const each of members) assert.strictEqual(ids.filter((id) => id === idOf(each)).length, each.weight)
    }
  })

  it("spreads the turns of a heavy member", () => {
    const members = of(["a", 0, 3], ["b", 0, 1], ["c", 0, 1])
    const turns = new pick.RoundRobin()
    const names = Array.from({ length: 5 }, () => turns.next(members).peer.name)
    assert.deepStrictEqual(names, ["a", "b", "a", "c", "a"])
  })

  it("goes on with the members that stay", () => {
    const turns = new pick.RoundRobin()
    const [a, b, c] = [member("a", 0, 1), member("b", 0, 1), member("c", 0, 1)]
    assert.strictEqual(turns.next([a, b]).peer.name, "a")
    assert.strictEqual(turns.next([a, b, c]).peer.name, "b")
    assert.strictEqual(turns.next([a, c]).peer.name, "c")
  })
})

describe("the pick by key", () => {
  const byKey = (members: Members, key: string) => pick.byKey(members, pick.candidatesOf(members), key)

  it("adds the weights of the members of one node", () => {
    const weights = pick
      .candidatesOf(of(["a", 0, 2], ["b", 0, 1], ["a", 5, 3]))
      .map(({ name, weight }) => [name, weight])
    assert.deepStrictEqual(weights, [
      ["a", 5],
      ["b", 1],
    ])
  })

  it.prop(
    "moves a key to another node only if a member of that node comes",
    [Weights, Schema.String],
    ([weights, key]) => {
      const before = membersOf(weights)
      const node = byKey(before, key).peer.name
      const after = byKey([...before, member("new", 0, 1)], key).peer.name
      assert.isTrue(after === node || after === "new")
      const more = byKey([...before, member(node, 99, 1)], key).peer.name
      assert.strictEqual(more, node)
    },
  )

  it("gives the members of one node shares by their weights", () => {
    const members = of(["a", 0, 1], ["a", 1, 3])
    const keys = Array.from({ length: 4_000 }, (_, i) => `k${i}`)
    const second = keys.filter((key) => byKey(members, key).ref === 1).length
    // Five standard deviations.
    assert.closeTo(second, 3_000, 137)
  })
})

it("reaches alive members with the link up", () => {
  const reachable = ([status, link]: readonly [Member<null>["status"], Member<null>["link"]]) =>
    pick.isReachable({ ...member("a", 0, 1), status, link })
  assert.isTrue(reachable(["alive", "up"]))
  assert.isFalse(reachable(["suspect", "up"]))
  assert.isFalse(reachable(["alive", "indirect"]))
  assert.isFalse(reachable(["alive", "down"]))
})
