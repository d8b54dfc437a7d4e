import { assert, describe, it } from "@effect/vitest"
import * as Globals from "../../src/kernel/Globals.ts"
import { still } from "./source.ts"

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

describe("Globals", () => {
  it("are the functions of the simulation inside, and the functions of the platform afterwards", () => {
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

  it("are restored when the program throws", () => {
    const before = watched()
    assert.throws(() =>
      Globals.replacedBy(still(), () => {
        throw new Error("a bug")
      }),
    )
    assert.deepStrictEqual(watched(), before)
  })

  it("report that they are replaced only inside", () => {
    assert.isFalse(Globals.areReplaced())
    Globals.replacedBy(still(), () => assert.isTrue(Globals.areReplaced()))
    assert.isFalse(Globals.areReplaced())
  })
})
