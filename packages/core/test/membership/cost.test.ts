/**
 * Cost of one step, in map entries that it copies or visits in loops. It must not grow with the total state of a node.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { countCopies } from "../internal/countCopies.ts"
import { countVisits } from "../internal/countVisits.ts"
import { b, bodyOf, recordOf, update, wall } from "./support.ts"

/** Returns a node with a link to `b` and to `members` other peers, without the checks of every step. */
const makeNode = (members = 0) => {
  let state = State.make({ settings: Settings.defaults, self: recordOf("a"), now: 0, wall, seed: 1 })
  const at = (now: number, input: Membership.Input): void => {
    state = Membership.step(state, now, input)[0]
  }
  const meet = (record: PeerRecord): void =>
    at(0, { _tag: "LinkUp", record, address: undefined, viewHash: 0n, youAre: undefined })
  meet(b)
  for (let i = 0; i < members; i++) meet(recordOf(`member ${i}`))
  at(100, { _tag: "Tick" })
  const hear = (now: number, ...records: ReadonlyArray<PeerRecord>): void =>
    at(now, { _tag: "Received", from: b, frame: update(...records) })
  return { at, hear, state: () => state }
}

describe("five thousand peers that do not exist", () => {
  const ghosts = Array.from({ length: 5_000 }, (_, i) => recordOf(`ghost ${i}`))

  it("cost the node at most a few copies of each when it receives their records", () => {
    const node = makeNode()
    const copied = countCopies(() => {
      for (let i = 0; i < ghosts.length; i += 1_000) node.hear(1_000, ...ghosts.slice(i, i + 1_000))
    })
    assert.strictEqual(node.state().candidates.size, Settings.defaults.maxMembers - node.state().members.size)
    assert.isBelow(copied, 10 * ghosts.length)
  })

  it("make a frame about one more such peer, and a failed dial of such a peer, cost at most a few hundred entries", () => {
    const node = makeNode()
    node.hear(1_000, ...ghosts.slice(0, 4_000))
    node.at(1_100, { _tag: "Tick" })
    for (let i = 4_000; i < 4_050; i++) {
      assert.isBelow(
        countCopies(() => node.hear(1_200, ...ghosts.slice(i, i + 1))),
        500,
      )
      const name = `ghost ${i}`
      const copied = countCopies(() => node.at(10_000, { _tag: "DialFailed", name, refused: false }))
      assert.isBelow(copied, 500)
    }
  })
})

describe("news about members", () => {
  const changed = (i: number): PeerRecord =>
    recordOf(`member ${i}`, { incarnation: 1, body: bodyOf("member", { v: "1" }) })

  it("cost in proportion to the news, however many members there are", () => {
    const node = makeNode(2_000)
    const one = countCopies(() => node.hear(1_000, changed(0)))
    assert.isBelow(one, 500)
    const many = countCopies(() => node.hear(1_000, ...Array.from({ length: 1_000 }, (_, i) => changed(i + 1))))
    assert.isBelow(many, 100 * 1_000)
  })
})

describe("the loss of all links at once", () => {
  /** Returns the entries per link that a node copies and visits, up to the end of its dials. */
  const perLink = (count: number) => {
    const node = makeNode(count - 1)
    const peers = [b, ...Array.from({ length: count - 1 }, (_, i) => recordOf(`member ${i}`))]
    let visited = 0
    const copied = countCopies(() => {
      visited = countVisits(() => {
        for (const { generation, name } of peers) {
          node.at(1_000, { _tag: "LinkDown", peer: { name, generation }, code: undefined, silent: true })
        }
        for (const { name } of peers) node.at(1_500, { _tag: "DialFailed", name, refused: false })
      })
    })
    assert.strictEqual(node.state().members.size, count)
    // A copy of a map visits its entries, too.
    return { copied: copied / count, visited: (visited - copied) / count }
  }

  it("costs about the same per link, however many links there were", () => {
    const few = perLink(500)
    const many = perLink(2_000)
    assert.isBelow(many.copied, 1_000)
    assert.isBelow(many.visited, 1.5 * few.visited)
  })
})
