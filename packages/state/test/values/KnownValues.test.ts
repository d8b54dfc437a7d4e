import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { KnownValues, maxAheadMillis } from "../../src/internal/values/KnownValues.ts"
import * as Write from "../../src/internal/values/Write.ts"

/** Order of the nodes for every value: the last one has the first rank. */
const outranks = (_: string, a: string, b: string): boolean => a > b

const text = (write: Write.Write | undefined): string | undefined =>
  write === undefined ? undefined : new TextDecoder().decode(write.value)

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A node, and what it sees of the owned map of the values. */
class Node {
  readonly name: string
  readonly known: KnownValues
  /** Difference of the clock from the true time. */
  readonly skew: number
  /** Entries of this node. */
  readonly own = new Map<string, Write.Write>()
  /** Entries of other nodes. */
  readonly mirrors = new Map<string, Map<string, Write.Write>>()
  readonly conflicts: Array<string> = []

  constructor(name: string, generation: number, skew: number, limit = 10) {
    this.name = name
    this.skew = skew
    this.known = new KnownValues({ self: () => ({ name, generation }), limit, outranks })
  }

  write(value: string, now: number, name = "x"): Write.Write {
    return Result.getOrThrow(this.known.write(name, bytes(value), now + this.skew))
  }

  /** Publishes what is to be published. Returns `true` if an entry has changed. */
  settle(): boolean {
    let hasChanged = false
    for (const { lost, won } of this.known.take().conflicts) this.conflicts.push(`${text(lost)} to ${text(won)}`)
    for (const name of this.known.takeDirty(Infinity)) {
      const change = this.known.change(name)
      if (change === undefined) continue
      hasChanged = true
      if (change === "remove") {
        this.own.delete(name)
        this.known.removed(this.name, name)
      } else {
        this.own.set(name, change)
        this.known.received(this.name, name, change, 0)
      }
    }
    return hasChanged
  }

  /** Gets the entries of another node. Returns `true` if one has changed. */
  read(other: Node, now: number): boolean {
    const mirror = this.mirrors.get(other.name) ?? new Map<string, Write.Write>()
    this.mirrors.set(other.name, mirror)
    this.known.ownerChanged(other.name, true)
    let hasChanged = false
    for (const [name, write] of other.own) {
      if (mirror.get(name) === write) continue
      hasChanged = true
      mirror.set(name, write)
      this.known.received(other.name, name, write, now + this.skew)
    }
    for (const name of [...mirror.keys()].filter((name) => !other.own.has(name))) {
      hasChanged = true
      mirror.delete(name)
      this.known.removed(other.name, name)
    }
    return hasChanged
  }

  /** Loses the link to another node. */
  cut(other: string): void {
    this.known.ownerChanged(other, false)
  }

  /** Loses another node. */
  lose(other: string): void {
    this.cut(other)
    for (const name of this.mirrors.get(other)?.keys() ?? []) this.known.removed(other, name)
    this.mirrors.delete(other)
  }
}

/** Lets all nodes tell each other all, until nothing changes. */
const converge = (nodes: ReadonlyArray<Node>, now: number): void => {
  for (let round = 0; round < 12; round++) {
    let hasChanged = false
    for (const node of nodes) {
      for (const other of nodes) if (other !== node) hasChanged = node.read(other, now) || hasChanged
    }
    for (const node of nodes) hasChanged = node.settle() || hasChanged
    if (!hasChanged) return
  }
  assert.fail("the nodes do not come to rest")
}

const natural = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** Steps: a kind, and two nodes. */
const Steps = Arbitrary.array(Arbitrary.schema(Schema.Tuple([natural(9), natural(4), natural(4)])), { maxLength: 80 })
const Skews = Arbitrary.array(
  Arbitrary.map(Arbitrary.schema(natural(7_200_000)), (millis) => millis - 3_600_000),
  { minLength: 5, maxLength: 5 },
)

class Cluster {
  readonly nodes: Array<Node>
  /** Writes that the writer of a write had seen, by their values. */
  private readonly seen = new Map<string, ReadonlySet<string>>()
  private now = 10_000_000
  private generation = 1

  constructor(skews: ReadonlyArray<number>) {
    this.nodes = skews.map((skew, i) => new Node(`n${i}`, this.generation, skew))
  }

  step(kind: number, i: number, j: number): void {
    const [node, other] = [this.nodes[i], this.nodes[j]]
    if (node === undefined || other === undefined) return
    this.now += 10
    if (kind <= 1) this.write(node)
    else if (kind <= 5 && node !== other) this.checked(node, () => void node.read(other, this.now))
    else if (kind <= 7) node.settle()
    else if (kind === 8) node.cut(other.name)
    else this.restart(i)
  }

  private write(node: Node): void {
    const before = text(node.known.best("x"))
    const value = `v${this.seen.size}`
    this.seen.set(value, new Set([...(before === undefined ? [] : [before, ...(this.seen.get(before) ?? [])])]))
    node.write(value, this.now)
    assert.strictEqual(text(node.known.best("x")), value, "the write of a node is what it has seen last")
  }

  private restart(i: number): void {
    const old = this.nodes[i]
    if (old === undefined) return
    for (const other of this.nodes) other.lose(old.name)
    this.nodes[i] = new Node(old.name, ++this.generation, old.skew)
  }

  /** Checks that a node does not go back to a write that the writer of its present one had seen. */
  private checked(node: Node, run: () => void): void {
    const before = text(node.known.best("x"))
    run()
    const after = text(node.known.best("x"))
    if (before !== undefined && after !== undefined)
      assert.isFalse(this.seen.get(before)?.has(after), `${node.name} goes back from ${before} to ${after}`)
  }

  end(): void {
    const greatest = this.nodes
      .flatMap(({ known }) => known.best("x") ?? [])
      .reduce<Write.Write | undefined>((a, b) => (a === undefined || Write.compare(b, a) > 0 ? b : a), undefined)
    converge(this.nodes, this.now)
    for (const { known, name } of this.nodes) assert.strictEqual(text(known.best("x")), text(greatest), name)
    const published = this.nodes.filter(({ own }) => own.has("x")).length
    if (greatest === undefined) assert.strictEqual(published, 0)
    else assert.isTrue(published >= 2 && published <= 3, `${published} nodes publish the value`)
  }
}

describe("known values", () => {
  it.prop(
    "become the greatest write that a living node knows, at two or three publishers, whatever the clocks say",
    [Steps, Skews],
    ([steps, skews]) => {
      const cluster = new Cluster(skews)
      for (const [kind, i, j] of steps) cluster.step(kind, i, j)
      cluster.end()
    },
  )

  it("outlive their writer if one node has seen them, although no publisher has", () => {
    const nodes = ["a", "b", "c", "d"].map((name) => new Node(name, 1, 0))
    converge(nodes, 0)
    const [a, b, c, d] = nodes
    if (a === undefined || b === undefined || c === undefined || d === undefined) return
    b.write("new", 5)
    b.settle()
    a.read(b, 5)
    assert.isFalse(a.settle(), "the writer publishes it")
    for (const node of [a, c, d]) node.lose("b")
    converge([a, c, d], 6)
    for (const { known } of [a, c, d]) assert.strictEqual(text(known.best("x")), "new")
    assert.deepStrictEqual(
      [a, c, d].map(({ own }) => own.has("x")),
      [false, true, true],
    )
  })

  it("are published by the next node by rank when the link to a publisher is lost, and by it alone", () => {
    const nodes = ["a", "b", "c", "d"].map((name) => new Node(name, 1, 0))
    const publishing = () => nodes.filter(({ own }) => own.has("x")).map(({ name }) => name)
    nodes[0]?.write("new", 1)
    converge(nodes, 1)
    assert.deepStrictEqual(publishing(), ["a", "c", "d"])
    nodes[1]?.cut("d")
    nodes[1]?.settle()
    assert.deepStrictEqual(publishing(), ["a", "b", "c", "d"])
    converge(nodes, 2)
    assert.deepStrictEqual(publishing(), ["a", "c", "d"])
  })

  it("come to rest although the publishers do not keep them, at one node that has seen them", () => {
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((name) => new Node(name, 1, 0, "cd".includes(name) ? 0 : 10))
    if (a === undefined || b === undefined || c === undefined || d === undefined || e === undefined) return
    e.write("new", 1)
    converge([a, b, c, d, e], 1)
    for (const node of [a, b, c, d]) node.lose("e")
    converge([a, b, c, d], 2)
    assert.deepStrictEqual(
      [a, b, c, d].map(({ own }) => own.has("x")),
      [false, true, false, false],
    )
  })

  it("tell a conflict to the nodes that had the lost write, and only writes that did not see each other", () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => new Node(name, 1, 0))
    if (a === undefined || b === undefined || c === undefined) return
    converge([a, b, c], 0)
    a.write("first", 1)
    converge([a, b, c], 1)
    b.write("second", 2)
    converge([a, b, c], 2)
    for (let i = 0; i < 5; i++) c.write(`burst ${i}`, 3)
    converge([a, b, c], 3)
    assert.deepStrictEqual(
      [a, b, c].flatMap(({ conflicts }) => conflicts),
      [],
    )
    a.write("mine", 4)
    b.write("yours", 5)
    converge([a, b, c], 6)
    assert.deepStrictEqual([a.conflicts, b.conflicts], [["mine to yours"], []])
    a.write("early", 7)
    for (let i = 0; i < 3; i++) c.write(`late ${i}`, 7)
    converge([a, b, c], 7)
    // The other node got the one after the other.
    assert.deepStrictEqual([a.conflicts.splice(1), b.conflicts.splice(0)], [["early to late 2"], ["early to late 2"]])
    a.write("equal", 7)
    b.write("equal", 8)
    converge([a, b, c], 9)
    assert.deepStrictEqual([a.conflicts, b.conflicts], [["mine to yours"], []])
  })

  it("accept a write that is ahead of the clock, and report it once", () => {
    const [a, b] = [new Node("a", 1, maxAheadMillis + 1), new Node("b", 1, 0)]
    a.write("early", 1_000)
    a.settle()
    b.read(a, 1_000)
    assert.strictEqual(text(b.known.best("x")), "early")
    assert.deepStrictEqual(
      b.known.take().ahead.map(({ millis, name }) => [name, millis]),
      [["x", maxAheadMillis + 1]],
    )
    const exact = new Node("c", 1, 0)
    exact.read(a, 1_001)
    assert.deepStrictEqual(exact.known.take().ahead, [])
  })

  it("ignore new values beyond the limit, and keep the others up to date", () => {
    const [a, b] = [new Node("a", 1, 0), new Node("b", 1, 0, 2)]
    for (const name of ["x", "y"]) a.write("1", 1, name)
    converge([a, b], 1)
    for (const name of ["z", "x"]) a.write("2", 2, name)
    a.settle()
    b.read(a, 2)
    assert.deepStrictEqual(b.known.take().refused, ["z"])
    assert.deepStrictEqual([text(b.known.best("x")), b.known.best("z"), b.known.size], ["2", undefined, 2])
    assert.deepStrictEqual(b.known.write("z", bytes("3"), 3), Result.fail("full"))
    assert.isTrue(Result.isSuccess(b.known.write("y", bytes("3"), 3)))
  })
})
