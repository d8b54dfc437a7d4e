/** End of all traffic (docs/protocol.md, section "Updates"): a record that changes no kept state is not relayed. */
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { Mesh } from "./Mesh.ts"
import { b, bodyOf, claim, linkedTo, recordOf, recordsSent, update, wall } from "./support.ts"

/** Member that sends the frames of the tests. */
const m = recordOf("m")

const leftOf = (name: string): PeerRecord.PeerRecord => claim(recordOf(name), "left")

/**
 * Runs a mesh with a heartbeat each second. Throws once the mesh has sent more than `records` records, so that a storm
 * ends the test.
 */
const boundedRun = (mesh: Mesh, until: number, records: number): void => {
  while (mesh.now < until) {
    mesh.runUntil(Math.min(until, mesh.now + 1_000))
    mesh.heartbeat()
    if (mesh.records > records) throw new Error(`${mesh.records} records by ${mesh.now} ms`)
  }
}

describe("left records of unknown names", () => {
  it("without room are not relayed, and take the room of no other name", () => {
    const a = linkedTo([b], { tombstoneCapacity: 8 })
    a.hear(1_000, b, update(...Array.from({ length: 8 }, (_, i) => leftOf(`x${i}`))))
    expect(recordsSent(a.until(1_100), "x7")).toHaveLength(1)
    a.hear(2_000, b, update(leftOf("y")))
    expect(recordsSent(a.until(2_100), "y")).toStrictEqual([])
    expect([...a.state().reportedEnds.keys()]).toStrictEqual(Array.from({ length: 8 }, (_, i) => `x${i}`))
  })

  it("do not end a candidate without room for the report", () => {
    const a = linkedTo([b], { tombstoneCapacity: 1 })
    a.hear(1_000, b, update(...Array.from({ length: 8 }, (_, i) => leftOf(`x${i}`))))
    a.hear(1_000, b, update(recordOf("y")))
    a.until(1_100)
    a.hear(2_000, b, update(leftOf("y")))
    expect(recordsSent(a.until(2_100), "y")).toStrictEqual([])
    expect(a.state().candidates.has("y")).toBe(true)
  })

  it("replace the reported end of an earlier life, however many there are", () => {
    const a = linkedTo([b], { tombstoneCapacity: 8 })
    a.hear(1_000, b, update(...Array.from({ length: 8 }, (_, i) => leftOf(`x${i}`))))
    a.until(1_100)
    const later = { ...leftOf("x0"), generation: wall + 1 }
    a.hear(2_000, b, update(later))
    expect(recordsSent(a.until(2_100), "x0")).toMatchObject([{ generation: wall + 1 }])
    expect(a.state().reportedEnds.size).toBe(8)
  })

  it.each([
    ["two", ["a", "b"]],
    ["three", ["a", "b", "c"]],
  ])("beyond the maximum number of reported ends do not keep %s nodes sending", (_, names) => {
    const mesh = new Mesh(names)
    mesh.linkStranger(m)
    boundedRun(mesh, 60_000, 1_000)
    const before = mesh.records
    for (let part = 0; part < 3; part++) {
      mesh.say(m, "a", update(...Array.from({ length: 500 }, (_, i) => leftOf(`gone-${part * 500 + i}`))))
    }
    boundedRun(mesh, 600_000, before + 10_000)
    // Each node has room for 1,024 and relays each of them to its links once.
    expect(mesh.records - before).toBeLessThanOrEqual(1_024 * names.length * names.length)
    expect(mesh.lastRecordAt).toBeLessThan(70_000)
  })
})

describe("the report that a later life of a peer left", () => {
  // The views of a and b differ, so that the two compare their records again and again.
  it("is forgotten by all nodes, although they compare records, and then the peer is found", () => {
    const mesh = new Mesh(["a", "b"])
    const c = recordOf("c")
    mesh.linkStranger(m, ["a"])
    mesh.say(m, "a", update({ ...leftOf("c"), generation: wall + 1_000_000 }))
    mesh.runUntil(mesh.now + 1_000)
    expect(mesh.node("b").state().reportedEnds.has("c")).toBe(true)
    mesh.linkStranger(c, ["b"])
    const start = mesh.now
    boundedRun(mesh, start + 28_000, 100)
    expect(mesh.node("a").state().members.has("c")).toBe(false)
    boundedRun(mesh, start + 31_000, 100)
    for (const name of ["a", "b"]) expect(mesh.node(name).state().reportedEnds.size).toBe(0)
    boundedRun(mesh, start + 70_000, 100)
    expect(mesh.node("a").state().members.get("c")?.reach._tag).toBe("Indirect")
    for (const name of ["a", "b"]) expect(mesh.node(name).state().reportedEnds.size).toBe(0)
  })
})

// ---- any records, any bounds ----

const oneOf = <const A extends string | number>(values: ReadonlyArray<A>) => Arbitrary.schema(Schema.Literals(values))

const nodes = ["a", "b", "c"]

const ghosts = Array.from({ length: 60 }, (_, i) => `ghost-${i}`)

/** Generates a record of a peer that does not exist. Without an address it cannot be dialed. */
const ghostRecord: Arbitrary.Arbitrary<PeerRecord.PeerRecord> = Arbitrary.map(
  Arbitrary.all([
    oneOf(ghosts),
    oneOf([0, 1, 2]),
    oneOf([0, 1, 5]),
    oneOf([...PeerRecord.statusOfRank, "left", "left"] as const),
    oneOf([1, 2]),
    oneOf(["m", "ghost-0", "ghost-1", "a"]),
  ]),
  ([name, life, incarnation, status, edition, by]) =>
    claim(
      recordOf(name, { generation: wall + life, body: bodyOf(name, { edition: String(edition) }) }),
      status,
      incarnation,
      by,
    ),
)

/** Generates a record of a node as another peer may send it. */
const nodeRecord: Arbitrary.Arbitrary<PeerRecord.PeerRecord> = Arbitrary.map(
  Arbitrary.all([
    oneOf(nodes),
    oneOf([0, 1, 2, 5]),
    oneOf(["alive", "suspect", "failed"]),
    oneOf([1, 2, 3]),
    oneOf(["m", "ghost-0", "ghost-1", "ghost-2", "ghost-3", "ghost-4", "a"]),
  ]),
  ([name, incarnation, status, edition, by]) =>
    claim(recordOf(name, { body: bodyOf(name, { edition: String(edition) }) }), status, incarnation, by),
)

/** Generates left records of consecutive names, usually more than the smallest maximum of tombstones. */
const leaves: Arbitrary.Arbitrary<ReadonlyArray<PeerRecord.PeerRecord>> = Arbitrary.map(
  Arbitrary.all([oneOf([0, 10, 20]), oneOf([0, 10, 25, 40])]),
  ([first, count]) => ghosts.slice(first, first + count).map(leftOf),
)

/** Generates one message of a member: the receiver, the pause after it in milliseconds, and the records. */
const speech = Arbitrary.map(
  Arbitrary.all([
    oneOf(nodes),
    oneOf([0, 5, 30, 5_000, 40_000]),
    leaves,
    Arbitrary.array(ghostRecord, { maxLength: 30 }),
    Arbitrary.array(nodeRecord, { maxLength: 3 }),
  ]),
  ([to, pause, ...records]) => ({ to, pause, records: records.flat() }),
)

const bounds = Arbitrary.all([oneOf([1, 8, 20, 1_024]), oneOf([5, 8, 12, 4_096])])

describe("any finite set of records", () => {
  it.prop(
    "is relayed a bounded number of times, for any limits of the nodes, and each node is believed about itself",
    [Arbitrary.array(speech, { minLength: 1, maxLength: 12 }), bounds, bounds, bounds],
    ([speeches, ...boundsOf]) => {
      const mesh = new Mesh(nodes, (name) => {
        const [tombstoneCapacity, maxMembers] = boundsOf[nodes.indexOf(name)] ?? [1_024, 4_096]
        return { tombstoneCapacity, maxMembers }
      })
      mesh.linkStranger(m)
      mesh.runUntil(60_000)
      const before = mesh.records
      const total = speeches.reduce((sum, { records }) => sum + records.length, 0)
      // Each node keeps each record once and sends it over three links. A node answers each accusation with its record
      // once.
      const most = before + total * nodes.length * 3 * 2
      for (const { pause, records, to } of speeches) {
        mesh.say(m, to, update(...records))
        boundedRun(mesh, mesh.now + pause, most)
      }
      const end = mesh.now
      boundedRun(mesh, end + 120_000, most)
      // Candidates and reported ends are forgotten, suspicions end, and tombstones expire. None of it is sent.
      mesh.runUntil(end + 3 * 3_600_000)
      expect(mesh.lastRecordAt).toBeLessThan(end + 60_000)
      expect(mesh.records).toBeLessThanOrEqual(most)
      for (const name of nodes) {
        const { self } = mesh.node(name).state()
        for (const other of nodes) {
          if (other !== name) expect(mesh.node(other).state().members.get(name)?.record).toStrictEqual(self)
        }
      }
    },
    { arbitrary: { runs: 40 } },
  )
})
