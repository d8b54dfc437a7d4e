import { assert, describe, it } from "@effect/vitest"
import { canonical } from "../../src/network/Host.ts"

describe("canonical", () => {
  it("is normalized as in addresses: in lower case, and IPv6 without brackets", () => {
    assert.strictEqual(canonical("Node-A.Example"), "node-a.example")
    assert.strictEqual(canonical("[FE80::1]"), "fe80::1")
    assert.strictEqual(canonical("10.0.0.1"), "10.0.0.1")
  })
})
