import { hostOf, unmapped, withoutZone } from "../../../src/internal/networks/ip.ts"
import { assert, describe, it } from "@effect/vitest"

describe("addresses", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0db8::ffff:1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
    ["1::4:5:6:7:8", "1:0:0:4::/64"],
  ])("%s is counted as %s", (address, host) => assert.strictEqual(hostOf(address), host))

  it("lose their zone and their mapping", () => {
    assert.strictEqual(withoutZone("fe80::1%eth0"), "fe80::1")
    assert.strictEqual(unmapped("::ffff:c000:201"), "192.0.2.1")
    assert.strictEqual(unmapped("::ffff:1:192.0.2.1"), "::ffff:1:192.0.2.1")
  })
})
