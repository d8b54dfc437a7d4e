import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import { assert, describe, it } from "@effect/vitest"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import { parse } from "../../src/internal/runnerAddresses.ts"
import { RunnerTable } from "../../src/internal/RunnerTable.ts"
import * as RunnerPeers from "../../src/RunnerPeers.ts"
import { addressOf, peer, removed, snapshot } from "./peers.ts"

const byPeer = (capacity = 100) => new RunnerTable({ addressOf: RunnerPeers.addressOf, capacity })

const byMetadata = () =>
  new RunnerTable({ addressOf: ({ metadata }) => parse(metadata[RunnerPeers.metadataKey]), capacity: 100 })

const b = { name: "b" }

describe("the verdict on a runner", () => {
  const cases: ReadonlyArray<readonly [title: string, event: ClusterEvent, verdict: RunnerPeers.Verdict]> = [
    ["alive after Joined", { _tag: "Joined", peer: peer(b) }, "alive"],
    ["alive after Suspected", { _tag: "Suspected", peer: peer(b, { status: "suspect", link: "down" }) }, "alive"],
    ["alive after Unreachable", { _tag: "Unreachable", peer: peer(b, { link: "down" }) }, "alive"],
    ["alive while only others reach it", { _tag: "Unreachable", peer: peer(b, { link: "indirect" }) }, "alive"],
    ["alive after Reachable", { _tag: "Reachable", peer: peer(b) }, "alive"],
    ["alive after MetadataChanged", { _tag: "MetadataChanged", peer: peer(b) }, "alive"],
    ["dead after Failed", { _tag: "Failed", peer: removed(b, "failed") }, "dead"],
    ["dead after Left", { _tag: "Left", peer: removed(b, "left") }, "dead"],
    ["unknown after Disconnected", { _tag: "Disconnected", peer: removed(b, "disconnected") }, "unknown"],
    ["unknown if a snapshot after Lagged does not have it", snapshot(), "unknown"],
    ["alive if a snapshot after Lagged has it", snapshot(peer(b)), "alive"],
  ]
  for (const [title, event, verdict] of cases) {
    it(`is ${title}`, () => {
      const table = byPeer()
      table.apply(snapshot(peer(b)))
      assert.strictEqual(table.apply(event), verdict === "dead")
      assert.strictEqual(table.verdictOf(addressOf("b")), verdict)
    })
  }

  it("is unknown before this node has met its peer", () => {
    assert.strictEqual(byPeer().verdictOf(addressOf("b")), "unknown")
  })

  it("is dead although this node met the peer only to hear that it had failed", () => {
    const table = byPeer()
    assert.isTrue(table.apply({ _tag: "Failed", peer: removed(b, "failed") }))
    assert.strictEqual(table.verdictOf(addressOf("b")), "dead")
  })

  it("is alive again after Recovered", () => {
    const table = byPeer()
    table.apply({ _tag: "Failed", peer: removed(b, "failed") })
    assert.isFalse(table.apply({ _tag: "Recovered", peer: peer(b) }))
    assert.strictEqual(table.verdictOf(addressOf("b")), "alive")
  })

  it("is dead for a replaced life and alive for the new one", () => {
    const table = byPeer()
    table.apply(snapshot(peer(b)))
    const life = { name: "b", generation: 2 }
    assert.isTrue(table.apply({ _tag: "Replaced", old: removed(b, "replaced"), peer: peer(life) }))
    assert.strictEqual(table.verdictOf(addressOf("b", 1)), "dead")
    assert.strictEqual(table.verdictOf(addressOf("b", 2)), "alive")
  })

  it("does not change by a late event about an earlier life", () => {
    const table = byPeer()
    table.apply(snapshot(peer({ name: "b", generation: 2 })))
    table.apply({ _tag: "Failed", peer: removed(b, "failed") })
    assert.strictEqual(table.verdictOf(addressOf("b", 1)), "dead")
    assert.strictEqual(table.verdictOf(addressOf("b", 2)), "alive")
    assert.strictEqual(table.nameOf(addressOf("b", 2)), "b")
  })
})

describe("the address of a runner in the metadata", () => {
  const runner = "10.0.0.1:34431"
  const address = RunnerAddress.make("10.0.0.1", 34431)

  it("belongs to the new life if both lives of a name have it", () => {
    const table = byMetadata()
    table.apply(snapshot(peer({ name: "b", runner })))
    table.apply({
      _tag: "Replaced",
      old: removed({ name: "b", runner }, "replaced"),
      peer: peer({ name: "b", generation: 2, runner }),
    })
    assert.strictEqual(table.verdictOf(address), "alive")
  })

  it("stays when the application replaces the metadata", () => {
    const table = byMetadata()
    table.apply(snapshot(peer({ name: "b", runner })))
    table.apply({ _tag: "MetadataChanged", peer: peer(b) })
    assert.strictEqual(table.verdictOf(address), "alive")
    assert.strictEqual(table.nameOf(address), "b")
    table.apply(snapshot(peer(b)))
    table.apply({ _tag: "Failed", peer: removed(b, "failed") })
    assert.strictEqual(table.verdictOf(address), "dead")
  })

  it("can be announced later, and peers without one are no runners", () => {
    const table = byMetadata()
    table.apply(snapshot(peer(b)))
    assert.strictEqual(table.nameOf(address), undefined)
    table.apply({ _tag: "MetadataChanged", peer: peer({ name: "b", runner }) })
    assert.strictEqual(table.nameOf(address), "b")
  })

  it("stays alive if one of two peers with the same address fails", () => {
    const table = byMetadata()
    table.apply(snapshot(peer({ name: "b", runner }), peer({ name: "c", runner })))
    assert.isFalse(table.apply({ _tag: "Failed", peer: removed({ name: "b", runner }, "failed") }))
    assert.strictEqual(table.verdictOf(address), "alive")
    assert.strictEqual(table.nameOf(address), "c")
    table.apply({ _tag: "Disconnected", peer: removed({ name: "c", runner }, "disconnected") })
    assert.strictEqual(table.verdictOf(address), "unknown")
  })
})

describe("the memory of dead runners", () => {
  it("is bounded: the oldest one becomes unknown", () => {
    const table = byPeer(3)
    for (let generation = 1; generation <= 5; generation++) {
      table.apply({ _tag: "Failed", peer: removed({ name: "b", generation }, "failed") })
    }
    const verdicts = [1, 2, 3, 4, 5].map((generation) => table.verdictOf(addressOf("b", generation)))
    assert.deepStrictEqual(verdicts, ["unknown", "unknown", "dead", "dead", "dead"])
  })
})
