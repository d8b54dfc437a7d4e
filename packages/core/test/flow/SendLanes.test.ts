import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Acknowledgement } from "../../src/flow/SendLane.ts"
import { SendLanes } from "../../src/flow/SendLanes.ts"
import { maxLanes } from "../../src/protocol/constants.ts"
import type { LaneOpen } from "../../src/protocol/Frame.ts"

const window = 4_096

const make = (log: Array<string> = []) =>
  new SendLanes({
    window,
    limit: 1_000_000,
    wake: () => undefined,
    onOpened: ({ name }) => log.push(`opened ${name}`),
    onClosed: ({ name }) => log.push(`closed ${name}`),
  })

const opens = (last: boolean, ...names: ReadonlyArray<string>): LaneOpen => ({
  _tag: "LaneOpen",
  lanes: names.map((name, i) => ({ lane: i + 1, name, window })),
  last,
})

describe("the sending lanes of a link", () => {
  it("are known once the last chunk of the peer's list has arrived", () => {
    const lanes = make()
    assert.isUndefined(lanes.open(opens(false, "red")))
    assert.isFalse(lanes.isKnown())
    assert.isUndefined(lanes.open({ _tag: "LaneOpen", lanes: [], last: true }))
    assert.isTrue(lanes.isKnown())
    assert.strictEqual(lanes.lane("red")?.number, 1)
    assert.isUndefined(lanes.lane("blue"))
  })

  it.effect("are awaited while bytes wait to be written, or a sender waits for credit or an acknowledgement", () =>
    Effect.gen(function* () {
      const lanes = make()
      assert.isFalse(lanes.isAwaited())
      lanes.inbox.tryOffer(new Uint8Array(100))
      assert.isTrue(lanes.isAwaited())
      lanes.next(window)
      lanes.written()
      assert.isFalse(lanes.isAwaited())
      // There is no credit for a second message of this size.
      const large = new Uint8Array(window / 2)
      const sending = yield* Effect.forkChild(Effect.andThen(lanes.inbox.offer(large), lanes.inbox.offer(large)))
      yield* Effect.yieldNow
      lanes.next(window)
      lanes.written()
      assert.isTrue(lanes.isAwaited())
      yield* Fiber.interrupt(sending)
      lanes.next(window)
      lanes.written()
      assert.isFalse(lanes.isAwaited())
      const ready = yield* Effect.forkChild(lanes.inbox.ready())
      yield* Effect.yieldNow
      assert.isTrue(lanes.isAwaited())
      yield* Fiber.interrupt(ready)
    }),
  )

  it("report the lanes that the peer opens and closes", () => {
    const log: Array<string> = []
    const lanes = make(log)
    assert.isUndefined(lanes.open(opens(true, "red", "blue")))
    assert.isUndefined(lanes.close(1))
    assert.deepStrictEqual(log, ["opened red", "opened blue", "closed red"])
  })

  it("refuse a number or a name that is already open", () => {
    const lanes = make()
    assert.isUndefined(lanes.open(opens(true, "red")))
    assert.strictEqual(lanes.open(opens(true, "blue"))?.code, "malformed")
    const again = { _tag: "LaneOpen", lanes: [{ lane: 2, name: "red", window }], last: true } as const
    assert.strictEqual(lanes.open(again)?.code, "malformed")
  })

  it("are at most 4096, besides the inbox", () => {
    const lanes = make()
    const names = Array.from({ length: maxLanes }, (_, i) => `lane ${i}`)
    assert.isUndefined(lanes.open(opens(true, ...names)))
    const more = { _tag: "LaneOpen", lanes: [{ lane: 0xffff, name: "more", window }], last: true } as const
    assert.strictEqual(lanes.open(more)?.code, "oversize")
  })

  it("accept frames about open lanes only, and never the end of the inbox", () => {
    const lanes = make()
    assert.strictEqual(lanes.credit(7, 1)?.code, "laneUnknown")
    assert.strictEqual(lanes.acknowledged(7, 1)?.code, "laneUnknown")
    assert.strictEqual(lanes.close(7)?.code, "laneUnknown")
    assert.strictEqual(lanes.close(0)?.code, "malformed")
  })

  it("free the number and the name of a lane that the peer closed", () => {
    const lanes = make()
    lanes.open(opens(true, "red"))
    assert.isUndefined(lanes.close(1))
    assert.isUndefined(lanes.lane("red"))
    assert.isUndefined(lanes.open(opens(true, "red")))
  })

  it.effect("accept nothing after they are stopped, and release the senders that wait for the peer's list", () =>
    Effect.gen(function* () {
      const lanes = make()
      assert.isTrue(lanes.inbox.tryOffer(new Uint8Array(1)))
      lanes.stop("moved")
      assert.strictEqual(lanes.state(), "moved")
      yield* lanes.known
      assert.isFalse(lanes.isKnown())
      assert.isFalse(lanes.inbox.tryOffer(new Uint8Array(1)))
      assert.strictEqual(lanes.next(1_000).length, 1, "accepted frames are still written")
    }),
  )

  it.effect(
    "release the senders that already wait for the peer's list when it arrives, and when they are stopped",
    () =>
      Effect.gen(function* () {
        for (const release of [
          (lanes: SendLanes) => void lanes.open(opens(true, "red")),
          (lanes: SendLanes) => lanes.stop("closed"),
        ]) {
          const lanes = make()
          const waiting = yield* Effect.forkChild(lanes.known, { startImmediately: true })
          assert.isUndefined(waiting.pollUnsafe())
          release(lanes)
          yield* Fiber.join(waiting)
        }
      }),
  )

  it.effect("fail every acknowledgement when the link ends", () =>
    Effect.gen(function* () {
      const lanes = make()
      const acknowledgement = new Acknowledgement()
      lanes.inbox.tryOffer(new Uint8Array(1), { acknowledgement })
      lanes.end()
      assert.strictEqual(yield* Effect.flip(Deferred.await(acknowledgement.result)), "closed")
    }),
  )
})
