import {
  addKey,
  keyOf,
  type KeyringError,
  removeKey,
  type Ring,
  ringOf,
  secretsIn,
  useKey,
} from "../../../src/internal/secret/ring.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"

interface Vector {
  readonly description: string
  readonly secret: string
  readonly key: string
  readonly psk: string
  readonly id: string
  readonly identity: string
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("../../../../../docs/protocol-vectors/secrets.json", import.meta.url), "utf8"),
)

const numbered = (n: number) => Redacted.make(`secret number ${n}, which has enough characters`)

const numbers = (count: number) => Array.from({ length: count }, (_, i) => numbered(i))

const ids = (ring: Result.Result<Ring, KeyringError>) => Result.getOrThrow(ring).map(({ id }) => id)

const reason = <A>(result: Result.Result<A, KeyringError>) =>
  Result.isFailure(result) ? result.failure.reason : assert.fail("expected a failure")

describe("docs/protocol-vectors/secrets.json", () => {
  for (const { description, id, identity, psk, secret } of vectors) {
    it(description, () => {
      const key = Result.getOrThrow(keyOf(Redacted.make(secret)))
      assert.strictEqual(key.id, id)
      assert.strictEqual(`coterie1:${key.id}`, identity)
      assert.strictEqual(Buffer.from(Redacted.value(key.psk)).toString("hex"), psk)
    })
  }
})

describe("the key of a secret", () => {
  it("needs 32 characters without the white space at both ends, and 10 different ones", () => {
    const text = "0123456789abcdef0123456789abcdef"
    assert.isTrue(Result.isSuccess(keyOf(Redacted.make(text))))
    assert.strictEqual(reason(keyOf(Redacted.make(` ${text.slice(1)}\n`))), "short")
    assert.strictEqual(reason(keyOf(Redacted.make("😀".repeat(31)))), "short")
    assert.strictEqual(reason(keyOf(Redacted.make("012345678".repeat(8)))), "weak")
    assert.isTrue(Result.isSuccess(keyOf(Redacted.make("0123456789".repeat(8)))))
  })
})

describe("a ring of keys", () => {
  it("has 1 to 8 keys in the order of the secrets, without duplicates", () => {
    assert.strictEqual(reason(ringOf([])), "empty")
    assert.strictEqual(reason(ringOf(numbers(9))), "many")
    const ring = ringOf([...numbers(8), numbered(3), numbered(0)])
    assert.deepStrictEqual(
      ids(ring),
      numbers(8).map((secret) => Result.getOrThrow(keyOf(secret)).id),
    )
  })

  it("changes by key: a new key is accepted, used, and then the old one removed", () => {
    const ring = Result.getOrThrow(ringOf(numbers(2)))
    const [first, second] = ids(ringOf(numbers(2)))
    const third = Result.getOrThrow(keyOf(numbered(2)))
    if (first === undefined || second === undefined) return assert.fail("expected two keys")
    const added = addKey(ring, third)
    assert.deepStrictEqual(ids(added), [first, second, third.id])
    assert.deepStrictEqual(ids(addKey(Result.getOrThrow(added), third)), [first, second, third.id])
    const used = useKey(Result.getOrThrow(added), third.id)
    assert.deepStrictEqual(ids(used), [third.id, first, second])
    assert.strictEqual(reason(removeKey(Result.getOrThrow(used), third.id)), "inUse")
    assert.deepStrictEqual(ids(removeKey(Result.getOrThrow(used), first)), [third.id, second])
    assert.strictEqual(reason(useKey(ring, third.id)), "unknown")
    assert.strictEqual(reason(removeKey(ring, third.id)), "unknown")
    assert.strictEqual(
      reason(addKey(Result.getOrThrow(ringOf(numbers(8))), Result.getOrThrow(keyOf(numbered(8))))),
      "many",
    )
  })

  it("shows no text that was passed in place of an id, which may be a secret", () => {
    const result = useKey(Result.getOrThrow(ringOf(numbers(1))), Redacted.value(numbered(7)))
    assert.strictEqual(reason(result), "unknown")
    assert.notInclude(Result.isFailure(result) ? result.failure.message : "", "number 7")
  })
})

describe("the text of a file of secrets", () => {
  it("has one secret per line, blank lines, and comments that begin with #", () => {
    const text = "# the new one\r\n  first secret # no comment \r\n\r\n \t\n#\n  # more\nsecond"
    assert.deepStrictEqual(secretsIn(text).map(Redacted.value), ["first secret # no comment", "second"])
    assert.deepStrictEqual(secretsIn("\n#\n"), [])
  })
})
