import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { InboundMessage } from "../../src/flow/ReceiveLane.ts"
import type { ReadableLane } from "../../src/flow/ReceiveLanes.ts"
import type { LaneReader } from "../../src/messaging/OpenLane.ts"
import { OpenLane } from "../../src/messaging/OpenLane.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"

const link = fakeLink({ peer: record(1), session: () => ({ session: 1 }) })

const message: InboundMessage = {
  payload: new Uint8Array(1),
  cost: 10,
  confirm: 3,
  trace: undefined,
  isOwned: true,
}

/** Makes a lane of a link, and collects the acknowledged messages. */
const makeLane = (isOpen = true) => {
  const taken: Array<Pick<InboundMessage, "cost" | "confirm">> = []
  const lane: ReadableLane = { name: "orders", isOpen, acknowledge: (each) => void taken.push(each) }
  return { lane, taken }
}

/** Makes a reader that takes its messages on demand. */
const makeReader = () => {
  const waiting: Array<readonly [ReadableLane, InboundMessage]> = []
  const reader: LaneReader = {
    offer: (_, lane, message) => void waiting.push([lane, message]),
    ended: () => true,
    mark: () => undefined,
    stream: Stream.empty,
    end: Effect.void,
    close: Effect.void,
  }
  const take = (): void => {
    for (const [lane, each] of waiting.splice(0)) lane.acknowledge(each)
  }
  return { reader, take, waiting }
}

describe("an opening of a lane", () => {
  it("delivers a message to its one reader, which returns the credit", () => {
    const open = new OpenLane(1)
    const { lane, taken } = makeLane()
    const { reader, take } = makeReader()
    open.readers.add(reader)
    open.offer(link, lane, message)
    assert.deepStrictEqual(taken, [])
    take()
    assert.deepStrictEqual(taken, [message])
  })

  it("returns the credit once, when the last of several readers has taken the message", () => {
    const open = new OpenLane(1)
    const { lane, taken } = makeLane()
    const readers = [makeReader(), makeReader(), makeReader()]
    for (const { reader } of readers) open.readers.add(reader)
    open.offer(link, lane, message)
    for (const { take } of readers.slice(1)) take()
    assert.deepStrictEqual(taken, [])
    readers[0]?.take()
    assert.deepStrictEqual(taken, [message])
  })

  it("lets a reader have a message for itself only if there is no other reader", () => {
    const open = new OpenLane(1)
    const [one, two] = [makeReader(), makeReader()]
    open.readers.add(one.reader)
    open.offer(link, makeLane().lane, message)
    open.readers.add(two.reader)
    open.offer(link, makeLane().lane, message)
    assert.deepStrictEqual(
      one.waiting.map(([, { isOwned }]) => isOwned),
      [true, false],
    )
    assert.deepStrictEqual(
      two.waiting.map(([, { isOwned }]) => isOwned),
      [false],
    )
  })

  it("drops a message and returns its credit when the link has closed the lane", () => {
    const open = new OpenLane(1)
    const { lane, taken } = makeLane(false)
    const { reader, waiting } = makeReader()
    open.readers.add(reader)
    open.offer(link, lane, message)
    assert.deepStrictEqual(waiting, [])
    assert.deepStrictEqual(taken, [message])
  })

  it("drops a message and returns its credit when its last reader has ended", () => {
    const { lane, taken } = makeLane()
    new OpenLane(1).offer(link, lane, message)
    assert.deepStrictEqual(taken, [message])
  })
})
