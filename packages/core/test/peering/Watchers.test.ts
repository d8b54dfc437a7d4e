import { describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { assert } from "vitest"
import * as Member from "../../src/membership/Member.ts"
import { Watchers } from "../../src/peering/Watchers.ts"
import type { Status } from "../../src/protocol/PeerRecord.ts"
import * as Rendezvous from "../../src/Rendezvous.ts"
import { recordOf } from "../protocol/records.ts"

const memberOf = (name: string, status: Status = "alive") => Member.make(recordOf(name, { status }), "Linked")

/** Watchers of a node, with the members that a test sets. */
const makeNode = (self: string, count: number, hash?: typeof Rendezvous.hash) => {
  const watchers = new Watchers(self, count, hash)
  let members = new Map<string, Member.Member>()
  const set = (name: string, status: Status | undefined) => {
    const before = { members, touched: new Set<string>() }
    members = new Map(members)
    if (status === undefined) members.delete(name)
    else members.set(name, memberOf(name, status))
    watchers.update({ members, touched: new Set([name]) }, before)
  }
  return { self, set, watchers }
}

/** Makes a cluster whose nodes know each other. */
const makeCluster = (size: number, count: number, hash?: typeof Rendezvous.hash) => {
  const names = Array.from({ length: size }, (_, i) => `node-${i}`)
  return names.map((self) => {
    const node = makeNode(self, count, hash)
    for (const name of names) if (name !== self) node.set(name, "alive")
    return node
  })
}

const namesOf = (nodes: ReadonlyArray<{ readonly self: string }>): ReadonlyArray<string> =>
  nodes.map(({ self }) => self)

const watchedBy = (node: ReturnType<typeof makeNode>, names: Iterable<string>): ReadonlyArray<string> =>
  [...names].filter((name) => name !== node.self && node.watchers.has(name))

describe("the watchers of a member", () => {
  it("are all others in a cluster of at most one member more", () => {
    for (const size of [2, 5, 21]) {
      const nodes = makeCluster(size, 20)
      for (const node of nodes) assert.strictEqual(watchedBy(node, namesOf(nodes)).length, size - 1)
    }
    const nodes = makeCluster(30, Infinity)
    for (const node of nodes) assert.strictEqual(watchedBy(node, namesOf(nodes)).length, 29)
  })

  it("are as many as the option, and watch each other", () => {
    for (const [size, count, expected] of [
      [22, 20, 20],
      [100, 20, 20],
      [50, 2, 2],
      [50, 3, 4],
    ] as const) {
      const nodes = makeCluster(size, count)
      const names = namesOf(nodes)
      for (const node of nodes) {
        assert.strictEqual(watchedBy(node, names).length, expected)
        for (const other of nodes) {
          if (other === node) continue
          assert.strictEqual(node.watchers.has(other.self), other.watchers.has(node.self), `${node.self} ${other.self}`)
        }
      }
    }
  })

  it("watch each other, in the order of their names, if their hashes are equal", () => {
    for (const hash of [
      () => ({ high: 0, low: 0 }),
      (name: string) => ({ high: 7, low: name.length }),
      () => ({ high: 2 ** 32 - 1, low: 2 ** 32 - 1 }),
    ]) {
      const nodes = makeCluster(30, 4, hash)
      const names = namesOf(nodes)
      const ring = names.toSorted((a, b) => hash(a).low - hash(b).low || (a < b ? -1 : 1))
      for (const [place, self] of ring.entries()) {
        const node = nodes.find((each) => each.self === self) ?? assert.fail(self)
        const expected = [-2, -1, 1, 2].map((step) => ring.at((place + step) % ring.length))
        assert.sameMembers([...watchedBy(node, names)], expected)
      }
    }
  })

  it("connect all members", () => {
    const nodes = makeCluster(100, 2)
    const byName = new Map(nodes.map((node) => [node.self, node]))
    const reached = new Set(["node-0"])
    for (const name of reached) {
      const node = byName.get(name)
      if (node !== undefined) for (const next of watchedBy(node, byName.keys())) reached.add(next)
    }
    assert.strictEqual(reached.size, 100)
  })

  it("do not count members that failed or left, and count suspects", () => {
    const nodes = makeCluster(40, 2)
    const [node] = nodes
    if (node === undefined) return assert.fail("no node")
    const names = namesOf(nodes)
    const [first = "", second = ""] = watchedBy(node, names)
    node.set(first, "suspect")
    assert.deepStrictEqual(watchedBy(node, names), [first, second])
    node.set(first, "failed")
    assert.strictEqual(watchedBy(node, names).length, 2)
    assert.isFalse(node.watchers.has(first))
    node.set(first, "alive")
    assert.deepStrictEqual(watchedBy(node, names), [first, second])
    node.set(second, undefined)
    assert.isFalse(node.watchers.has(second))
  })

  const index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 39 }))
  const changes = Arbitrary.schema(
    Schema.Array(
      Schema.Struct({
        index,
        status: Schema.UndefinedOr(Schema.Literals(["alive", "suspect", "failed", "left"])),
      }),
    ),
  )

  it.prop("depend only on the current members, whatever happened before", [changes], ([steps]) => {
    const node = makeNode("self", 6)
    const last = new Map<string, Status | undefined>()
    for (const { index, status } of steps) {
      node.set(`node-${index}`, status)
      last.set(`node-${index}`, status)
    }
    const fresh = makeNode("self", 6)
    for (const [name, status] of last) fresh.set(name, status)
    const counted = [...last].flatMap(([name, status]) => (status === "alive" || status === "suspect" ? [name] : []))
    assert.deepStrictEqual(watchedBy(node, counted), watchedBy(fresh, counted))
    assert.strictEqual(watchedBy(node, counted).length, Math.min(6, counted.length))
  })
})
