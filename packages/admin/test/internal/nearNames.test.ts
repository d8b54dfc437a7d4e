import { nearNames } from "../../src/internal/nearNames.ts"
import { assert, describe, it } from "@effect/vitest"

describe("similar names", () => {
  it("are up to three, nearest first, and in the order of their names if they are as near", () => {
    const known = ["shop-0", "shop-1", "shop-12", "shop-2", "worker", "Shop-10"]
    assert.deepStrictEqual(nearNames("shop-1", known), ["shop-1", "Shop-10", "shop-0"])
    assert.deepStrictEqual(nearNames("sohp-0", known)[0], "shop-0")
  })

  it("do not include names that have little in common", () => {
    assert.deepStrictEqual(nearNames("zzzzzz", ["shop-0", "worker"]), [])
    assert.deepStrictEqual(nearNames("a", []), [])
  })

  it("of names with 128 characters are compared by their beginning", () => {
    const name = "x".repeat(128)
    assert.deepStrictEqual(nearNames(`${name.slice(1)}y`, [name]), [name])
  })
})
