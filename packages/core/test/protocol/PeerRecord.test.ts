import { assert, describe, it } from "@effect/vitest"
import { maxMetadataBytes, maxMetadataPairs } from "../../src/protocol/constants.ts"
import { metadataBytes, metadataProblem } from "../../src/protocol/PeerRecord.ts"

const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`, ""]))

describe("metadata", () => {
  it("may have as many pairs as the limit, and no more", () => {
    assert.isUndefined(metadataProblem(pairs(maxMetadataPairs)))
    assert.strictEqual(metadataProblem(pairs(maxMetadataPairs + 1)), "at most 256 pairs")
  })

  it("may have as many bytes as the limit, and no more, counted in UTF-8", () => {
    const fits = { k: "é".repeat((maxMetadataBytes - 2) / 2), l: "" }
    assert.strictEqual(metadataBytes(fits), maxMetadataBytes)
    assert.isUndefined(metadataProblem(fits))
    assert.strictEqual(metadataProblem({ ...fits, l: "1" }), "8193 bytes of metadata; the limit is 8192")
  })

  it("must be well-formed, in keys and in values", () => {
    assert.match(metadataProblem({ "\ud800": "" }) ?? "", /not well-formed/)
    assert.strictEqual(metadataProblem({ a: "\ud800" }), '"a" is not well-formed Unicode')
  })
})
