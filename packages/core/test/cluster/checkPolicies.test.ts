import * as Discovery from "@coterie/core/Discovery"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Gossip from "@coterie/core/Gossip"
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { policyProblem } from "../../src/cluster/checkPolicies.ts"

describe("policyProblem", () => {
  const policies = {
    detector: FailureDetector.lan,
    gossip: Gossip.defaults,
    discovery: Discovery.defaults,
    serialization: TopicSerialization.json,
  }
  const optionOf = (changes: {
    readonly detector?: Partial<FailureDetector.Policy>
    readonly gossip?: Partial<Gossip.Policy>
    readonly discovery?: Partial<Discovery.Policy>
    readonly format?: string
  }) =>
    policyProblem({
      detector: { ...policies.detector, ...changes.detector },
      gossip: { ...policies.gossip, ...changes.gossip },
      discovery: { ...policies.discovery, ...changes.discovery },
      serialization: { format: changes.format ?? policies.serialization.format },
    })?.option

  it("accepts the defaults", () => assert.isUndefined(optionOf({})))

  it("names an invalid time", () => {
    assert.strictEqual(optionOf({ detector: { heartbeat: Duration.zero } }), "FailureDetector.heartbeat")
    assert.strictEqual(optionOf({ discovery: { interval: Duration.infinity } }), "Discovery.interval")
    assert.strictEqual(optionOf({ gossip: { syncInterval: Duration.infinity } }), "Gossip.syncInterval")
    assert.isUndefined(optionOf({ gossip: { updateDelay: Duration.zero } }))
    assert.strictEqual(optionOf({ gossip: { syncInterval: Duration.millis(249) } }), "Gossip.syncInterval")
    assert.isUndefined(optionOf({ gossip: { syncInterval: Duration.millis(250) } }))
  })

  it("refuses a serialization whose format cannot be announced", () => {
    for (const format of ["", "x".repeat(65), "line\nbreak"]) {
      assert.strictEqual(optionOf({ format }), "TopicSerialization.format")
    }
    assert.isUndefined(optionOf({ format: "x".repeat(64) }))
  })

  it("refuses a link timeout below the minimum or two heartbeats, and a longest suspicion below the shortest", () => {
    assert.strictEqual(
      optionOf({ detector: { heartbeat: Duration.millis(10), linkTimeout: Duration.millis(99) } }),
      "FailureDetector.linkTimeout",
    )
    assert.strictEqual(
      optionOf({ detector: { heartbeat: Duration.seconds(2), linkTimeout: Duration.seconds(3) } }),
      "FailureDetector.linkTimeout",
    )
    assert.strictEqual(optionOf({ detector: { suspicionMax: Duration.millis(1) } }), "FailureDetector.suspicionMax")
  })

  it("refuses an idle heartbeat below the heartbeat, and fewer than two watchers or a part of one", () => {
    const idleHeartbeat = Duration.millis(999)
    assert.strictEqual(optionOf({ detector: { idleHeartbeat } }), "FailureDetector.idleHeartbeat")
    assert.isUndefined(optionOf({ detector: { idleHeartbeat: Duration.seconds(1) } }))
    for (const watchers of [1, 2.5, -Infinity, Number.NaN]) {
      assert.strictEqual(optionOf({ detector: { watchers } }), "FailureDetector.watchers", `${watchers}`)
    }
    for (const watchers of [2, 3, Infinity]) assert.isUndefined(optionOf({ detector: { watchers } }))
  })
})
