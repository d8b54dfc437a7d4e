import { assert, describe, it } from "@effect/vitest"
import { makeHosts } from "./parts.ts"

describe("HostTable", () => {
  it("makes a host at the first use of its name, in any spelling", () => {
    const { hosts } = makeHosts()
    assert.isUndefined(hosts.find("a"))
    const host = hosts.get("A")
    assert.strictEqual(host.name, "a")
    assert.strictEqual(hosts.get("a"), host)
    assert.strictEqual(hosts.find("A"), host)
  })

  it("makes one direction for each order of two hosts", () => {
    const { hosts } = makeHosts()
    const [a, b] = [hosts.get("a"), hosts.get("b")]
    assert.isUndefined(hosts.findDirection("a", "b"))
    const there = hosts.direction(a, b)
    assert.strictEqual(hosts.direction(a, b), there)
    assert.strictEqual(hosts.findDirection("A", "B"), there)
    assert.deepStrictEqual([there.from, there.to], [a, b])
    assert.notStrictEqual(hosts.direction(b, a), there)
  })
})
