import * as Address from "@coterie/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Settings from "../../src/membership/Settings.ts"
import type { Input } from "../../src/membership/Membership.ts"
import { step } from "../../src/membership/Membership.ts"
import * as State from "../../src/membership/State.ts"
import { judgeClock, judgeHello, judgeLife, judgePeer } from "../../src/peering/HandshakeRules.ts"
import type { Hello } from "../../src/protocol/Frame.ts"
import { memberHash } from "../../src/protocol/PeerRecord.ts"
import type { Identity } from "../../src/Transport.ts"
import { record } from "./fakeLink.ts"

const self = record(5, "self")

/** Returns the state of a node after these inputs. */
const after = (...inputs: ReadonlyArray<Input>): State.State => {
  const initial = State.make({ settings: Settings.defaults, self, now: 0, wall: 0, seed: 1, instance: 5 })
  return inputs.reduce((state, input) => step(state, 0, input)[0], initial)
}

const hello = (options: Partial<Hello> = {}): Hello => ({
  _tag: "Hello",
  versionMin: 1,
  versionMax: 1,
  label: "test",
  record: record(7),
  instance: 5,
  linkEpoch: 3,
  dialedAddress: Result.getOrThrow(Address.parse("host:24868")),
  viewHash: 0n,
  window: 8_192,
  linkTimeout: 3_000,
  ...options,
})

const linkUp: Input = {
  _tag: "LinkUp",
  record: record(7),
  address: undefined,
  viewHash: 0n,
  youAre: undefined,
}

const refusalOf = (state: State.State, options: Partial<Hello> = {}, hasRoom = true) =>
  judgeHello(state, hello(options), {
    label: "test",
    dialing: new Set([3]),
    hasRoom: () => hasRoom,
    linkTo: () => undefined,
    isWeaker: () => false,
    wall: () => 0,
  })

describe("a Hello", () => {
  it("of an unknown peer with the same label and a common version is acceptable", () => {
    assert.isUndefined(refusalOf(after()))
    assert.isUndefined(refusalOf(after(), { versionMax: 9 }))
  })

  it("of another cluster or version is refused, the label first", () => {
    assert.strictEqual(refusalOf(after(), { label: "other", versionMin: 2 })?.code, "label")
    assert.strictEqual(refusalOf(after(), { versionMin: 2, versionMax: 2 })?.code, "version")
  })

  it("is refused as busy while this node leaves", () => {
    assert.deepInclude(refusalOf(after({ _tag: "Leave" })), { code: "busy", retryAfter: 1_000 })
  })

  it("with this node's own name is this node itself, a duplicate, or an older life, which is answered", () => {
    assert.strictEqual(refusalOf(after(), { record: self })?.code, "self")
    assert.strictEqual(refusalOf(after(), { record: self, linkEpoch: 4 })?.code, "duplicate")
    assert.strictEqual(refusalOf(after(), { record: self, instance: 6 })?.code, "duplicate")
    assert.isUndefined(refusalOf(after(), { record: self, instance: 4 }))
    assert.strictEqual(refusalOf(after(), { record: record(6, "self") })?.code, "duplicate")
    assert.isUndefined(refusalOf(after(), { record: record(4, "self") }))
  })

  it("of an unknown peer has no room where a member still has", () => {
    assert.strictEqual(refusalOf(after(), {}, false)?.code, "busy")
    assert.isUndefined(refusalOf(after(linkUp), {}, false))
  })
})

describe("a connection that proves less than the link of its name", () => {
  it("is refused for a time on both sides", () => {
    const peer = { record: record(9), instance: 9, viewHash: 0n, linkTimeout: 3_000 }
    const secret = { _tag: "Secret", key: "k" } as const
    const judge = (identity: Identity | undefined) => {
      const isWeaker = (name: string, given: Identity | undefined) => name === "peer" && given === undefined
      return judgePeer(after(), peer, { linkTo: () => undefined, isWeaker, wall: () => 0 }, identity)
    }
    assert.deepInclude(judge(undefined), { code: "busy", retryAfter: 1_000 })
    assert.isUndefined(judge(secret))
  })
})

describe("a generation", () => {
  const day = 24 * 3_600_000

  it("more than a day ahead of the clock is refused, so that no generation can be the last of its name", () => {
    const introduction = (generation: number) => ({ record: record(generation), instance: 0, viewHash: 0n })
    assert.strictEqual(judgeClock(introduction(1_000 + day + 1), 1_000)?.code, "denied")
    assert.isUndefined(judgeClock(introduction(1_000 + day), 1_000))
    assert.strictEqual(refusalOf(after(), { record: record(Number.MAX_SAFE_INTEGER) })?.code, "denied")
  })
})

describe("a link timeout of a peer", () => {
  it("below the minimum is denied on both sides, because it would require unlimited heartbeats", () => {
    const peer = { record: record(7), instance: 5, viewHash: 0n }
    const judge = (linkTimeout: number) =>
      judgePeer(after(), { ...peer, linkTimeout }, { linkTo: () => undefined, isWeaker: () => false, wall: () => 0 })
        ?.code
    assert.deepStrictEqual([0, 99, 100, 0xffff_ffff].map(judge), ["denied", "denied", undefined, undefined])
    assert.strictEqual(refusalOf(after(), { linkTimeout: 99 })?.code, "denied")
    assert.isUndefined(refusalOf(after(), { linkTimeout: 100 }))
  })
})

describe("a life of a peer", () => {
  const judge = (state: State.State, generation: number, viewHash: bigint) =>
    judgeLife(state, { record: record(generation), instance: 5, viewHash }, undefined)

  /** Returns the view hash of a life of the peer that has met no other peer. */
  const alone = (generation: number) => memberHash(record(generation))

  it("is refused if a newer life is a member, with the generation that would be accepted", () => {
    assert.deepInclude(judge(after(linkUp), 6, 0n), { code: "stale", atLeastGeneration: 8 })
    assert.isUndefined(judge(after(linkUp), 7, 0n))
    assert.isUndefined(judge(after(linkUp), 8, 0n))
  })

  it("is refused for a newer life that was a member only if it has met no peer, and can begin a newer life", () => {
    const from = { name: "peer", generation: 7 }
    const frame = { _tag: "Leave", generation: 7 } as const
    const state = after(linkUp, { _tag: "Received", from, frame, heardAgo: undefined })
    assert.deepInclude(judge(state, 6, alone(6)), { code: "stale", atLeastGeneration: 8 })
    assert.isUndefined(judge(state, 6, 0n))
  })

  it("is refused while there is a link to another process of the life with a greater instance", () => {
    const linkTo = (instance: number) => ({
      peer: record(7),
      rank: { instance, instances: [instance, 0], epoch: 0, byLower: false } as const,
    })
    const peer = { record: record(7), instance: 5, viewHash: 0n }
    assert.deepInclude(judgeLife(after(linkUp), peer, linkTo(6)), { code: "duplicate", atLeastGeneration: 8 })
    assert.isUndefined(judgeLife(after(linkUp), peer, linkTo(5)))
    assert.isUndefined(judgeLife(after(linkUp), peer, linkTo(4)))
    assert.isUndefined(judgeLife(after(linkUp), { ...peer, record: record(8) }, linkTo(6)))
  })

  it("is not refused because others report that a newer life exists or existed", () => {
    const other = { ...record(1), name: "other" }
    const met: Input = { _tag: "LinkUp", record: other, address: undefined, viewHash: 0n, youAre: undefined }
    for (const status of ["alive", "failed", "left"] as const) {
      const records = [{ ...record(8), status }]
      const state = after(met, { _tag: "Received", from: other, frame: { _tag: "Update", records } })
      assert.isUndefined(judge(state, 7, alone(7)), status)
    }
  })

  it("that has left may return, because the handshake asks it to refute that", () => {
    const from = { name: "peer", generation: 7 }
    const frame = { _tag: "Leave", generation: 7 } as const
    const state = after(linkUp, { _tag: "Received", from, frame, heardAgo: undefined })
    assert.isUndefined(judge(state, 7, 0n))
    assert.strictEqual(State.belief(state, "peer", 7)?.status, "left")
  })
})
