import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Rank } from "../../src/link/Link.ts"
import type { Sink } from "../../src/peering/PeerConnection.ts"
import { PeerConnections } from "../../src/peering/PeerConnections.ts"
import { inboxName } from "../../src/protocol/constants.ts"
import type { Identity } from "../../src/Transport.ts"
import { fakeLink, record } from "./fakeLink.ts"

/** Creates the connections with one peer, and a log of the deliveries and sessions. */
const make = () => {
  const log: Array<string> = []
  const sink: Sink = {
    offer: (link, _, { payload }) => log.push(`${payload.length} in ${link.session().session}`),
  }
  const connections = new PeerConnections({
    onEnd: () => true,
    onSessionStart: (_, { session }) => log.push(`start of ${session}`),
    onSessionEnd: (_, { session }) => log.push(`end of ${session}`),
    remembered: 10,
  })
  /** Brings up a connection; `closed` is the code with which this side closed it. */
  const open = (generation: number, rank: Rank, identity?: Identity) => {
    const connection = connections.commit(record(generation), rank)
    let code: string | undefined
    const link = fakeLink({
      peer: record(generation),
      rank,
      identity,
      session: () => connection.session,
      close: (why) => {
        code = why
      },
      isOpen: () => code === undefined,
    })
    const closeCode = connections.comeUp(connection, link)
    connections.install(connection, link)
    connections.begin(connection)
    return {
      /** Code with which the link must be closed as soon as it is up. */
      closeCode,
      closed: () => code,
      isUsed: () => connections.current("peer") === link,
      /** Delivers a message of this size on the connection. */
      brings: (bytes: number) => {
        const payload = new Uint8Array(bytes)
        connections.deliver(connection, sink, lane, {
          payload,
          cost: 0,
          confirm: undefined,
          trace: undefined,
          isOwned: true,
        })
      },
      /** Ends the connection; `moved` if the peer sent Bye `duplicate`. */
      end: (moved = false) => {
        code ??= "ended"
        connections.uninstall(connection, moved)
        connections.retire(connection, moved)
      },
    }
  }
  const connect = (generation: number, epoch: number, instance = 0, identity?: Identity) =>
    open(generation, rankOf(instance, epoch), identity)
  return { connect, connections, log, open }
}

/** Returns the rank of a connection with a process of a lower name. `own` is the instance of this node. */
const rankOf = (instance: number, epoch: number, own = 0): Rank => ({
  instance,
  instances: [instance, own],
  epoch,
  byLower: false,
})

const lane = { name: inboxName, isOpen: true, acknowledge: () => undefined }

describe("of the connections with a peer", () => {
  it("the later one is used, and the earlier one closed", () => {
    const { connect } = make()
    const first = connect(1, 5)
    const second = connect(1, 6)
    assert.strictEqual(first.closed(), "duplicate")
    assert.isTrue(second.isUsed())
  })

  it("none is used that is earlier than a connection that was up, even if that connection has ended", () => {
    const { connect } = make()
    connect(1, 6).end()
    const late = connect(1, 5)
    assert.strictEqual(late.closed(), "duplicate")
    assert.isFalse(late.isUsed())
    assert.isTrue(connect(1, 7).isUsed())
  })

  it("a connection of an older life is refused, and does not change the newest known rank", () => {
    const { connect } = make()
    const newer = connect(2, 6)
    assert.strictEqual(connect(1, 9).closed(), "replaced")
    newer.end()
    assert.strictEqual(connect(2, 5).closed(), "duplicate")
  })

  it("the first of a newer life is used, whatever its rank", () => {
    const { connect } = make()
    const older = connect(1, 9)
    assert.isTrue(connect(2, 1).isUsed())
    assert.strictEqual(older.closed(), "replaced")
  })
})

const secret: Identity = { _tag: "Secret", key: "k" }

const certificate: Identity = { _tag: "Certificate", names: ["b"], fingerprint: "00", validTo: 0 }

describe("of the connections with a peer that proves its identity", () => {
  it("one without a proof is not used while one with a proof is up, whatever the rank and the process", () => {
    const { connect } = make()
    const proved = connect(1, 5, 3, secret)
    assert.strictEqual(connect(1, 9, 3).closed(), "duplicate")
    assert.strictEqual(connect(1, 9, 4).closed(), "replaced")
    assert.strictEqual(connect(2, 9, 3).closed(), "replaced")
    assert.isTrue(proved.isUsed())
    proved.end()
    assert.isTrue(connect(1, 10, 3).isUsed())
  })

  it("the later one is used if it proves as much or more", () => {
    const { connect } = make()
    const plain = connect(1, 5)
    const first = connect(1, 6, 0, secret)
    assert.strictEqual(plain.closed(), "duplicate")
    const second = connect(1, 7, 0, certificate)
    assert.strictEqual(first.closed(), "duplicate")
    assert.isTrue(connect(1, 8, 0, secret).isUsed())
    assert.strictEqual(second.closed(), "duplicate")
  })
})

describe("of two processes of one life of a peer", () => {
  it("the one with the greater instance is used, whatever the ranks, and the other gets replaced", () => {
    const { connect } = make()
    const lower = connect(1, 9, 3)
    const greater = connect(1, 1, 4)
    assert.strictEqual(lower.closed(), "replaced")
    assert.isTrue(greater.isUsed())
    assert.strictEqual(connect(1, 10, 3).closed(), "replaced")
    assert.isTrue(greater.isUsed())
  })

  it("the one with the lower instance is used once the link of the other has ended", () => {
    const { connect } = make()
    connect(1, 9, 4).end()
    assert.isTrue(connect(1, 1, 3).isUsed())
  })

  // They may be one process that has taken a greater instance, whose messages must stay in order.
  it("the one with the greater instance continues the session of the other once that is completely read", () => {
    const { connect, log } = make()
    const lower = connect(1, 9, 3)
    const greater = connect(1, 1, 4)
    greater.brings(2)
    lower.brings(1)
    lower.end(true)
    assert.deepStrictEqual(log, ["start of 1", "1 in 1", "2 in 1"])
    greater.end()
    assert.deepStrictEqual(log, ["start of 1", "1 in 1", "2 in 1", "end of 1"])
  })

  it("the one with the greater instance starts a session after the end of the other's, if that was not complete", () => {
    const { connect, log } = make()
    const lower = connect(1, 9, 3)
    const greater = connect(1, 1, 4)
    greater.brings(2)
    lower.brings(1)
    lower.end()
    assert.deepStrictEqual(log, ["start of 1", "1 in 1", "end of 1", "start of 2", "2 in 2"])
  })

  it("the one with the lower instance is not used before the other is completely read", () => {
    const { connect, log } = make()
    const first = connect(1, 1, 4)
    const second = connect(1, 2, 4)
    second.brings(2)
    second.end()
    const lower = connect(1, 9, 3)
    assert.strictEqual(lower.closed(), "replaced")
    assert.isFalse(lower.isUsed())
    first.brings(1)
    lower.end()
    first.end(true)
    assert.isTrue(connect(1, 10, 3).isUsed())
    assert.deepStrictEqual(log, ["start of 1", "end of 1", "start of 2", "1 in 2", "2 in 2", "end of 2", "start of 3"])
  })

  it("the one with the lower instance is used while the other has not been up", () => {
    const { connect, connections } = make()
    connections.commit(record(1), rankOf(4, 1))
    const lower = connect(1, 9, 3)
    assert.isUndefined(lower.closed())
    assert.isTrue(lower.isUsed())
  })

  it("the one with the greater instance is the successor of a link that the peer closed for it", () => {
    const { connections } = make()
    const [lower, greater] = [3, 4].map((instance) => connections.commit(record(1), rankOf(instance, 1)))
    assert.isDefined(lower)
    assert.isDefined(greater)
    assert.isFalse(connections.uninstall(lower, true))
    connections.retire(lower, true)
    assert.isTrue(connections.uninstall(greater, true))
  })
})

/** Instances that the two sides of a connection showed, and its epoch. */
interface Shown {
  readonly lower: number
  readonly higher: number
  readonly epoch: number
}

const small = Arbitrary.schema(Schema.Literals([0, 1, 2]))

const shown: Arbitrary.Arbitrary<Shown> = Arbitrary.map(
  Arbitrary.all([small, small, small]),
  ([lower, higher, epoch]) => ({ lower, higher, epoch }),
)

describe("of two connections of one pair, between whose handshakes a side takes a greater instance", () => {
  it.prop(
    "both sides use the same, in whichever order the connections come up",
    [shown, shown, Arbitrary.schema(Schema.Boolean), Arbitrary.schema(Schema.Boolean)],
    ([one, other, isReversedHere, isReversedThere]) => {
      const both = [
        { ...one, byLower: false },
        { ...other, byLower: true },
      ]
      /** Returns the index of the connection that the side with the lower or the higher name uses. */
      const usedBy = (side: "lower" | "higher", isReversed: boolean): number => {
        const { open } = make()
        const peer = side === "lower" ? "higher" : "lower"
        const indices = isReversed ? [1, 0] : [0, 1]
        const opened = indices.map((index) => {
          const { byLower, epoch, higher, lower } = both[index] ?? assert.fail("there are two connections")
          const rank = {
            instance: peer === "lower" ? lower : higher,
            instances: [lower, higher],
            epoch,
            byLower,
          } as const
          return { connection: open(1, rank), index }
        })
        return opened.find(({ connection }) => connection.isUsed())?.index ?? assert.fail("no connection is used")
      }
      assert.strictEqual(usedBy("lower", isReversedHere), usedBy("higher", isReversedThere))
    },
    { arbitrary: { runs: 500 } },
  )

  it("the messages of the connection with this node's lower instance are read first, whatever the epochs", () => {
    const { log, open } = make()
    const before = open(1, rankOf(0, 9, 3))
    const after = open(1, rankOf(0, 1, 4))
    assert.strictEqual(before.closed(), "duplicate")
    assert.isTrue(after.isUsed())
    after.brings(2)
    before.brings(1)
    before.end(true)
    assert.deepStrictEqual(log, ["start of 1", "1 in 1", "2 in 1"])
  })

  it("the one with this node's lower instance is not used after the other was up", () => {
    const { open } = make()
    open(1, rankOf(0, 1, 4)).end()
    const late = open(1, rankOf(0, 9, 3))
    assert.strictEqual(late.closed(), "duplicate")
    assert.isTrue(open(1, rankOf(0, 2, 4)).isUsed())
  })
})

describe("when this node stops", () => {
  it("all links are closed, and so is each link that comes up later", () => {
    const { connect, connections } = make()
    const before = connect(1, 5)
    assert.isUndefined(before.closeCode)
    assert.strictEqual(connections.closeAll("left").length, 1)
    assert.strictEqual(before.closed(), "left")
    assert.strictEqual(connect(1, 6).closeCode, "left")
  })
})

describe("the session of a link", () => {
  it("continues when another link takes over and the peer has completed the first", () => {
    const { connect, log } = make()
    const first = connect(1, 5)
    const second = connect(1, 6)
    second.brings(2)
    first.brings(1)
    first.end(true)
    assert.deepStrictEqual(log, ["start of 1", "1 in 1", "2 in 1"])
    second.end()
    assert.deepStrictEqual(log, ["start of 1", "1 in 1", "2 in 1", "end of 1"])
  })

  it("ends when the link breaks, and messages of another link belong to the next session", () => {
    const { connect, log } = make()
    const first = connect(1, 5)
    const second = connect(1, 6)
    second.brings(2)
    first.brings(1)
    first.end()
    assert.deepStrictEqual(log, ["start of 1", "1 in 1", "end of 1", "start of 2", "2 in 2"])
  })

  it("ends when the link ends and there is no other link, or only one of another life", () => {
    const { connect, log } = make()
    const first = connect(1, 5)
    const newer = connect(2, 6)
    newer.brings(2)
    first.end(true)
    assert.deepStrictEqual(log, ["start of 1", "start of 2", "2 in 2", "end of 1"])
  })

  it("is reported if a send may have been accepted in it without any read message, and not if its link never came up", () => {
    const { connections, log } = make()
    const commit = (epoch: number) => connections.commit(record(1), rankOf(0, epoch))
    connections.retire(commit(1), false)
    assert.deepStrictEqual(log, [])
    const connection = commit(2)
    const link = fakeLink({ peer: record(1), session: () => connection.session })
    connections.comeUp(connection, link)
    connections.install(connection, link)
    connections.retire(connection, false)
    assert.deepStrictEqual(log, ["start of 2", "end of 2"])
  })
})
