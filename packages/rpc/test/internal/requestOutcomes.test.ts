import { assert, describe, it } from "@effect/vitest"
import { SendError, UnknownPeer } from "@coterie/core/ClusterError"
import * as requestErrors from "../../src/internal/client/requestErrors.ts"
import { outcomeOfError, outcomeOfExit } from "../../src/internal/requestOutcomes.ts"

const failed = (...tags: ReadonlyArray<string>) => ({ _tag: "Failure", cause: tags.map((_tag) => ({ _tag })) })

describe("the outcome of a request", () => {
  it("is the outcome of the exit: an error before a defect, and a defect before an interruption", () => {
    assert.strictEqual(outcomeOfExit({ _tag: "Success", value: 4 }), "success")
    assert.strictEqual(outcomeOfExit(failed("Interrupt", "Die", "Fail")), "failure")
    assert.strictEqual(outcomeOfExit(failed("Interrupt", "Die")), "defect")
    assert.strictEqual(outcomeOfExit(failed("Interrupt")), "interrupted")
    assert.strictEqual(outcomeOfExit(failed()), "interrupted")
  })

  it("is answered if the exit is in bytes", () => {
    assert.strictEqual(outcomeOfExit(new Uint8Array([1])), "answered")
  })

  it("is a known outcome for any value that a peer sends as an exit", () => {
    for (const exit of [undefined, null, 1, "x", {}, []]) assert.strictEqual(outcomeOfExit(exit), "answered")
    for (const exit of [{ _tag: "X" }, { _tag: "Failure", cause: 1 }, { _tag: "Failure", cause: [null, "x"] }]) {
      assert.strictEqual(outcomeOfExit(exit), "interrupted")
    }
  })

  it("is the tag of the reason of an error, or malformed if the response cannot be used", () => {
    const unknown = requestErrors.toClientError(new SendError({ peer: "b", reason: new UnknownPeer() }))
    assert.strictEqual(outcomeOfError(unknown), "UnknownPeer")
    assert.strictEqual(outcomeOfError(requestErrors.givenUp("b")), "GivenUp")
    assert.strictEqual(outcomeOfError(requestErrors.clientClosed("b")), "ClientClosed")
    assert.strictEqual(outcomeOfError(requestErrors.malformed("b", new Error("x"))), "malformed")
  })
})
