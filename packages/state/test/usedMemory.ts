import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { setImmediate } from "node:timers/promises"
import * as v8 from "node:v8"
import * as vm from "node:vm"

/** Returns the bytes that are in use after garbage collection. */
export const usedMemory = Effect.gen(function* () {
  v8.setFlagsFromString("--expose-gc")
  const gc: unknown = vm.runInNewContext("gc")
  if (typeof gc !== "function") return assert.fail("V8 has no gc")
  // Threads of V8 free the memory of arrays, and a collection waits for those of the collection before it.
  for (let i = 0; i < 3; i++) {
    gc()
    yield* Effect.promise(() => setImmediate())
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
})
