import { assert, describe, it } from "@effect/vitest"
import { SendLane } from "../../src/flow/SendLane.ts"
import { WriteQueue } from "../../src/flow/WriteQueue.ts"
import { type ReaderLink, ReadingPeers } from "../../src/messaging/ReadingPeers.ts"
import { record } from "../peering/fakeLink.ts"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const makeLane = (): SendLane =>
  new SendLane({ number: 1, name: "orders", window: 1_024, queue: new WriteQueue({ limit: 1, wake: () => undefined }) })

/** Makes links of one session with a peer. One of them is the current link. */
const make = () => {
  const links: Array<ReaderLink> = []
  let used: ReaderLink | undefined
  let looks = 0
  const readers = new ReadingPeers({
    current: () => {
      looks++
      return used === undefined ? [] : [used]
    },
    siblings: (link) => links.filter((other) => other !== link),
    self: () => ({ name: "self", generation: 1 }),
    ownOpening: () => undefined,
  })
  /** Makes a link the current one. */
  const connect = () => {
    const lanes = new Map<string, SendLane>()
    let isListed = false
    const link: ReaderLink = {
      peer: record(1, "b"),
      session: () => ({ session: 7 }),
      lane: (name) => lanes.get(name),
      lanesKnown: () => (isListed ? undefined : Effect.never),
    }
    links.push(link)
    used = link
    return {
      opens: () => {
        const lane = makeLane()
        lanes.set("orders", lane)
        isListed = true
        readers.opened(link, lane)
      },
      closes: () => {
        const lane = lanes.get("orders") ?? assert.fail()
        lanes.delete("orders")
        readers.closed(link, lane)
      },
    }
  }
  const opening = () => readers.of("orders")[0]?.opening
  return { connect, opening, readers, looks: () => looks }
}

describe("when another link takes over", () => {
  it("the reader stays the same opening, even before the new link has listed its lanes", () => {
    const { connect, opening } = make()
    connect().opens()
    const before = opening()
    assert.isDefined(before)
    const next = connect()
    assert.strictEqual(opening(), before)
    next.opens()
    assert.strictEqual(opening(), before)
  })

  it("the reader is another opening if the old link reports later that the lane was closed", () => {
    const { connect, opening } = make()
    const old = connect()
    old.opens()
    const before = opening()
    connect().opens()
    old.closes()
    assert.isDefined(opening())
    assert.notStrictEqual(opening(), before)
  })
})

describe("a peer that opens and closes a lane repeatedly", () => {
  it.effect("wakes only the subscribers of this lane", () =>
    Effect.gen(function* () {
      const { connect, looks, readers } = make()
      const seen: Array<number> = []
      const watch = (lane: string) =>
        readers.changes(lane).pipe(
          Stream.runForEach((list) => Effect.sync(() => seen.push(list.length))),
          Effect.forkScoped({ startImmediately: true }),
        )
      const wait = Effect.repeat(Effect.yieldNow, { times: 10 })
      const peer = connect()
      const openAndClose = Effect.forEach([peer.opens, peer.closes, peer.opens, peer.closes], (act) =>
        Effect.andThen(Effect.sync(act), wait),
      )
      for (let i = 0; i < 5; i++) yield* watch(`other-${i}`)
      yield* wait
      const before = looks()
      yield* openAndClose
      assert.strictEqual(looks(), before)
      seen.length = 0
      yield* watch("orders")
      yield* wait
      yield* openAndClose
      assert.deepStrictEqual(seen, [0, 1, 0, 1, 0])
    }),
  )
})
