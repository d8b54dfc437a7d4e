import { KnownHosts, knownMillis } from "../../../src/internal/accept/KnownHosts.ts"
import { assert, describe, it } from "@effect/vitest"

describe("known hosts", () => {
  it("are known while a connection is open, and for an hour after that", () => {
    const known = new KnownHosts(10)
    assert.isFalse(known.has("a", 0))
    known.opened("a", 0)
    known.opened("a", 1)
    known.closed("a", 2)
    assert.isTrue(known.has("a", 100 * knownMillis))
    known.closed("a", 100 * knownMillis)
    assert.isTrue(known.has("a", 101 * knownMillis - 1))
    assert.isFalse(known.has("a", 101 * knownMillis))
    assert.strictEqual(known.size(), 0)
  })

  it("are bounded: the oldest proof gives way", () => {
    const known = new KnownHosts(2)
    known.opened("a", 0)
    known.opened("b", 1)
    known.opened("a", 2)
    known.opened("c", 3)
    assert.deepStrictEqual(
      ["a", "b", "c"].map((host) => known.has(host, 4)),
      [true, false, true],
    )
    known.closed("b", 5)
    assert.strictEqual(known.size(), 2)
  })

  it("count no end of a connection that belongs to a forgotten entry", () => {
    const known = new KnownHosts(1)
    known.opened("a", 0)
    known.opened("b", 1)
    known.opened("a", 2)
    known.closed("a", 3)
    known.closed("a", 4)
    known.opened("a", 5)
    assert.isTrue(known.has("a", 5 + knownMillis))
  })
})
