import { assert, describe, it } from "@effect/vitest"
import { HandshakeFailed } from "../../src/link/Handshake.ts"
import { JoinAttempts } from "../../src/peering/JoinAttempts.ts"
import { addressOf } from "../membership/support.ts"

const [one, two] = [addressOf("one"), addressOf("two")]

const timeout = new HandshakeFailed({ reason: "timeout", message: "no answer in time" })
const lost = new HandshakeFailed({ reason: "lost", message: "the connection ended" })

describe("the joins in progress", () => {
  it("are listed by address, with the last failed dial and the number of failures", () => {
    const joins = new JoinAttempts()
    joins.start(one)
    joins.start(two)
    joins.failed(one, timeout, 10)
    joins.failed(one, lost, 20)
    assert.deepStrictEqual(
      [...joins.list()],
      [
        { address: one, failure: { error: lost, at: 20, failures: 2 } },
        { address: two, failure: undefined },
      ],
    )
  })

  it("of one address are listed once, until the last of them has ended", () => {
    const joins = new JoinAttempts()
    joins.start(one)
    joins.start(one)
    joins.failed(one, timeout, 10)
    joins.end(one)
    assert.deepStrictEqual([...joins.list()], [{ address: one, failure: { error: timeout, at: 10, failures: 1 } }])
    joins.end(one)
    assert.deepStrictEqual([...joins.list()], [])
    joins.failed(one, timeout, 20)
    assert.deepStrictEqual([...joins.list()], [])
  })
})
