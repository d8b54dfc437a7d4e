import { assert, describe, it } from "@effect/vitest"
import { addressesIn } from "../../../src/internal/dns/hostsFile.ts"

const text = [
  "127.0.0.1\tlocalhost",
  "::1 localhost ip6-localhost",
  "",
  "# 10.0.0.9 peers",
  "  10.0.0.1   Peers.example peers # the first",
  "10.0.0.2 peers\r",
  "10.0.0.1 peers",
  "nonsense peers",
  "10.0.0.3",
].join("\n")

describe("a hosts file", () => {
  it("has for a name the addresses of all its lines, each once", () => {
    assert.deepStrictEqual(addressesIn(text, "localhost"), ["127.0.0.1", "::1"])
    assert.deepStrictEqual(addressesIn(text, "peers"), ["10.0.0.1", "10.0.0.2"])
    assert.deepStrictEqual(addressesIn(text, "peers.example"), ["10.0.0.1"])
  })

  it("has no addresses for an unknown name", () => {
    for (const name of ["", "example", "10.0.0.3", "#", "first"]) assert.deepStrictEqual(addressesIn(text, name), [])
    assert.deepStrictEqual(addressesIn("", "peers"), [])
  })
})
