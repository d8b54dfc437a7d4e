import { advertisedAddress, isLoopback } from "../../src/internal/advertisedAddress.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Net from "node:net"

const bound = (address: string) => ({ address, port: 7946 })

const advertised = (advertise: string | undefined, host: string, address: string) =>
  Result.getOrUndefined(advertisedAddress(advertise, host, bound(address)))

describe("the advertised address", () => {
  it("is the host of the options with the port of the listener", () => {
    assert.strictEqual(advertised(undefined, "localhost", "127.0.0.1"), "localhost:7946")
    assert.strictEqual(advertised(undefined, "::1", "::1"), "[::1]:7946")
  })

  it("is what the options advertise, with its own port if it has one", () => {
    assert.strictEqual(advertised("node1.example.org", "0.0.0.0", "0.0.0.0"), "node1.example.org:7946")
    assert.strictEqual(advertised("node1.example.org:80", "0.0.0.0", "0.0.0.0"), "node1.example.org:80")
    assert.strictEqual(advertised("fd00::1", "::", "::"), "[fd00::1]:7946")
    assert.strictEqual(advertised("[fd00::1]", "::", "::"), "[fd00::1]:7946")
    assert.strictEqual(advertised("[fd00::1]:80", "::", "::"), "[fd00::1]:80")
  })

  it("is that of an interface if the server listens on all", () => {
    for (const wildcard of ["0.0.0.0", "::"]) {
      const address = advertised(undefined, wildcard, wildcard) ?? ""
      const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "")
      assert.notStrictEqual(Net.isIP(host), 0)
      assert.notInclude(["0.0.0.0", "::"], host)
    }
  })

  it("is an error if the options advertise no address", () => {
    assert.isTrue(Result.isFailure(advertisedAddress("not a host", "0.0.0.0", bound("0.0.0.0"))))
  })
})

describe("the loopback", () => {
  it("is told from addresses that other machines reach", () => {
    for (const address of ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"]) assert.isTrue(isLoopback(address))
    for (const address of ["0.0.0.0", "::", "10.127.0.1", "::11", "fd00::1"]) assert.isFalse(isLoopback(address))
  })
})
