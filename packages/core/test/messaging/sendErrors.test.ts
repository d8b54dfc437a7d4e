import { assert, describe, it } from "@effect/vitest"
import * as Member from "../../src/membership/Member.ts"
import { noLink, notReading, notTaken, refused, slow, stopped, tooLarge } from "../../src/messaging/sendErrors.ts"
import { recordOf } from "../membership/support.ts"
import { initial } from "../peering/support.ts"

describe("the error of a peer without a link", () => {
  it("is notConnected for a member, and unknownPeer for a name that this node does not know", () => {
    const state = { ...initial, members: new Map([["b", Member.make(recordOf("b"), "Down")]]) }
    assert.strictEqual(noLink(state, "b").reason, "notConnected")
    assert.deepInclude(noLink(state, "c"), { reason: "unknownPeer", peer: "c", message: 'there is no peer "c"' })
  })

  it("is unknownPeer for this node itself", () => {
    assert.deepInclude(noLink(initial, "a"), { reason: "unknownPeer", message: "a node cannot send to itself" })
  })

  it("is left for a peer that left, and unknownPeer for one that failed", () => {
    for (const [status, reason] of [
      ["left", "left"],
      ["failed", "unknownPeer"],
    ] as const) {
      const state = { ...initial, tombstones: new Map([["b", { ...recordOf("b"), status, expiresAt: 1, met: 0 }]]) }
      assert.strictEqual(noLink(state, "b").reason, reason)
    }
  })
})

describe("the error of a message", () => {
  it("names the limit that the message exceeds", () => {
    const error = tooLarge("b", 9, { messageBytes: 8 })
    assert.strictEqual(error.reason, "tooLarge")
    assert.strictEqual(error.message, "a message of 9 bytes; the limit is 8 (limits.messageBytes)")
  })

  it("is linkLost if the link ended before the message was taken, and notReading if the lane was closed", () => {
    assert.deepInclude(refused("closed", "b", "orders", "accepted"), {
      reason: "linkLost",
      message: 'the link to "b" ended before the message was accepted',
    })
    const lane = refused("unread", "b", "orders", "known to be taken")
    assert.deepInclude(lane, {
      reason: "notReading",
      message: '"b" stopped to read "orders" before the message was known to be taken',
    })
  })

  it("has a reason of its own for each way in which a peer does not take it", () => {
    assert.deepInclude(notTaken("b", "2 seconds"), {
      reason: "timeout",
      message: '"b" did not take the message within 2s',
    })
    assert.deepInclude(slow("b", 50), { reason: "slow", message: '"b" gave no credit within 50 ms' })
    assert.deepInclude(notReading("b", "orders"), { reason: "notReading", message: '"b" does not read "orders"' })
    assert.deepInclude(stopped("b"), { reason: "stopped", peer: "b" })
  })
})
