/** Local health (docs/protocol.md, section "Local health"). */
import { describe, expect, it } from "@effect/vitest"
import { wall, b, linkedTo } from "./support.ts"

describe("local health", () => {
  it("worsens with stalls and refuted accusations, and improves with time", () => {
    const a = linkedTo([b])
    a.at(1_000, { _tag: "Tick", stalled: true })
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 0, status: "suspect" })
    expect(a.state().health).toBe(2)
    a.until(3_999)
    expect(a.state().health).toBe(2)
    a.until(4_000)
    expect(a.state().health).toBe(1)
    a.until(7_000)
    expect(a.state().health).toBe(0)
  })

  it("does not worsen with a higher incarnation without an accusation, and never exceeds seven", () => {
    const a = linkedTo([b])
    a.hear(1_000, b, { _tag: "YouAre", generation: wall, incarnation: 3, status: "alive" })
    expect(a.state().health).toBe(0)
    for (let i = 0; i < 20; i++) a.at(2_000, { _tag: "Tick", stalled: true })
    expect(a.state().health).toBe(7)
  })
})
