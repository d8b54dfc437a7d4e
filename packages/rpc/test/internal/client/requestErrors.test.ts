import { assert, describe, it } from "@effect/vitest"
import * as RequestLost from "@coterie/rpc/RequestLost"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import * as Errors from "../../../src/internal/client/requestErrors.ts"
import { sendError } from "../FakeLane.ts"

describe("the error of a request", () => {
  it("has the cause that it was made with", () => {
    const cause = sendError("NotReading")
    assert.strictEqual(RequestLost.causeOf(Errors.toClientError(cause)), cause)
  })

  it("names the peer and says that the request may have been carried out if it was sent", () => {
    for (const [reason, error] of [
      ["SessionEnded", Errors.sessionEnded("b")],
      ["GivenUp", Errors.givenUp("b")],
      ["ClientClosed", Errors.clientClosed("b")],
    ] as const) {
      const cause = RequestLost.causeOf(error)
      assert.instanceOf(cause, RequestLost.RequestLost)
      assert.deepStrictEqual([cause?.peer, cause?.reason._tag, cause?.maybeDelivered], ["b", reason, true])
      assert.include(cause?.message, '"b" did not respond to a request, which may have been carried out')
    }
  })

  it("has no cause in the cluster if the peer breaks the protocol, or if Effect made the error", () => {
    assert.isUndefined(RequestLost.causeOf(Errors.malformed("b", new Error("no JSON"))))
    const other = new RpcClientError({ reason: new RpcClientDefect({ message: "", cause: new Error("other") }) })
    assert.isUndefined(RequestLost.causeOf(other))
  })
})
