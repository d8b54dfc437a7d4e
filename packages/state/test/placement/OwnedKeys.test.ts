import * as Rendezvous from "@coterie/core/Rendezvous"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { type Input, OwnedKeys } from "../../src/internal/placement/OwnedKeys.ts"

const settle = 2_000
const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Weights of the nodes of a group by their names. */
type Weights = Readonly<Record<string, number>>

const groupOf = (weights: Weights) =>
  Object.entries(weights)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, weight]) => Rendezvous.candidate(name, weight))

const calm = (weights: Weights): Input => ({ candidates: groupOf(weights), isCalm: true })

const ownerOf = (weights: Weights, key: string) => Rendezvous.owner(groupOf(weights), key)?.name

const make = (self: string): OwnedKeys => {
  const owned = new OwnedKeys({ self, settle })
  for (const key of keys) owned.add(key)
  return owned
}

const held = (owned: OwnedKeys) => keys.filter((key) => owned.ownership(key) === "mine")
const ofNode = (weights: Weights, name: string) => keys.filter((key) => ownerOf(weights, key) === name)

describe("the owned keys of a node", () => {
  const three = { a: 1, b: 1, c: 1 }
  const two = { a: 1, b: 1 }

  it("are its share once the group was the same for a while, and nobody's before", () => {
    const owned = make("a")
    assert.strictEqual(owned.dueAt(), Infinity)
    owned.update(calm(three), 10)
    for (const key of keys) assert.strictEqual(owned.ownership(key), ownerOf(three, key) === "a" ? "nobody" : "other")
    assert.strictEqual(owned.dueAt(), 10 + settle)
    owned.update(calm(three), 10 + settle - 1)
    assert.deepStrictEqual(held(owned), [])
    owned.update(calm(three), 10 + settle)
    assert.deepStrictEqual(held(owned), ofNode(three, "a"))
    assert.strictEqual(owned.dueAt(), Infinity)
  })

  it("are given up in the step in which another node owns them, and all others stay", () => {
    const owned = make("a")
    owned.update(calm(two), 0)
    owned.update(calm(two), settle)
    owned.update(calm(three), settle + 1)
    assert.deepStrictEqual(held(owned), ofNode(three, "a"))
  })

  it("are taken from a node that is gone after the time has passed again", () => {
    const owned = make("a")
    owned.update(calm(three), 0)
    owned.update(calm(three), settle)
    owned.update(calm(two), 5_000)
    assert.deepStrictEqual(held(owned), ofNode(three, "a"))
    owned.update(calm(two), 5_000 + settle)
    assert.deepStrictEqual(held(owned), ofNode(two, "a"))
  })

  it("are not taken back at once after a short absence of this node", () => {
    const owned = make("a")
    owned.update(calm(two), 0)
    owned.update(calm(two), settle)
    owned.update(calm({ b: 1 }), 5_000)
    assert.deepStrictEqual(held(owned), [])
    owned.update(calm(two), 5_001)
    assert.deepStrictEqual(held(owned), [])
    owned.update(calm(two), 5_001 + settle)
    assert.deepStrictEqual(held(owned), ofNode(two, "a"))
  })

  it("stay while the group is not calm, and no others are added", () => {
    const owned = make("a")
    owned.update(calm(three), 0)
    owned.update(calm(three), settle)
    const noisy = { candidates: groupOf({ a: 1 }), isCalm: false }
    owned.update(noisy, 3_000)
    owned.update(noisy, 60_000)
    assert.deepStrictEqual(held(owned), ofNode(three, "a"))
    assert.strictEqual(owned.dueAt(), Infinity)
    owned.update(calm({ a: 1 }), 60_000)
    assert.deepStrictEqual(held(owned), ofNode(three, "a"))
    owned.update(calm({ a: 1 }), 60_000 + settle)
    assert.deepStrictEqual(held(owned), keys)
  })

  it("are none without a group, and those of a key that is added later follow the same rule", () => {
    const owned = make("a")
    owned.update(calm(two), 0)
    owned.update(calm(two), settle)
    owned.add("late")
    assert.strictEqual(owned.ownership("late"), ownerOf(two, "late") === "a" ? "mine" : "other")
    owned.update({ candidates: [], isCalm: true }, 3_000)
    assert.deepStrictEqual(held(owned), [])
    owned.update(calm(two), 4_000)
    owned.add("later")
    assert.strictEqual(owned.ownership("later"), ownerOf(two, "later") === "a" ? "nobody" : "other")
    owned.remove("later")
    assert.strictEqual(owned.ownership("later"), "nobody")
  })
})

/** A group of three nodes that changes, and the delays with which each of them hears of each change. */
const Changes = Schema.Array(
  Schema.Struct({
    /** Time since the change before. */
    after: between(1, 5_000),
    weights: Schema.Struct({ a: between(0, 2), b: between(0, 2), c: between(0, 2) }),
    delays: Schema.Struct({ a: between(0, settle - 1), b: between(0, settle - 1), c: between(0, settle - 1) }),
    isCalm: Schema.Boolean,
  }),
)

interface Step {
  readonly at: number
  readonly input: Input
}

/** Returns the inputs of a node in order, each heard after its delay and not before an earlier one. */
const stepsOf = (changes: (typeof Changes)["Type"], node: "a" | "b" | "c"): ReadonlyArray<Step> => {
  let [time, last] = [0, 0]
  return changes.map(({ after, delays, isCalm, weights }) => {
    time += after
    last = Math.max(last, time + delays[node])
    const present = Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight > 0))
    return { at: last, input: { candidates: groupOf(present), isCalm } }
  })
}

/** Runs the nodes in order of time, and calls `look` after every step. */
const run = (changes: (typeof Changes)["Type"], look: (owned: Readonly<Record<string, OwnedKeys>>) => void) => {
  const nodes = (["a", "b", "c"] as const).map((name) => ({
    name,
    owned: make(name),
    steps: [...stepsOf(changes, name)],
  }))
  const inputs = new Map<string, Input>()
  const all = Object.fromEntries(nodes.map(({ name, owned }) => [name, owned]))
  for (;;) {
    const times = nodes.map(({ owned, steps }) => Math.min(steps[0]?.at ?? Infinity, owned.dueAt()))
    const now = Math.min(...times)
    const node = nodes[times.indexOf(now)]
    if (node === undefined || now === Infinity) return all
    const { name, owned, steps } = node
    if (steps[0]?.at === now) inputs.set(name, steps.shift()?.input ?? { candidates: [], isCalm: false })
    owned.update(inputs.get(name) ?? { candidates: [], isCalm: false }, now)
    look(all)
  }
}

describe("the owned keys of several nodes", () => {
  it.prop("never overlap while every change reaches all nodes within the time to settle", [Changes], ([changes]) => {
    run(changes, (owned) => {
      for (const key of keys) {
        const owners = Object.entries(owned).filter(([, each]) => each.ownership(key) === "mine")
        assert.isAtMost(owners.length, 1, key)
      }
    })
  })

  it.prop("are complete, and the same at all nodes, when nothing changes any more", [Changes], ([changes]) => {
    const last = { after: 1, weights: { a: 1, b: 2, c: 1 }, delays: { a: 0, b: 5, c: 900 }, isCalm: true }
    const owned = run([...changes, last], () => {})
    for (const key of keys) {
      for (const [name, each] of Object.entries(owned)) {
        assert.strictEqual(
          each.ownership(key),
          ownerOf(last.weights, key) === name ? "mine" : "other",
          `${name} ${key}`,
        )
      }
    }
  })
})
