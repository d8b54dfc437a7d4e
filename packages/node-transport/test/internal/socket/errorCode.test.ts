import { errorCode } from "../../../src/internal/socket/errorCode.ts"
import { assert, it } from "@effect/vitest"

it("errorCode returns the code of an error of Node, and undefined for any other value", () => {
  assert.strictEqual(errorCode(Object.assign(new Error("refused"), { code: "ECONNREFUSED" })), "ECONNREFUSED")
  assert.isUndefined(errorCode(Object.assign(new Error("odd"), { code: 7 })))
  assert.isUndefined(errorCode(new Error("none")))
  assert.isUndefined(errorCode({ code: "ECONNREFUSED" }))
  assert.isUndefined(errorCode(undefined))
})
