import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import { makeView } from "@coterie/core/ClusterEvent"
import type { Peer } from "@coterie/core/Peer"
import { assert, describe, it } from "@effect/vitest"
import { emptyView, peerOf, removedOf } from "../peers.ts"
import { ClusterRecorder } from "./ClusterRecorder.ts"

const peer = (fields: Partial<Peer> = {}): Peer => peerOf("b", fields)

const snapshot: ClusterEvent = { _tag: "Snapshot", view: emptyView }
const joined: ClusterEvent = { _tag: "Joined", peer: peer() }
const newer: ClusterEvent = { _tag: "Joined", peer: peer({ generation: 2 }) }
const lost = peer({ link: "down" })
const suspected: ClusterEvent = { _tag: "Suspected", peer: { ...lost, status: "suspect" } }
const failed: ClusterEvent = { _tag: "Failed", peer: removedOf("b", "failed") }
const left: ClusterEvent = { _tag: "Left", peer: removedOf("b", "left") }

/** The peer joins because another member reaches it. */
const reported: ClusterEvent = { _tag: "Joined", peer: peer({ link: "indirect" }) }

/** Returns the broken guarantees of these events. */
const observe = (...events: ReadonlyArray<ClusterEvent>): ReadonlyArray<string> => {
  const recorder = new ClusterRecorder()
  const observer = recorder.observe("a")
  for (const event of events) observer.record(event)
  return recorder.wrong.map((wrong) => wrong.split(": ")[1] ?? "")
}

describe("an observer", () => {
  it("reports no problem for a peer that joins, fails, returns and leaves", () => {
    const unreachable: ClusterEvent = { _tag: "Unreachable", peer: lost }
    assert.deepStrictEqual(observe(snapshot, joined, unreachable, suspected, failed, joined, left), [])
  })

  it("reports no problem for a handshake that completes after another member reported the leave", () => {
    assert.deepStrictEqual(observe(snapshot, joined, left, joined, left), [])
  })

  it("reports no problem for an older life that completes a handshake after the newer life left", () => {
    const end: ClusterEvent = { _tag: "Left", peer: removedOf("b", "left", { generation: 2 }) }
    assert.deepStrictEqual(observe(snapshot, newer, end, joined, left), [])
  })

  const broken: ReadonlyArray<readonly [string, ReadonlyArray<ClusterEvent>]> = [
    ["the first event and no other is the snapshot", [joined]],
    ["the first event and no other is the snapshot", [snapshot, snapshot]],
    ["no node is its own peer", [snapshot, { _tag: "Joined", peer: peer({ name: "a" }) }]],
    ["Suspected is emitted only for a member", [snapshot, suspected]],
    ["a member does not join again", [snapshot, joined, joined]],
    ["a peer joins only if this node or another member reaches it", [snapshot, { _tag: "Joined", peer: lost }]],
    [
      "a life is replaced only by a newer life",
      [snapshot, joined, { _tag: "Replaced", peer: peer(), old: removedOf("b", "replaced") }],
    ],
    ["only Replaced changes the generation", [snapshot, joined, { _tag: "Reachable", peer: peer({ generation: 2 }) }]],
    [
      "an older life returns only by a handshake",
      [snapshot, newer, { _tag: "Left", peer: removedOf("b", "left", { generation: 2 }) }, reported],
    ],
    ["a life that left returns only by a handshake", [snapshot, joined, left, reported]],
    [
      "no peer with a live link is called failed",
      [snapshot, joined, { ...suspected, peer: peer({ status: "suspect" }) }, failed],
    ],
    ["only a suspected member is called failed", [snapshot, joined, { _tag: "Unreachable", peer: lost }, failed]],
    ["Reconnected comes after Isolated", [snapshot, { _tag: "Reconnected" }]],
    ["Isolated is emitted once until it is over", [snapshot, { _tag: "Isolated" }, { _tag: "Isolated" }]],
  ]
  for (const [guarantee, events] of broken) {
    it(`reports a broken guarantee: ${guarantee} (${events.map(({ _tag }) => _tag).join(", ")})`, () => {
      assert.deepStrictEqual(observe(...events), [guarantee])
    })
  }

  it("reports a view of the node that differs from the fold of the events", () => {
    const recorder = new ClusterRecorder()
    const observer = recorder.observe("a")
    observer.record(snapshot)
    observer.record(joined)
    const { self, version } = observer.view
    observer.compareView(makeView({ self, version, peers: [peer()] }))
    observer.compareView(makeView({ self, version: version + 1 }))
    assert.deepStrictEqual(recorder.wrong, [])
    observer.compareView(makeView({ self, version }))
    observer.compareView(makeView({ self, version, peers: [peer()], isolated: true }))
    observer.compareView(makeView({ self: peerOf("other"), version, peers: [peer()] }))
    assert.strictEqual(recorder.wrong.length, 3)
  })

  it("reports harm to a healthy peer, and the end of a healthy node, from the time at which they are declared healthy", () => {
    const recorder = new ClusterRecorder({ hasBabblers: true })
    const observer = recorder.observe("a")
    const record = (...events: ReadonlyArray<ClusterEvent>): number => {
      for (const event of events) observer.record(event)
      return recorder.wrong.splice(0).length
    }
    const suspected: ClusterEvent = { _tag: "Suspected", peer: peer({ status: "suspect" }) }
    assert.strictEqual(record(snapshot, joined, suspected), 0)
    recorder.declareHealthy(["a", "b"])
    assert.strictEqual(record({ _tag: "Recovered", peer: peer() }), 0)
    for (const event of [suspected, left, { _tag: "Superseded" }] as const) assert.strictEqual(record(event), 1)
    const stranger = peer({ name: "s" })
    assert.strictEqual(record({ _tag: "Joined", peer: stranger }, { _tag: "Left", peer: removedOf("s", "left") }), 0)
  })

  it("allows a return after gossip of a leave, and violations, if members may babble", () => {
    for (const [hasBabblers, expected] of [
      [true, 0],
      [false, 2],
    ] as const) {
      const recorder = new ClusterRecorder({ hasBabblers })
      const observer = recorder.observe("a")
      for (const event of [snapshot, joined, left, reported]) observer.record(event)
      observer.reportViolation("malformed")
      assert.strictEqual(recorder.wrong.length, expected)
    }
  })

  it("shares the counts of events with the other observers of its recorder", () => {
    const recorder = new ClusterRecorder()
    for (const name of ["a", "c"]) recorder.observe(name).record(snapshot)
    assert.strictEqual(recorder.count("Snapshot"), 2)
    assert.strictEqual(recorder.count("Joined"), 0)
  })
})
