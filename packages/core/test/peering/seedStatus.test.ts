import { assert, describe, it } from "@effect/vitest"
import * as Draft from "../../src/membership/Draft.ts"
import type * as State from "../../src/membership/State.ts"
import { seedStatus } from "../../src/peering/seedStatus.ts"
import { addressOf, recordOf } from "../membership/support.ts"

const seed = addressOf("seed")

/** The members of a node: the peer b, with these changes. */
const members = (
  link: State.Member["link"],
  changes: Partial<State.Member> = {},
  advertised = addressOf("b"),
): Pick<State.State, "members"> => {
  const record = recordOf("b")
  const body = { ...record.body, addresses: [advertised] }
  return { members: new Map([["b", { ...Draft.makeMember({ ...record, body }, link, undefined), ...changes }]]) }
}

describe("the status of an address where peers may be found", () => {
  it("is open if no member is known there", () => {
    assert.strictEqual(seedStatus({ members: new Map() }, seed, undefined), "open")
    assert.strictEqual(seedStatus(members("up"), seed, undefined), "open")
  })

  it("is settled if the peer that advertises it has a link, and open if it has none", () => {
    assert.strictEqual(seedStatus(members("up", {}, seed), seed, undefined), "settled")
    assert.strictEqual(seedStatus(members("indirect", {}, seed), seed, undefined), "open")
    assert.strictEqual(seedStatus(members("down", {}, seed), seed, undefined), "open")
  })

  it("is strangersOnly if a peer with a link answered there that does not advertise it", () => {
    assert.strictEqual(seedStatus(members("up"), seed, "b"), "strangersOnly")
    assert.strictEqual(seedStatus(members("up", { address: seed }), seed, undefined), "strangersOnly")
    assert.strictEqual(seedStatus(members("down"), seed, "b"), "open")
  })

  it("is settled if the peer there must not be dialed", () => {
    assert.strictEqual(seedStatus(members("down", { disconnected: true }), seed, "b"), "settled")
    assert.strictEqual(seedStatus(members("down", { disconnected: true }, seed), seed, undefined), "settled")
  })
})
