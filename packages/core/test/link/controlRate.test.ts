/**
 * The frames of a correct node stay within the rate of control frames that every receiver accepts, for any size of the
 * cluster and its metadata. The receiver is a token bucket of the minimum size that the options allow.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { SendLanes } from "../../src/flow/SendLanes.ts"
import { TokenBucket } from "../../src/internal/TokenBucket.ts"
import * as Limits from "../../src/Limits.ts"
import { controlCost } from "../../src/link/controlCost.ts"
import { LinkWriter, writeBufferBytes } from "../../src/link/LinkWriter.ts"
import { WriteBuffers } from "../../src/link/WriteBuffers.ts"
import * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import { minControlBurst, minControlRate } from "../../src/protocol/constants.ts"
import type { ControlFrame } from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as FrameSplitter from "../../src/wire/FrameSplitter.ts"
import * as Traffic from "../../src/wire/Traffic.ts"
import { bodyOf, recordOf } from "../protocol/records.ts"
import { makeConnection, settle, testNow } from "./support.ts"

/** Metadata of the maximum size. */
const metadata = { k: "x".repeat(8_191) }

const recordsOf = (count: number): ReadonlyArray<PeerRecord> =>
  Array.from({ length: count }, (_, i) => recordOf(`p${i}`, { body: bodyOf(`p${i}`, metadata) }))

/** A node whose steps run without the checks of invariants, which would visit thousands of members in each step. */
class Node {
  private state = State.make({
    settings: Settings.defaults,
    self: recordOf("a"),
    now: 0,
    wall: 0,
    seed: 1,
    instance: 1,
  })

  at(now: number, input: Membership.Input) {
    const [next, outputs] = Membership.step(this.state, now, input)
    this.state = next
    return outputs
  }

  meet(now: number, record: PeerRecord) {
    return this.at(now, { _tag: "LinkUp", record, address: undefined, viewHash: 0n, youAre: undefined })
  }

  hear(now: number, from: PeerRecord, frame: Membership.Received["frame"]) {
    return this.at(now, { _tag: "Received", from, frame })
  }
}

const receiver = (now: number) => new TokenBucket(minControlRate, minControlBurst, now)

const costOf = (frame: ControlFrame): number =>
  FrameSplitter.split(frame).reduce((sum, each) => sum + controlCost(each, FrameEncoder.encode(each).length), 0)

describe("a correct node stays within the rate that every receiver accepts", () => {
  it.effect("when it answers a newcomer with two thousand records of the maximum size", () =>
    Effect.gen(function* () {
      const members = recordsOf(2_100)
      const [asker] = members
      assert.isDefined(asker)
      const node = new Node()
      for (const member of members) node.meet(0, member)
      const now = yield* testNow
      const line = yield* makeConnection
      const report = () => Effect.sync(() => perform(node.at(now(), { _tag: "AnswerWritten", peer: asker })))
      const writer = new LinkWriter({
        connection: line.connection,
        makeSendLanes: (wake) =>
          new SendLanes({ window: 1_000_000, limit: 1_000_000, wake, onOpened: () => {}, onClosed: () => {} }),
        acknowledgements: () => [],
        onUse: () => {},
        onAnswerWritten: report,
        limits: Limits.defaults,
        buffers: new WriteBuffers(writeBufferBytes),
        sent: Traffic.make(),
        now,
      })
      const perform = (outputs: ReturnType<Node["at"]>): void => {
        for (const output of outputs) if (output._tag === "Answer") writer.answer(output.frame)
      }
      yield* Effect.forkChild(writer.run())
      const bucket = receiver(now())
      const answered = new Set<string>()
      let read = 0
      const receive = () => {
        for (const frames of line.writes.slice(read)) {
          read++
          for (const frame of frames) {
            if (frame._tag === "Data") continue
            assert.isTrue(bucket.take(now(), costOf(frame)), `after ${answered.size} records at ${now()} ms`)
            if (frame._tag === "SyncDelta") for (const { name } of frame.records) answered.add(name)
          }
        }
      }
      perform(node.hear(now(), asker, { _tag: "SyncDigest", entries: [], last: true }))
      for (let millis = 0; millis < 20_000 && answered.size <= members.length; millis += 10) {
        yield* Effect.repeat(settle, { until: () => Effect.succeed(line.writes.length === read || (receive(), false)) })
        yield* TestClock.adjust(10)
      }
      assert.strictEqual(answered.size, members.length + 1)
    }),
  )

  it("when a thousand peers with metadata of the maximum size join within a second, and news about all of them are waiting", () => {
    const newcomers = recordsOf(1_000)
    const node = new Node()
    const links = new Map<string, TokenBucket>()
    const perform = (now: number, outputs: ReturnType<Node["at"]>): void => {
      for (const output of outputs) {
        if (output._tag !== "Send") continue
        const cost = costOf(output.frame)
        for (const name of output.to) assert.isTrue(links.get(name)?.take(now, cost), `to ${name} at ${now} ms`)
      }
    }
    for (const [now, record] of newcomers.entries()) {
      links.set(record.name, receiver(now))
      perform(now, node.meet(now, record))
      const other = newcomers[now - 1]
      if (other !== undefined) {
        // Each peer was suspected by another node, and refuted that.
        perform(now, node.hear(now, record, { _tag: "Update", records: [{ ...other, incarnation: 1 }] }))
      }
      perform(now, node.at(now, { _tag: "Tick" }))
    }
    for (let now = 1_000; now < 3_000; now += 20) perform(now, node.at(now, { _tag: "Tick" }))
    assert.strictEqual(links.size, newcomers.length)
  })
})
