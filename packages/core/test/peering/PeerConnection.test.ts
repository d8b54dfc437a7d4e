import { assert, describe, it } from "@effect/vitest"
import type { Rank } from "../../src/link/Link.ts"
import { PeerConnection, type Sink } from "../../src/peering/PeerConnection.ts"
import { inboxName } from "../../src/protocol/constants.ts"
import { fakeLink, record } from "./fakeLink.ts"

const lane = { name: inboxName, isOpen: true, acknowledge: () => undefined }

/** Creates connections with one life of a peer that share a table, by their epochs. */
const make = (...epochs: ReadonlyArray<number>) => {
  const siblings = new Set<PeerConnection>()
  const delivered: Array<number> = []
  const closed: Array<string> = []
  const sink: Sink = { offer: (_, __, { payload }) => delivered.push(payload.length) }
  const connections = epochs.map((epoch) => {
    const rank: Rank = { instance: 0, instances: [0, 0], epoch, byLower: false }
    const connection = new PeerConnection(record(1), rank, { session: 1 }, siblings)
    siblings.add(connection)
    const link = fakeLink({
      peer: record(1),
      rank,
      session: () => connection.session,
      close: (code) => void closed.push(code),
    })
    return {
      connection,
      link,
      brings: (bytes: number) =>
        connection.deliver(sink, lane, {
          payload: new Uint8Array(bytes),
          cost: 0,
          confirm: undefined,
          trace: undefined,
          isOwned: true,
        }),
    }
  })
  const [first = assert.fail("expected a connection"), ...others] = connections
  return { first, others, delivered, closed, siblings }
}

describe("the phase of a connection", () => {
  it("is Committed, then Up with its link, then Retired", () => {
    const { connection, link } = make(1).first
    assert.strictEqual(connection.phase._tag, "Committed")
    assert.isTrue(connection.isPending)
    assert.isUndefined(connection.link)
    connection.comeUp(link)
    assert.deepStrictEqual(connection.phase, { _tag: "Up", link })
    assert.isFalse(connection.isPending)
    assert.isFalse(connection.isFinished)
    connection.finish(true)
    assert.deepStrictEqual(connection.phase, { _tag: "Retired", link, isComplete: true })
    assert.isTrue(connection.isFinished)
    assert.strictEqual(connection.link, link)
  })

  it("is Abandoned if the connection ends before it has a link, with or without a Bye", () => {
    const { connection } = make(1).first
    connection.finish(true)
    assert.deepStrictEqual(connection.phase, { _tag: "Abandoned" })
    assert.isTrue(connection.isFinished)
    assert.isUndefined(connection.link)
  })
})

describe("closing a connection", () => {
  it("takes effect as soon as the connection comes up, if it is not up yet", () => {
    const { closed, first } = make(1)
    first.connection.close("parted")
    assert.deepStrictEqual(closed, [])
    assert.strictEqual(first.connection.comeUp(first.link), "parted")
  })

  it("closes the link, if there is one", () => {
    const { closed, first } = make(1)
    assert.isUndefined(first.connection.comeUp(first.link))
    first.connection.close("parted")
    assert.deepStrictEqual(closed, ["parted"])
  })
})

describe("a message", () => {
  it("is delivered at once on the only connection", () => {
    const { delivered, first } = make(1)
    first.connection.comeUp(first.link)
    first.brings(5)
    assert.deepStrictEqual(delivered, [5])
  })

  it("is held while a connection of a lower rank is in the table, and later messages are held behind it", () => {
    const { delivered, first, others, siblings } = make(1, 2)
    const [second = assert.fail("expected two connections")] = others
    second.connection.comeUp(second.link)
    second.brings(5)
    siblings.delete(first.connection)
    second.brings(6)
    assert.deepStrictEqual(delivered, [])
    second.connection.deliverHeld()
    second.brings(7)
    assert.deepStrictEqual(delivered, [5, 6, 7])
  })

  it("is not held for a connection of a higher rank", () => {
    const { delivered, first } = make(1, 2)
    first.connection.comeUp(first.link)
    first.brings(5)
    assert.deepStrictEqual(delivered, [5])
  })
})
