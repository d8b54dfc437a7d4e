import { assert, describe, it } from "@effect/vitest"
import * as Member from "../../src/membership/Member.ts"
import * as sendErrors from "../../src/messaging/sendErrors.ts"
import { inboxName } from "../../src/protocol/constants.ts"
import { recordOf } from "../membership/support.ts"
import { initial } from "../peering/support.ts"

const to = (peer: string) => ({ peer, lane: "orders" })

describe("the error of a peer without a link", () => {
  it("is NotConnected for a member, and UnknownPeer for a name that this node does not know", () => {
    const state = { ...initial, members: new Map([["b", Member.make(recordOf("b"), "Down")]]) }
    assert.strictEqual(sendErrors.noLink(state, to("b")).reason._tag, "NotConnected")
    assert.strictEqual(sendErrors.noLink(state, to("c")).reason._tag, "UnknownPeer")
    assert.strictEqual(
      sendErrors.noLink(state, to("c")).message,
      'cannot send to "c" on "orders": this node does not know a peer with that name',
    )
  })

  it("is UnknownPeer for this node itself", () => {
    assert.strictEqual(sendErrors.noLink(initial, to("a")).reason._tag, "UnknownPeer")
  })

  it("is PeerLeft for a peer that left, and UnknownPeer for a peer that failed", () => {
    for (const [status, reason] of [
      ["left", "PeerLeft"],
      ["failed", "UnknownPeer"],
    ] as const) {
      const state = {
        ...initial,
        tombstones: new Map([["b", { ...recordOf("b"), status, expiresAt: 1, met: 0, leftAt: undefined }]]),
      }
      assert.strictEqual(sendErrors.noLink(state, to("b")).reason._tag, reason)
    }
  })
})

describe("the error of a message", () => {
  it("names the peer, and the lane unless it is the inbox", () => {
    const { lane, message, peer } = sendErrors.stopped({ peer: "b", lane: inboxName })
    assert.deepStrictEqual([peer, lane], ["b", undefined])
    assert.strictEqual(message, 'cannot send to "b": this node has left the cluster or has stopped')
    assert.strictEqual(sendErrors.stopped({ peer: sendErrors.everyone, lane: "orders" }).lane, "orders")
  })

  it("is LinkLost or NotReading if a lane refused the message, and reports whether the lane had accepted it before", () => {
    for (const isAccepted of [true, false]) {
      const closed = sendErrors.refused(to("b"), "closed", isAccepted)
      const unread = sendErrors.refused(to("b"), "unread", isAccepted)
      assert.deepStrictEqual([closed.reason._tag, closed.maybeDelivered], ["LinkLost", isAccepted])
      assert.deepStrictEqual([unread.reason._tag, unread.maybeDelivered], ["NotReading", isAccepted])
    }
    assert.isFalse(sendErrors.notReading(to("b")).maybeDelivered)
  })

  it("names the option with the bound that the message or the peer exceeded", () => {
    for (const [error, text] of [
      [
        sendErrors.tooLarge(to("b"), 9, { messageBytes: 8 }),
        "the message has 9 bytes; the limit is 8 (limits.messageBytes)",
      ],
      [
        sendErrors.notConfirmed(to("b"), "2 seconds", true),
        `the peer's reader did not take the message within 2s (option "timeout" or limits.confirmTimeout); it may still take it`,
      ],
      [
        sendErrors.notConfirmed(to("b"), "2 seconds", false),
        `the peer's reader did not take the message within 2s (option "timeout" or limits.confirmTimeout); the message was withdrawn`,
      ],
      [sendErrors.slow(to("b"), 50), "the message waited for credit for 50ms in vain (limits.slowPeerTimeout)"],
      [
        sendErrors.stillSlow(to("b")),
        "the message did not wait, because earlier messages waited in vain for this peer, or for peers that have given " +
          "no credit yet (limits.slowPeerTimeout)",
      ],
    ] as const) {
      assert.strictEqual(error.message, `cannot send to "b" on "orders": ${text}`)
    }
  })
})
