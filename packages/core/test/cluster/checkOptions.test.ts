import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { advertiseProblem, checkOptions } from "../../src/cluster/checkOptions.ts"
import { parseAddresses } from "../../src/cluster/parseAddresses.ts"
import type { Options } from "../../src/cluster/Service.ts"
import { maxAddresses, maxMetadataBytes, minWindow } from "../../src/protocol/constants.ts"

const refusedOption = (options: Partial<Options>): string | undefined => {
  const result = checkOptions({ cluster: "test", ...options })
  return Result.isFailure(result) ? result.failure.option : undefined
}

describe("checkOptions", () => {
  it("returns the addresses in canonical form", () => {
    const checked = Result.getOrThrow(checkOptions({ cluster: "test", seeds: ["A:1", "[0::1]:2"] }))
    assert.deepStrictEqual<unknown>(checked, { seeds: ["a:1", "[::1]:2"] })
  })

  for (const [option, options] of [
    ["cluster", { cluster: "" }],
    ["name", { name: "a\nb" }],
    ["metadata", { metadata: { key: "x".repeat(maxMetadataBytes) } }],
    ["seeds", { seeds: ["a:1", "no where"] }],
    ["seeds", { seeds: ["0.0.0.0:24868"] }],
    ["seeds", { seeds: ["[::]:24868"] }],
    ["seeds", { seeds: ["a:0"] }],
    ["limits.links", { limits: { links: 0 } }],
    ["limits.linger", { limits: { linger: "0 seconds" } }],
    ["limits.confirmTimeout", { limits: { confirmTimeout: "Infinity" } }],
    ["limits.confirmTimeout", { limits: { confirmTimeout: Number.NaN } }],
    ["limits.links", { limits: { links: 1.5 } }],
    ["limits.outboxBytes", { limits: { outboxBytes: 2 ** 32 } }],
    ["limits.inboxWindowBytes", { limits: { inboxWindowBytes: minWindow - 1 } }],
    ["limits.controlRate", { limits: { controlRate: 999 } }],
    ["limits.controlBurst", { limits: { controlBurst: 1_999 } }],
    ["limits.laneWindowBytes", { limits: { laneWindowBytes: minWindow - 1 } }],
  ] as ReadonlyArray<readonly [string, Partial<Options>]>) {
    it(`refuses ${JSON.stringify(options).slice(0, 60)} and names ${option}`, () =>
      assert.strictEqual(refusedOption(options), option))
  }

  it("refuses more addresses of the transport than a record holds, and names the option", () => {
    const { addresses } = parseAddresses(Array.from({ length: maxAddresses + 1 }, (_, i) => `a:${i + 1}`))
    assert.strictEqual(advertiseProblem(addresses)?.option, "advertise")
    assert.isUndefined(advertiseProblem(addresses.slice(1)))
  })

  it("refuses a limit that does not exist, such as an old name", () => {
    const limits = { links: 1, inboxWindow: 4_096 }
    assert.strictEqual(refusedOption({ limits }), "limits.inboxWindow")
  })

  it("accepts limits at their bounds", () => {
    assert.isUndefined(
      refusedOption({
        limits: { links: 1, outboxBytes: 2 ** 32 - 1, inboxWindowBytes: minWindow, laneWindowBytes: minWindow },
      }),
    )
  })
})
