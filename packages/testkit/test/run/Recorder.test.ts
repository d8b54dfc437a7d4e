import { assert, describe, it } from "@effect/vitest"
import { Recorder } from "../../src/run/Recorder.ts"
import type { Event } from "../../src/Trace.ts"

const note = (at: number): Event => ({ _tag: "Note", at, kind: "note", text: "" })

const filled = (limit: number, count: number): Recorder => {
  const recorder = new Recorder(limit)
  for (let at = 0; at < count; at++) recorder.add(note(at))
  return recorder
}

describe("Recorder", () => {
  it("keeps the last events, and counts the earlier ones", () => {
    for (const count of [5, 10, 11, 19, 20, 21, 95]) {
      const recorder = filled(10, count)
      const kept = recorder.events().map(({ at }) => at)
      const skipped = Math.max(0, count - 10)
      assert.deepStrictEqual(
        kept,
        Array.from({ length: Math.min(10, count) }, (_, i) => skipped + i),
      )
      assert.strictEqual(recorder.skipped(), skipped)
    }
  })

  it("continues after it was read", () => {
    const recorder = filled(10, 12)
    assert.strictEqual(recorder.events().length, 10)
    recorder.add(note(12))
    assert.deepStrictEqual([recorder.skipped(), recorder.events().at(-1)?.at], [3, 12])
  })

  it("records nothing without a limit", () => {
    const recorder = new Recorder(undefined)
    assert.isFalse(recorder.enabled)
    recorder.add(note(1))
    assert.deepStrictEqual([recorder.events(), recorder.skipped()], [[], 0])
  })

  it("is enabled with a limit of 0, and keeps nothing", () => {
    const recorder = filled(0, 3)
    assert.isTrue(recorder.enabled)
    assert.deepStrictEqual([recorder.events(), recorder.skipped()], [[], 3])
  })
})
