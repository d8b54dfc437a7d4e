import { assert, describe, it } from "@effect/vitest"
import { parseAddresses } from "../../src/cluster/parseAddresses.ts"

describe("parseAddresses", () => {
  it("returns the addresses in canonical form and in their order", () => {
    const { addresses, problems } = parseAddresses(["B:2", "[::1]:1"])
    assert.deepStrictEqual<ReadonlyArray<string>>(addresses, ["b:2", "[::1]:1"])
    assert.deepStrictEqual(problems, [])
  })

  it("returns one problem for each invalid address, and keeps the others", () => {
    const { addresses, problems } = parseAddresses(["no where", "a:1", "b:99999"])
    assert.deepStrictEqual<ReadonlyArray<string>>(addresses, ["a:1"])
    assert.deepStrictEqual(
      problems.map(({ input }) => input),
      ["no where", "b:99999"],
    )
  })
})
