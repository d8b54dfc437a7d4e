import { errorCode } from "../../src/internal/errorCode.ts"
import { assert, it } from "@effect/vitest"

it("the code of an error of Node is read, and of any other value there is none", () => {
  assert.strictEqual(errorCode(Object.assign(new Error("refused"), { code: "ECONNREFUSED" })), "ECONNREFUSED")
  assert.isUndefined(errorCode(Object.assign(new Error("odd"), { code: 7 })))
  assert.isUndefined(errorCode(new Error("none")))
  assert.isUndefined(errorCode({ code: "ECONNREFUSED" }))
  assert.isUndefined(errorCode(undefined))
})
