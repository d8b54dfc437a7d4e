import * as Networks from "../../../src/internal/networks/Networks.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { drawsOf } from "../draws.ts"

const lists = (texts: Networks.NetworkTexts) => Result.getOrThrow(Networks.make(texts))

/** Returns the bits of a dotted address as a number. */
const numberOf = (ip: string) => ip.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0)

describe("lists of networks", () => {
  it("admit everybody if there are none", () => {
    for (const address of ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0"]) {
      assert.isUndefined(Networks.everybody.excludes(address))
      assert.isUndefined(lists({}).excludes(address))
    }
  })

  it("deny before they allow", () => {
    const networks = lists({ allow: ["10.0.0.0/8"], deny: ["10.1.0.0/16"] })
    assert.isUndefined(networks.excludes("10.2.0.1"))
    assert.strictEqual(networks.excludes("10.1.0.1"), "networks.deny")
    assert.strictEqual(networks.excludes("192.0.2.1"), "networks.allow")
  })

  it("compare IPv4 addresses that are mapped into IPv6 as IPv4, in addresses and in networks", () => {
    const mapped = ["::ffff:10.0.0.0", "::ffff:a00:0", "0:0:0:0:0:FFFF:10.0.0.0", "0::ffff:a00:0"]
    for (const network of ["10.0.0.0/8", ...mapped.map((address) => `${address}/104`)]) {
      const networks = lists({ deny: [network] })
      for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "::FFFF:10.1.2.3", "::ffff:a01:203", "0::ffff:10.1.2.3"]) {
        assert.strictEqual(networks.excludes(address), "networks.deny", `${network} ${address}`)
      }
      assert.isUndefined(networks.excludes("11.1.2.3"))
    }
  })

  it("have no IPv4 address in a network of IPv6", () => {
    const networks = lists({ deny: ["::/0"] })
    assert.isUndefined(networks.excludes("192.0.2.1"))
    assert.isUndefined(networks.excludes("::ffff:192.0.2.1"))
    assert.strictEqual(networks.excludes("2001:db8::1"), "networks.deny")
    // NAT64.
    assert.isUndefined(lists({ deny: ["10.0.0.0/8"] }).excludes("64:ff9b::10.1.2.3"))
  })

  it("ignore the zone of an address", () => {
    assert.strictEqual(lists({ deny: ["fe80::/10"] }).excludes("fe80::1%eth0"), "networks.deny")
  })

  it("take an address alone as a network", () => {
    const networks = lists({ allow: ["192.0.2.1", "2001:db8::1"] })
    assert.isUndefined(networks.excludes("192.0.2.1"))
    assert.isUndefined(networks.excludes("2001:db8::1"))
    assert.strictEqual(networks.excludes("192.0.2.2"), "networks.allow")
    assert.strictEqual(networks.excludes("2001:db8::2"), "networks.allow")
  })

  it("exclude a text that is no address", () => {
    assert.strictEqual(Networks.everybody.excludes("example.com"), "networks.deny")
  })

  it.each([
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0/8",
    "010.0.0.0/8",
    "10.0.0.0/",
    "2001:db8::/129",
    "::ffff:10.0.0.0/95",
    "fe80::1%eth0/64",
    "example.com",
    "",
  ])("refuse %j, and name it", (text) => {
    for (const option of ["allow", "deny"] as const) {
      assert.deepStrictEqual(
        Networks.make({ [option]: [text] }),
        Result.fail(
          `"networks.${option}" has ${JSON.stringify(text)}, which is no network: ` +
            `write an address with a prefix, such as 10.0.0.0/8 or fd00::/8, or an address alone`,
        ),
      )
    }
  })

  it("refuse an empty list of networks to allow", () => {
    assert.deepStrictEqual(
      Networks.make({ allow: [] }),
      Result.fail(`"networks.allow" is empty, which admits nobody: leave it out to admit everybody`),
    )
  })

  it("have the IPv4 addresses with the same first bits", () => {
    const draw = drawsOf(1)
    const ip = (near: string) =>
      near
        .split(".")
        .map((byte) => (draw(4) === 0 ? draw(256) : byte))
        .join(".")
    for (let i = 0; i < 5_000; i++) {
      const network = ip("10.20.30.40")
      const address = ip(network)
      const prefix = draw(33)
      const size = 2 ** (32 - prefix)
      const isIn = Math.floor(numberOf(network) / size) === Math.floor(numberOf(address) / size)
      const option = lists({ deny: [`${network}/${prefix}`] }).excludes(address)
      assert.strictEqual(option !== undefined, isIn, `${address} in ${network}/${prefix}`)
    }
  })
})
