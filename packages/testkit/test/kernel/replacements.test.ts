import { assert, describe, it } from "@effect/vitest"
import * as Hash from "effect/Hash"
import * as Globals from "../../src/kernel/Globals.ts"
import { still } from "./source.ts"

describe("the replaced functions", () => {
  it("run timers in virtual time, and do not run cancelled timers", () => {
    const due: Array<{ readonly millis: number; run: (() => void) | undefined }> = []
    const seen: Array<string> = []
    Globals.replacedBy(
      still({
        after: (millis, run) => {
          const entry: (typeof due)[number] = { millis, run }
          due.push(entry)
          return {
            cancel: () => {
              entry.run = undefined
            },
            setRef: () => undefined,
          }
        },
      }),
      () => {
        setTimeout((text: string) => seen.push(text), 20, "timeout")
        clearTimeout(setTimeout(() => seen.push("cancelled"), 30))
        const interval = setInterval(() => seen.push("interval"), 40)
        setImmediate(() => seen.push("immediate"))
        for (const { run } of [...due]) run?.()
        clearInterval(interval)
        for (const { run } of due.slice(4)) run?.()
      },
    )
    assert.deepStrictEqual(
      due.map(({ millis }) => millis),
      [20, 30, 40, 0, 40],
    )
    assert.deepStrictEqual(seen, ["timeout", "interval", "immediate"])
  })

  it("report their use", () => {
    const used: Array<string> = []
    Globals.replacedBy(still({ used: (what) => used.push(what) }), () => {
      Date.now()
      void new Date(1)
      Math.random()
      clearTimeout(setTimeout(() => undefined, 1))
    })
    assert.deepStrictEqual(used, ["Date", "Math.random", "setTimeout"])
  })

  it("give all functions the same hash, so that no function keeps the hash of an earlier run", () => {
    const of = () => Hash.hash(() => undefined)
    assert.notStrictEqual(of(), of())
    Globals.replacedBy(still({ random: () => assert.fail("a hash uses no chance") }), () => {
      assert.strictEqual(of(), of())
    })
  })
})
