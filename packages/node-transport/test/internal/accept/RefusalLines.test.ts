import { maxHosts, periodMillis, RefusalLines } from "../../../src/internal/accept/RefusalLines.ts"
import { assert, describe, it } from "@effect/vitest"

describe("the lines about refusals", () => {
  it("are one a minute of each host, and one about all", () => {
    const lines = new RefusalLines(10)
    assert.isTrue(lines.take("192.0.2.1", 0))
    assert.isFalse(lines.take("192.0.2.1", 1))
    assert.isTrue(lines.take("2001:db8::1", 2))
    assert.isFalse(lines.take("2001:db8::2", periodMillis - 1))
    assert.strictEqual(lines.remaining(periodMillis - 1), 1)
    assert.strictEqual(lines.finish(), "refused 4 connections from 2 hosts")
    assert.isTrue(lines.take("192.0.2.1", periodMillis))
  })

  it("have none about all if each refusal has its own", () => {
    const lines = new RefusalLines(10)
    assert.isUndefined(lines.finish())
    lines.take("192.0.2.1", 0)
    lines.take("192.0.2.2", 0)
    assert.isUndefined(lines.finish())
    assert.isUndefined(lines.finish())
  })

  it("say one host of one", () => {
    const lines = new RefusalLines(10)
    lines.take("192.0.2.1", 0)
    lines.take("192.0.2.1", 0)
    assert.strictEqual(lines.finish(), "refused 2 connections from 1 host")
  })

  it("and their memory are bounded, whatever the number of hosts", () => {
    const lines = new RefusalLines(10)
    let written = 0
    for (let i = 0; i < 100_000; i++) if (lines.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0)) written++
    assert.strictEqual(written, 10)
    assert.strictEqual(lines.finish(), `refused 100000 connections from more than ${maxHosts} hosts`)
  })

  it("begin anew when a period is over that nobody has finished", () => {
    const lines = new RefusalLines(1)
    lines.take("192.0.2.1", 0)
    lines.take("192.0.2.2", 0)
    assert.isTrue(lines.take("192.0.2.2", periodMillis))
    assert.isUndefined(lines.finish())
  })
})
