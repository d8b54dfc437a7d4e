import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { DialTarget } from "../../src/membership/State.ts"
import { PeerAttempts } from "../../src/peering/PeerAttempts.ts"
import { RetrySchedule } from "../../src/peering/RetrySchedule.ts"

const healthy = 3_000

const make = (kind: DialTarget["kind"] = "lost") => new PeerAttempts(5, kind, new RetrySchedule(() => Effect.void))

describe("attempts at a peer", () => {
  it("distinguish a healthy link from a link that ended at once", () => {
    const attempts = make()
    assert.strictEqual(attempts.linkHealth(0, healthy), "none")
    attempts.linked(1_000)
    assert.strictEqual(attempts.linkHealth(3_999, healthy), "flapping")
    assert.strictEqual(attempts.linkHealth(4_000, healthy), "healthy")
  })

  it("measure from the time at which the link came up", () => {
    const attempts = make()
    attempts.linked(1_000)
    attempts.linked(3_900)
    assert.strictEqual(attempts.linkHealth(4_000, healthy), "healthy")
    attempts.forgetLink()
    assert.strictEqual(attempts.linkHealth(4_000, healthy), "none")
  })

  it("are over when the schedule has ended, until there is a link", () => {
    const attempts = make()
    attempts.continued(true)
    assert.isFalse(attempts.isOver)
    attempts.continued(false)
    assert.isTrue(attempts.isOver)
    attempts.linked(1_000)
    assert.isFalse(attempts.isOver)
  })

  it("do not apply to a newer life", () => {
    assert.isTrue(make().isFor({ generation: 5, kind: "lost" }))
    assert.isFalse(make().isFor({ generation: 6, kind: "candidate" }))
  })

  it("do not apply to a failed peer that has shown a sign of life", () => {
    const attempts = make()
    assert.isTrue(attempts.isFor({ generation: 5, kind: "failed" }))
    assert.isFalse(attempts.isFor({ generation: 5, kind: "lost" }))
    assert.isFalse(make("failed").isFor({ generation: 5, kind: "lost" }))
  })
})
