import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import { describeNames, namesOf, quote, trustOf } from "../../../src/internal/certificates/names.ts"
import { Authority } from "../../Authority.ts"

const authority = Authority.root()
const namesIn = (names: ReadonlyArray<string>) =>
  namesOf(new Crypto.X509Certificate(authority.issue({ names }).certificate).subjectAltName)

const matches = (pattern: string, name: string) => Result.getOrThrow(trustOf([pattern]))(name)

describe("the names of a certificate", () => {
  it("are its DNS names in lower case and its URIs, each once, without other kinds and without the common name", () => {
    assert.deepStrictEqual(
      namesIn([
        "DNS:Web-1.Example.org",
        "URI:spiffe://Example.org/a",
        "IP:10.0.0.1",
        "email:a@b.c",
        "DNS:web-1.example.org",
      ]),
      ["web-1.example.org", "spiffe://Example.org/a"],
    )
    assert.deepStrictEqual(namesIn([]), [])
  })

  it("are refused if one imitates another by a comma, a quote or a line break", () => {
    for (const hostile of [
      "URI:http://x/, URI:spiffe://example.org/shop/ann",
      "DNS:evil.example, DNS:web-1.example.org",
      'URI:http://x/"',
      "DNS:evil.example\nDNS:web-1.example.org",
    ]) {
      assert.isUndefined(namesIn(["DNS:web-1.example.org", hostile]), hostile)
    }
  })

  it("are of their kind: a DNS name cannot pass for a URI, and a URI not for a DNS name", () => {
    assert.deepStrictEqual(namesIn(["DNS:spiffe://example.org/shop/ann", "URI:web-1.example.org"]), [])
  })
})

describe("a pattern of trust", () => {
  it("of DNS matches the name in any case, and a wildcard matches exactly one label", () => {
    assert.isTrue(matches("Web-1.example.org", "web-1.example.org"))
    assert.isFalse(matches("web-1.example.org", "web-2.example.org"))
    assert.isTrue(matches("*.example.org", "web-1.example.org"))
    assert.isFalse(matches("*.example.org", "a.web-1.example.org"))
    assert.isFalse(matches("*.example.org", "example.org"))
    assert.isFalse(matches("*.example.org", ".example.org"))
  })

  it("of a URI matches the text, and a wildcard any rest that is not empty", () => {
    assert.isTrue(matches("spiffe://example.org/shop/ann", "spiffe://example.org/shop/ann"))
    assert.isFalse(matches("spiffe://example.org/shop/ann", "spiffe://EXAMPLE.org/shop/ann"))
    assert.isTrue(matches("spiffe://example.org/shop/*", "spiffe://example.org/shop/eu/ann"))
    assert.isFalse(matches("spiffe://example.org/shop/*", "spiffe://example.org/shop/"))
    assert.isFalse(matches("spiffe://example.org/shop/*", "spiffe://example.org/shopping/ann"))
  })

  it("is not matched by a wildcard in a certificate, except as the same text", () => {
    assert.isFalse(matches("web-1.example.org", "*.example.org"))
    assert.isTrue(matches("*.example.org", "*.example.org"))
  })

  it("that has another form is refused with the form that it needs", () => {
    for (const pattern of [
      "",
      "*",
      "web-*.example.org",
      "a.*.example.org",
      "*.*.org",
      "web 1",
      "spiffe://*",
      "spiffe:/*",
      "spiffe:///*",
      "spiffe://example.org/*/ann",
      "spiffe://example.org/shop*",
      "//example.org/x",
    ]) {
      const result = trustOf(["web-1", pattern])
      assert.isTrue(Result.isFailure(result), pattern)
      if (Result.isFailure(result)) assert.strictEqual(result.failure.reason, "trust")
    }
    assert.isTrue(Result.isFailure(trustOf([])))
  })
})

describe("the names of a stranger in a message", () => {
  it("are quoted, on one line, and bounded in number and length", () => {
    assert.strictEqual(quote("a\nb\u001b[31m\u202e"), '"a?b?[31m?"')
    assert.strictEqual(describeNames([]), "no DNS name and no URI")
    assert.strictEqual(describeNames(["a"]), 'the name "a"')
    assert.strictEqual(describeNames(["a", "b", "c", "d", "e", "f"]), 'the names "a", "b", "c", "d" and 2 more')
    assert.isBelow(describeNames(Array.from({ length: 1_000 }, () => "x".repeat(10_000))).length, 500)
  })
})
