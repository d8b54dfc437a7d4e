import { assert, it } from "@effect/vitest"
import { LinkMetrics } from "../../src/cluster/LinkMetrics.ts"
import { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"
import { count, makeMetrics } from "./metricsSupport.ts"

it("connections are counted by outcome, violations by code and frames by kind", () => {
  const { metrics, valueOf } = makeMetrics()
  const links = new LinkMetrics(metrics)
  links.connected("in", "busy")
  links.ended(new ProtocolViolation("rate", ""))
  links.ended({ _tag: "Silent" })
  assert.deepStrictEqual(valueOf("coterie_connections_total", { direction: "in", outcome: "busy" }), count(1))
  assert.deepStrictEqual(valueOf("coterie_violations_total", { code: "rate" }), count(1))
  assert.deepStrictEqual(valueOf("coterie_violations_total", { code: "oversize" }), count(0))
  assert.deepStrictEqual(valueOf("coterie_frames_total", { direction: "in", kind: "Ping" }), count(0))
})

it("round-trip times are counted in buckets by the proof of the peer, from the first one of each kind", () => {
  const { metrics, valueOf } = makeMetrics()
  const links = new LinkMetrics(metrics)
  assert.strictEqual(valueOf("coterie_link_rtt_seconds"), 0)
  links.measured(undefined, 0.2)
  links.measured(undefined, 40)
  links.measured({ _tag: "Secret", key: "k" }, 5_000)
  const bucketsOf = (identity: string): unknown => {
    const state = valueOf("coterie_link_rtt_seconds", { identity })
    assert.isObject(state)
    return state
  }
  assert.deepInclude(bucketsOf("none"), { count: 2, min: 0.0002, max: 0.04 })
  assert.deepInclude(bucketsOf("secret"), { count: 1, sum: 5 })
  assert.strictEqual(valueOf("coterie_link_rtt_seconds", { identity: "certificate" }), 0)
})
