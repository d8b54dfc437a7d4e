import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import { assert, describe, it } from "@effect/vitest"
import { peerOf, removedOf } from "../peers.ts"
import { ViewTracker } from "./ViewTracker.ts"

const joined = (name: string): ClusterEvent => ({ _tag: "Joined", peer: peerOf(name) })

describe("a view tracker", () => {
  it("counts the pairs of a node and a peer that the node sees as alive with a link", () => {
    const views = new ViewTracker(() => 0)
    const [a, b] = [views.observe("a"), views.observe("b")]
    a(joined("b"))
    a(joined("c"))
    b(joined("a"))
    assert.strictEqual(views.live, 3)
    a({ _tag: "Unreachable", peer: peerOf("b", { link: "down" }) })
    assert.strictEqual(views.live, 2)
    assert.isTrue(views.lists("a", "b"))
    a({ _tag: "Left", peer: removedOf("c", "left") })
    assert.strictEqual(views.live, 1)
    assert.isFalse(views.lists("a", "c"))
  })

  it("drops a node that ended, and ignores later events of that life", () => {
    const views = new ViewTracker(() => 0)
    const old = views.observe("a")
    old(joined("b"))
    views.remove("a")
    old(joined("c"))
    assert.strictEqual(views.live, 0)
    const restarted = views.observe("a")
    old(joined("c"))
    restarted(joined("b"))
    assert.strictEqual(views.live, 1)
    assert.isFalse(views.lists("a", "c"))
  })

  it("records each event about the liveness of a peer, with its node and time", () => {
    let now = 0
    const views = new ViewTracker(() => now)
    const a = views.observe("a")
    a(joined("b"))
    for (const event of [
      { _tag: "Suspected", peer: peerOf("b", { status: "suspect" }) },
      { _tag: "Failed", peer: removedOf("b", "failed") },
      { _tag: "Recovered", peer: peerOf("b") },
    ] satisfies ReadonlyArray<ClusterEvent>) {
      now++
      a(event)
    }
    assert.strictEqual(views.failed, 1)
    assert.deepStrictEqual(
      views.livenessEvents.map(({ at, by, of, tag }) => [at, by, tag, of]),
      [
        [1, "a", "Suspected", "b"],
        [2, "a", "Failed", "b"],
        [3, "a", "Recovered", "b"],
      ],
    )
  })
})
