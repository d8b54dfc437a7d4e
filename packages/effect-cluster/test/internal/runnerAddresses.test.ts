import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { decodeName, encodeName, parse, textOf } from "../../src/internal/runnerAddresses.ts"

const Name = Schema.String.check(
  Schema.isNonEmpty(),
  Schema.makeFilter((name) => name.isWellFormed()),
)

describe("the name of a peer in the address of its runner", () => {
  it.prop("is safe in SQL, and can be decoded", [Name], ([name]) => {
    const host = encodeName(name)
    assert.match(host, /^[A-Za-z0-9._%-]+$/)
    assert.strictEqual(decodeName(host), name)
  })

  it.prop("differs from the encoded name of every other peer", [Name, Name], ([a, b]) => {
    assert.strictEqual(encodeName(a) === encodeName(b), a === b)
  })

  it("is encoded with its quotes, spaces and separators", () => {
    assert.strictEqual(encodeName("o'neil (1): ~x*!"), "o%27neil%20%281%29%3A%20%7Ex%2A%21")
    assert.strictEqual(encodeName("web-1.shop_a"), "web-1.shop_a")
  })

  it("is not found in a host that is encoded in another way", () => {
    for (const host of ["%", "%zz", "a'b", "%61", "a b"]) assert.strictEqual(decodeName(host), undefined)
  })
})

describe("the address of a runner in the metadata", () => {
  it("is a host and a port", () => {
    for (const text of ["10.0.0.1:34431", "web-1.example:80", "[::1]:65535"]) {
      const address = parse(text)
      assert.strictEqual(address === undefined ? undefined : textOf(address), text)
    }
  })

  it("is rejected in any other form", () => {
    for (const text of [undefined, "", "host", ":80", "host:", "host:http", "host:65536", "host:-1", "host:1.5"]) {
      assert.strictEqual(parse(text), undefined)
    }
  })
})
