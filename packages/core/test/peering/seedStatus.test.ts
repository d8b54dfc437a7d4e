import { assert, describe, it } from "@effect/vitest"
import * as Member from "../../src/membership/Member.ts"
import type * as State from "../../src/membership/State.ts"
import { seedStatus } from "../../src/peering/seedStatus.ts"
import { addressOf, recordOf } from "../membership/support.ts"

const seed = addressOf("seed")

/** Returns the members of a node: the peer b, with these changes. */
const members = (
  reach: Member.Reach["_tag"],
  changes: Partial<Pick<Member.ActiveMember, "address" | "disconnected">> = {},
  advertised = addressOf("b"),
): Pick<State.State, "members"> => {
  const record = recordOf("b")
  const body = { ...record.body, addresses: [advertised] }
  return { members: new Map([["b", { ...Member.make({ ...record, body }, reach), ...changes }]]) }
}

describe("the status of a seed or discovered address", () => {
  it("is open if no member is known there", () => {
    assert.strictEqual(seedStatus({ members: new Map() }, seed, undefined), "open")
    assert.strictEqual(seedStatus(members("Linked"), seed, undefined), "open")
  })

  it("is settled if the peer that advertises it has a link, and open if it has none", () => {
    assert.strictEqual(seedStatus(members("Linked", {}, seed), seed, undefined), "settled")
    assert.strictEqual(seedStatus(members("Indirect", {}, seed), seed, undefined), "open")
    assert.strictEqual(seedStatus(members("Down", {}, seed), seed, undefined), "open")
  })

  it("is strangersOnly if a peer with a link answered there that does not advertise it", () => {
    assert.strictEqual(seedStatus(members("Linked"), seed, "b"), "strangersOnly")
    assert.strictEqual(seedStatus(members("Linked", { address: seed }), seed, undefined), "strangersOnly")
    assert.strictEqual(seedStatus(members("Down"), seed, "b"), "open")
  })

  it("is settled if the peer there must not be dialed", () => {
    assert.strictEqual(seedStatus(members("Down", { disconnected: true }), seed, "b"), "settled")
    assert.strictEqual(seedStatus(members("Down", { disconnected: true }, seed), seed, undefined), "settled")
  })
})
