import * as Address from "@coterie/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { maxHostLength } from "../src/internal/hosts.ts"

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
      "example.org:7946",
      "localhost:1",
      "_service.example.org:65535",
      "127.0.0.1:7946",
      "[::1]:7946",
      "[2001:db8:1:2:3:4:5:6]:80",
      "[fe80::1%eth0]:80",
      "[::ffff:10.0.0.1]:80",
    ]) {
      assert.strictEqual(parsed(input), input)
    }
  })

  it("returns one canonical spelling: lower case, and no leading zeros of the port", () => {
    assert.strictEqual(parsed("Example.ORG:07946"), "example.org:7946")
    assert.strictEqual(parsed("[FE80::A]:1"), "[fe80::a]:1")
  })

  it("refuses hosts that are neither", () => {
    for (const host of [
      "",
      "a b",
      "-a",
      "a-",
      ".a",
      "a.",
      "http://a",
      "a/b",
      "ä",
      "[]",
      "[::1",
      "[x]",
      "[1:2:3]",
      "[1:::2]",
    ]) {
      assert.isDefined(problemOf(`${host}:1`), host)
    }
  })

  it("refuses an IPv6 address without a port, instead of taking its last group for the port", () => {
    for (const input of ["2001:db8:1:2:3:4:5:6", "fe80::1", "[::1]"]) assert.isDefined(problemOf(input), input)
  })

  it("refuses ports outside of 1 to 65535 and texts that are not digits", () => {
    for (const port of ["", "0", "65536", "-1", "1.5", "1e3", " 1", "x", "000001"]) {
      assert.isDefined(problemOf(`a:${port}`), port)
    }
  })

  it("accepts hosts of up to 253 characters", () => {
    const longest = "a".repeat(maxHostLength)
    assert.strictEqual(parsed(`${longest}:1`), `${longest}:1`)
    assert.isDefined(problemOf(`${longest}a:1`))
  })

  it("quotes at most 80 characters of the input in its error, and says what is expected", () => {
    assert.strictEqual(
      problemOf("nowhere"),
      `"nowhere" is not an address: expected HOST:PORT, for example 127.0.0.1:7946`,
    )
    assert.include(problemOf(`${"x".repeat(300)}:1`) ?? "", `"${"x".repeat(80)}" is not an address`)
    assert.include(problemOf("a:0") ?? "", "from 1 to 65535")
  })
})

describe("make", () => {
  it("puts a bare IPv6 address into brackets", () => {
    assert.strictEqual(Result.getOrThrow(Address.make("::1", 7946)), "[::1]:7946")
    assert.strictEqual(Result.getOrThrow(Address.make("[::1]", "7946")), "[::1]:7946")
  })
})

describe("isAddress", () => {
  it("holds only for the canonical spelling", () => {
    for (const text of ["a:1", "[::1]:7946"]) assert.isTrue(Address.isAddress(text), text)
    for (const text of ["A:1", "a:01", "::1:7946", "a", "", " a:1"]) assert.isFalse(Address.isAddress(text), text)
  })
})

describe("host and port", () => {
  it("are the two parts, without the brackets of an IPv6 address", () => {
    for (const [input, host, port] of [
      ["example.org:7946", "example.org", 7946],
      ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
    ] as const) {
      const address = Result.getOrThrow(Address.parse(input))
      assert.strictEqual(Address.host(address), host)
      assert.strictEqual(Address.port(address), port)
      assert.strictEqual(Result.getOrThrow(Address.make(host, port)), address)
    }
  })
})
