import { assert, it } from "@effect/vitest"
import { byeCodes } from "../../src/protocol/Frame.ts"
import { clip, ProtocolViolation, violationCodes } from "../../src/protocol/ProtocolViolation.ts"

it("a violation keeps its code, and a message of one line and at most 160 characters", () => {
  const violation = new ProtocolViolation("malformed", `a name:\n\u001b[31m${"x".repeat(1_000)}`)
  assert.strictEqual(violation._tag, "ProtocolViolation")
  assert.strictEqual(violation.code, "malformed")
  assert.strictEqual(violation.message.length, 160)
  assert.match(violation.message, /^a name: \[31mx+\.\.\.$/)
})

it("a short message is not changed", () => {
  assert.strictEqual(new ProtocolViolation("rate", "more than 9 frames").message, "more than 9 frames")
})

it("clipping leaves no half of a surrogate pair", () => {
  assert.isTrue(clip("😀".repeat(100), 80).isWellFormed())
})

it("every violation code is a code of Bye", () => {
  for (const code of violationCodes) assert.include(byeCodes, code)
  assert.strictEqual(new Set(byeCodes).size, byeCodes.length)
})
