import { assert, describe, it } from "@effect/vitest"
import * as vm from "node:vm"
import { geometry } from "../../src/picture/geometry.ts"
import { parts } from "../../src/picture/html.ts"
import { model } from "../../src/picture/model.ts"
import { words } from "../../src/picture/words.ts"
import { sampleTrace } from "../sampleTrace.ts"

describe("the program of the page", () => {
  it("does from its text, where nothing else is, what the functions do", () => {
    const trace = sampleTrace()
    const program = `
      const model = (${parts.model.toString()})(trace, (${parts.geometry.toString()})(), (${parts.words.toString()})())
      JSON.stringify([model, trace.events.map((_, index) => [model.details(index), model.past(index)])])
    `
    const here = model(trace, geometry(), words())
    const expected = JSON.stringify([here, trace.events.map((_, index) => [here.details(index), here.past(index)])])
    assert.strictEqual(vm.runInNewContext(program, { trace }), expected)
  })

  it("uses no import, which would not be there", () => {
    for (const [name, part] of Object.entries(parts)) {
      const text = part.toString()
      assert.notMatch(text, /__vite_ssr|__vi_import|\brequire\(|\bimport\b[ ({.]/, name)
      assert.notInclude(text, "</script", name)
      assert.notInclude(text, "<!--", name)
    }
  })
})

describe("words", () => {
  const { count, duration, moment, size } = words()

  it("round times to what one reads", () => {
    assert.deepStrictEqual([0, 999, 1_000, 3_249, 12_345, 999_499, 1_500_000, 83_200_000, 200_000_000].map(duration), [
      "0 µs",
      "999 µs",
      "1 ms",
      "3.25 ms",
      "12.3 ms",
      "999 ms",
      "1.5 s",
      "83.2 s",
      "3.33 min",
    ])
    assert.strictEqual(moment(12_345_678), "12.345678 s")
  })

  it("count one thing as one", () => {
    assert.deepStrictEqual(
      [count(1, "node"), count(0, "node"), count(1_200, "event")],
      ["1 node", "0 nodes", "1,200 events"],
    )
    assert.deepStrictEqual([size(1), size(9_999), size(12_345)], ["1 byte", "9,999 bytes", "12.3 kB"])
  })
})
