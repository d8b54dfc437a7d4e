import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import { isRevoked, listBy, listFor, listsIn } from "../../../src/internal/certificates/revocation.ts"
import { Authority, type Issued } from "../../Authority.ts"

const a = Authority.root("a")
const b = Authority.root("b")
const of = ({ certificate }: Issued | Authority) => new Crypto.X509Certificate(certificate)
const lists = (text: string) => Result.getOrThrow(listsIn(text))

describe("a revocation list", () => {
  it("has the revoked certificates of its authority, and its times", () => {
    const [good, bad, foreign] = [a.issue(), a.issue(), b.issue()]
    const list = lists(`a comment\n${a.revoke([bad, foreign], { from: -2_000, to: 60_000 })}`)
    assert.strictEqual(list.length, 1)
    assert.isFalse(isRevoked(list, of(good)))
    assert.isTrue(isRevoked(list, of(bad)))
    // The serial number alone says nothing: each authority has its own numbers.
    assert.isFalse(isRevoked(list, of(foreign)))
    assert.strictEqual(listFor(list, of(good)), list[0])
    assert.isUndefined(listFor(list, of(foreign)))
    assert.strictEqual(listBy(list, of(a)), list[0])
    assert.isUndefined(listBy(list, of(b)))
    const { from, to } = list[0]?.period ?? { from: 0, to: 0 }
    assert.isAtMost(Math.abs(to - from - 62_000), 1_000)
    assert.isFalse(isRevoked([], of(bad)))
  })

  it("may be empty, may be one of several, and may have more entries than fit a length of one byte", () => {
    const many = Array.from({ length: 300 }, () => a.issue())
    const list = lists(b.revoke([]) + a.revoke(many))
    assert.deepStrictEqual(
      list.map(({ serials }) => serials.size),
      [0, 300],
    )
    assert.isTrue(many.every((each) => isRevoked(list, of(each))))
  })

  it("that is not whole or no list is refused", () => {
    const text = a.revoke([a.issue()])
    const body = text.split("\n").slice(1, -2).join("\n")
    const wrap = (body: string) => `-----BEGIN X509 CRL-----\n${body}\n-----END X509 CRL-----\n`
    assert.isTrue(Result.isSuccess(listsIn(wrap(body))))
    const wrong = [
      "",
      "no list",
      text.slice(0, -10),
      text + text.slice(0, 100),
      wrap("AAAA"),
      wrap(""),
      wrap(Buffer.from("3084ffffffff", "hex").toString("base64")),
      a.certificate.replaceAll("CERTIFICATE", "X509 CRL"),
    ]
    for (const each of wrong) {
      const result = listsIn(each)
      assert.isTrue(Result.isFailure(result), each)
      if (Result.isFailure(result)) assert.strictEqual(result.failure.reason, "invalid")
    }
  })

  it("that is damaged at any place is read or refused, and throws nothing", () => {
    const bytes = Buffer.from(a.revoke([a.issue()]).replace(/-----[^-]+-----/g, ""), "base64")
    for (let i = 0; i < bytes.length; i++) {
      for (const bit of [0, 7]) {
        const damaged = Buffer.from(bytes)
        damaged[i] = (damaged[i] ?? 0) ^ (1 << bit)
        listsIn(`-----BEGIN X509 CRL-----\n${damaged.toString("base64")}\n-----END X509 CRL-----\n`)
      }
    }
  })
})
