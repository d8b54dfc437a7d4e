import * as Address from "@coterie/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const parsed = (input: string): string => Result.getOrThrow(Address.parse(input))

const problemOf = (input: string): string | undefined => {
  const result = Address.parse(input)
  if (Result.isSuccess(result)) return undefined
  assert.strictEqual(result.failure._tag, "AddressError")
  assert.strictEqual(result.failure.input, input)
  return result.failure.message
}

describe("parse", () => {
  it("accepts DNS names, IPv4 addresses and IPv6 addresses in brackets", () => {
    for (const input of [
      "example.org:7000",
      "localhost:1",
      "_service.example.org:65535",
      "127.0.0.1:7000",
      "[::1]:7000",
      "[2001:db8:1:2:3:4:5:6]:80",
      "[fe80::1%eth0]:80",
      "[::ffff:10.0.0.1]:80",
      "my_service:1",
      "1a.2b:1",
      "a--b:1",
      "peers.:1",
      "10.0.0.1.example.org:1",
    ]) {
      assert.strictEqual(parsed(input), input)
    }
  })

  it("returns one canonical spelling: lower case, and no leading zeros of the port", () => {
    assert.strictEqual(parsed("Example.ORG:07000"), "example.org:7000")
    assert.strictEqual(parsed("[FE80::A]:1"), "[fe80::a]:1")
    assert.strictEqual(parsed("Peers.Example.:1"), "peers.example.:1")
  })

  it("returns IPv6 addresses in the spelling of RFC 5952", () => {
    for (const [input, canonical] of [
      ["0:0:0:0:0:0:0:1", "::1"],
      ["2001:0db8:0000:0000:0000:ff00:0042:8329", "2001:db8::ff00:42:8329"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
      ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
      ["1:0:0:0:0:0:0:0", "1::"],
      ["::FFFF:0A00:0001", "::ffff:10.0.0.1"],
      ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
      ["fe80:0::1%eth0", "fe80::1%eth0"],
    ]) {
      assert.strictEqual(parsed(`[${input}]:1`), `[${canonical}]:1`)
    }
  })

  it("keeps an absolute name apart from the name that a search list may complete", () => {
    assert.notStrictEqual(parsed("peers.:1"), parsed("peers:1"))
    assert.strictEqual(Address.host(Result.getOrThrow(Address.parse("peers.:1"))), "peers.")
  })

  it("refuses the unspecified addresses, which cannot be dialed, and describes their purpose", () => {
    for (const host of ["0.0.0.0", "[::]", "[0:0:0:0:0:0:0:0]", "[::ffff:0.0.0.0]", "[::%eth0]"]) {
      assert.include(problemOf(`${host}:1`) ?? "", "for listening", host)
    }
  })

  it("refuses names that a system would read as an IPv4 address, and IPv4 addresses with leading zeros", () => {
    for (const host of ["256.1.1.1", "1.2.3", "1", "1.2.3.4.5", "01.2.3.4", "1.2.3.4.", "0x7f.1", "example.0x1"]) {
      assert.isDefined(problemOf(`${host}:1`), host)
    }
  })

  it("refuses hosts that are neither DNS names nor IP addresses", () => {
    for (const host of [
      "",
      "a b",
      "-a",
      "a-",
      ".a",
      ".",
      "a..b",
      "a..",
      "a-.b",
      "a.-b",
      "a%eth0",
      "http://a",
      "a/b",
      "ä",
      "[]",
      "[::1",
      "[x]",
      "[1:2:3]",
      "[1:::2]",
      "[1.2.3.4]",
      "[a]",
      "[::1%]",
      "[1:2:3:4:5:6:7::8]",
      "[::1.2.3.256]",
    ]) {
      assert.isDefined(problemOf(`${host}:1`), host)
    }
  })

  it("refuses an IPv6 address without a port, instead of taking its last group for the port", () => {
    for (const input of ["2001:db8:1:2:3:4:5:6", "fe80::1", "fe80::1:7000", "::1:7000", "::1"]) {
      assert.isDefined(problemOf(input), input)
    }
  })

  it("adds the default port to a host without a port", () => {
    assert.strictEqual(parsed("Example.org"), `example.org:${Address.defaultPort}`)
    assert.strictEqual(parsed("127.0.0.1"), `127.0.0.1:${Address.defaultPort}`)
    assert.strictEqual(parsed("[::1]"), `[::1]:${Address.defaultPort}`)
    assert.strictEqual(Result.getOrThrow(Address.make("::1")), `[::1]:${Address.defaultPort}`)
    for (const input of ["7000", "0.0.0.0", "[::]", "a b", "[a]", ":1", "a:"]) assert.isDefined(problemOf(input), input)
  })

  it("has a default port below the outgoing ports of Linux", () => {
    assert.isBelow(Address.defaultPort, 32_768)
    assert.isAbove(Address.defaultPort, 1_023)
  })

  it("refuses ports outside of 1 to 65535 and texts that are not digits", () => {
    for (const port of ["", "0", "65536", "-1", "1.5", "1e3", " 1", "x", "000001"]) {
      assert.isDefined(problemOf(`a:${port}`), port)
    }
  })

  it("accepts labels of up to 63 characters and names of up to 253, without the final dot", () => {
    const label = "a".repeat(63)
    assert.strictEqual(parsed(`${label}:1`), `${label}:1`)
    assert.isDefined(problemOf(`${label}a:1`))
    const longest = [label, label, label, "a".repeat(61)].join(".")
    assert.strictEqual(longest.length, 253)
    assert.strictEqual(parsed(`${longest}:1`), `${longest}:1`)
    assert.strictEqual(parsed(`${longest}.:1`), `${longest}.:1`)
    assert.isDefined(problemOf(`${longest}a:1`))
  })

  it("quotes at most 80 characters of the input in its error, and describes the expected form", () => {
    assert.strictEqual(problemOf(""), `"" is not an address: expected HOST or HOST:PORT, for example 127.0.0.1:24868`)
    assert.include(problemOf(`${"x".repeat(300)}:1`) ?? "", `"${"x".repeat(80)}" is not an address`)
    assert.include(problemOf("a:0") ?? "", "from 1 to 65535")
  })
})

describe("make", () => {
  it("puts a bare IPv6 address into brackets", () => {
    assert.strictEqual(Result.getOrThrow(Address.make("::1", 7000)), "[::1]:7000")
    assert.strictEqual(Result.getOrThrow(Address.make("[::1]", "7000")), "[::1]:7000")
  })
})

describe("isAddress", () => {
  it("accepts only the canonical spelling", () => {
    for (const text of ["a:1", "[::1]:7000"]) assert.isTrue(Address.isAddress(text), text)
    for (const text of [
      "A:1",
      "[0:0:0:0:0:0:0:1]:1",
      "[::ffff:a00:1]:1",
      "0.0.0.0:1",
      "a:01",
      "::1:7000",
      "a",
      "",
      " a:1",
    ])
      assert.isFalse(Address.isAddress(text), text)
  })
})

describe("host and port", () => {
  it("are the two parts, without the brackets of an IPv6 address", () => {
    for (const [input, host, port] of [
      ["example.org:7000", "example.org", 7000],
      ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
    ] as const) {
      const address = Result.getOrThrow(Address.parse(input))
      assert.strictEqual(Address.host(address), host)
      assert.strictEqual(Address.port(address), port)
      assert.strictEqual(Result.getOrThrow(Address.make(host, port)), address)
    }
  })
})
