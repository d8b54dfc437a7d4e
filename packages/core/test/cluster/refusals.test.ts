import { assert, describe, it } from "@effect/vitest"
import { refusalReason, seedUnavailable } from "../../src/cluster/refusals.ts"
import { HandshakeFailed, HandshakeRejected, isTransientCode } from "../../src/link/Handshake.ts"
import { rejectCodes } from "../../src/protocol/Frame.ts"
import { TransportError } from "../../src/Transport.ts"
import { addressOf } from "../membership/support.ts"

const rejected = (code: HandshakeRejected["code"], by: HandshakeRejected["by"] = "them") =>
  new HandshakeRejected({ code, message: "why", by })

const failed = (reason: HandshakeFailed["reason"]) => new HandshakeFailed({ reason, message: "why" })

describe("the reason of a refused join", () => {
  it("distinguishes the codes that a retry would not change", () => {
    const tags = rejectCodes.filter((code) => !isTransientCode(code)).map((code) => refusalReason(rejected(code))._tag)
    assert.deepStrictEqual(tags, ["OtherCluster", "VersionMismatch", "OwnAddress", "Denied", "DuplicateName"])
  })

  it("names the side that refused, and quotes its reason", () => {
    assert.deepInclude(refusalReason(rejected("denied")), { refusedBy: "peer", text: "why" })
    assert.deepInclude(refusalReason(rejected("denied", "us")), { refusedBy: "thisNode", text: "why" })
  })
})

describe("the event of an address that is unavailable", () => {
  it("has a reason for every refusal, and quotes the peer", () => {
    const events = rejectCodes.map((code) => seedUnavailable(addressOf("b"), rejected(code)))
    assert.deepStrictEqual(
      events.map(({ reason }) => reason),
      ["otherCluster", "version", "busy", "self", "denied", "duplicate", "stale"],
    )
    for (const { message } of events) assert.strictEqual(message, "the peer refused this node: why")
    assert.strictEqual(
      seedUnavailable(addressOf("b"), rejected("denied", "us")).message,
      "this node refused the peer: why",
    )
  })

  it("has a reason for every other end of an attempt", () => {
    for (const [error, reason] of [
      [new TransportError({ reason: "unreachable", message: "why" }), "unreachable"],
      [new TransportError({ reason: "refused", message: "why" }), "refused"],
      [new TransportError({ reason: "unauthenticated", message: "why" }), "unauthenticated"],
      [new TransportError({ reason: "forbidden", message: "why" }), "forbidden"],
      [new TransportError({ reason: "closed", message: "why" }), "lost"],
      [failed("timeout"), "timeout"],
      [failed("lost"), "lost"],
      [failed("violation"), "protocol"],
      [failed("wrongPeer"), "otherPeer"],
      [failed("disconnected"), "disconnected"],
    ] as const) {
      assert.deepInclude(seedUnavailable(addressOf("b"), error), {
        _tag: "SeedUnavailable",
        address: addressOf("b"),
        reason,
        message: "why",
      })
    }
  })
})
