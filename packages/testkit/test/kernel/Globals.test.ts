import { assert, describe, it } from "@effect/vitest"
import * as Hash from "effect/Hash"
import * as Globals from "../../src/kernel/Globals.ts"
import type { Source } from "../../src/kernel/replacements.ts"

const watched = () => ({
  Date: globalThis.Date,
  now: performance.now,
  random: Math.random,
  getRandomValues: crypto.getRandomValues,
  randomUUID: crypto.randomUUID,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  clearTimeout: globalThis.clearTimeout,
  hrtime: process.hrtime,
})

/** A world in which it is always the same moment. */
const still = (options: Partial<Source> = {}): Source => ({
  wallMillis: () => 1_000_000,
  monotonicNanos: () => 5_000_000_000n,
  random: () => 0.25,
  after: () => ({ cancel: () => undefined, setRef: () => undefined }),
  threw: () => undefined,
  used: () => undefined,
  ...options,
})

describe("Globals", () => {
  it("are those of the simulation inside, and those of the machine again afterwards", () => {
    const before = watched()
    Globals.replacedBy(still(), () => {
      assert.strictEqual(Date.now(), 1_000_000)
      assert.strictEqual(new Date().getTime(), 1_000_000)
      assert.strictEqual(new Date(5).getTime(), 5)
      assert.isTrue(new Date() instanceof Date)
      assert.strictEqual(typeof Date(), "string")
      assert.strictEqual(performance.now(), 5_000)
      assert.strictEqual(performance.timeOrigin + performance.now(), Date.now())
      assert.strictEqual(process.hrtime.bigint(), 5_000_000_000n)
      assert.deepStrictEqual(process.hrtime([4, 999_999_999]), [0, 1])
      assert.strictEqual(Math.random(), 0.25)
      assert.deepStrictEqual([...crypto.getRandomValues(new Uint8Array(2))], [64, 64])
      assert.match(crypto.randomUUID(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    })
    assert.deepStrictEqual(watched(), before)
  })

  it("are put back when the program throws", () => {
    const before = watched()
    assert.throws(() =>
      Globals.replacedBy(still(), () => {
        throw new Error("a bug")
      }),
    )
    assert.deepStrictEqual(watched(), before)
  })

  it("run timers in virtual time, and cancelled ones not at all", () => {
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

  it("tell what was used", () => {
    const used: Array<string> = []
    Globals.replacedBy(still({ used: (what) => used.push(what) }), () => {
      Date.now()
      void new Date(1)
      Math.random()
      clearTimeout(setTimeout(() => undefined, 1))
    })
    assert.deepStrictEqual(used, ["Date", "Math.random", "setTimeout"])
  })

  it("give all functions the same hash, so that none keeps that of the run in which it was hashed first", () => {
    const of = () => Hash.hash(() => undefined)
    assert.notStrictEqual(of(), of())
    Globals.replacedBy(still({ random: () => assert.fail("it takes no chance") }), () => {
      assert.strictEqual(of(), of())
    })
  })
})
