import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { connectionClosed, transportError } from "../../src/network/transportError.ts"
import { connectionBetween, makeHosts } from "./parts.ts"

describe("the errors of the transport", () => {
  it("are errors of a real transport, with a reason and a message", () => {
    const error = transportError("refused", "nobody listens")
    assert.instanceOf(error, Transport.TransportError)
    assert.deepStrictEqual([error.reason, error.message], ["refused", "nobody listens"])
  })

  it("name the peer of a closed connection", () => {
    const { acceptor, dialer } = connectionBetween(makeHosts().hosts, "a", "b")
    const errors = [dialer, acceptor].map(connectionClosed)
    assert.deepStrictEqual(
      errors.map(({ message, reason }) => [reason, message]),
      [
        ["closed", "the connection to b is closed"],
        ["closed", "the connection to a is closed"],
      ],
    )
  })
})
