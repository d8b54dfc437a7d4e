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
