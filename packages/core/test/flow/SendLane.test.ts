import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { cost, fragmentBytes } from "../../src/flow/cost.ts"
import { Acceptance, Acknowledgement, SendLane } from "../../src/flow/SendLane.ts"
import { WriteQueue } from "../../src/flow/WriteQueue.ts"

const window = 4_096
const fragment = fragmentBytes(window)

const make = () => {
  const queue = new WriteQueue({ limit: 1_000_000, wake: () => undefined })
  return { lane: new SendLane({ number: 1, name: "orders", window, queue }), queue }
}

const settle = Effect.repeat(Effect.yieldNow, { times: 3 })

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("a sending lane", () => {
  it("accepts messages until its credit is spent", () => {
    const { lane } = make()
    let accepted = 0
    while (lane.tryOffer(new Uint8Array(100))) accepted++
    assert.strictEqual(accepted, Math.floor(window / cost(100)))
    assert.isUndefined(lane.credit(cost(100)))
    assert.isTrue(lane.tryOffer(new Uint8Array(100)))
    assert.isFalse(lane.tryOffer(new Uint8Array(100)))
  })

  it("refuses credit of zero bytes, and credit beyond the window", () => {
    const { lane } = make()
    assert.strictEqual(lane.credit(0)?.code, "malformed")
    assert.strictEqual(lane.credit(1)?.code, "malformed")
    lane.tryOffer(new Uint8Array(100))
    assert.strictEqual(lane.credit(cost(100) + 1)?.code, "malformed")
    assert.isUndefined(lane.credit(cost(100)))
  })

  it("stays slow until there is credit for any fragment", () => {
    const { lane } = make()
    while (lane.tryOffer(new Uint8Array(100))) continue
    lane.slowness.mark()
    assert.isUndefined(lane.credit(1))
    assert.isTrue(lane.slowness.isSlow, "one byte of credit is too little")
    lane.wake()
    assert.isTrue(lane.slowness.isSlow, "writing frames does not end the slowness")
    assert.isUndefined(lane.credit(window / 2))
    assert.isFalse(lane.slowness.isSlow)
  })

  it("counts the whole frames for which the peer has given credit, in any pieces", () => {
    const { lane } = make()
    while (lane.tryOffer(new Uint8Array(100))) continue
    for (let i = 0; i < 2; i++) {
      assert.isUndefined(lane.credit(cost(fragment) - 1))
      assert.strictEqual(lane.slowness.grants, i)
      lane.slowness.addWait(i * 100, i * 100 + 50)
      assert.isUndefined(lane.credit(1))
      assert.deepStrictEqual([lane.slowness.grants, lane.slowness.waited], [i + 1, 0])
      while (lane.tryOffer(new Uint8Array(100))) continue
    }
    lane.wake()
    assert.strictEqual(lane.slowness.grants, 2)
  })

  it("accepts all fragments of a message at once, or none of them", () => {
    const { lane, queue } = make()
    assert.strictEqual(window, 2 * cost(fragment))
    assert.isFalse(lane.tryOffer(new Uint8Array(2 * fragment + 1)), "there is no credit for three fragments")
    assert.strictEqual(queue.size(), 0)
    const payload = Uint8Array.from({ length: 2 * fragment }, (_, i) => i)
    const acceptance = new Acceptance()
    assert.isTrue(lane.tryOffer(payload, { acceptance }))
    assert.isTrue(acceptance.isAccepted)
    const frames = queue.next(window)
    assert.deepStrictEqual(
      frames.map(({ first, last, total }) => [first, last, total]),
      [
        [true, false, 2 * fragment],
        [false, true, undefined],
      ],
    )
    assert.deepStrictEqual(
      frames.flatMap((frame) => [...frame.payload]),
      [...payload],
    )
  })

  it("accepts several fragments only if all but the last one leave room in the write queue", () => {
    for (const [room, accepted] of [
      [cost(fragment), false],
      [cost(fragment) + 1, true],
    ] as const) {
      const queue = new WriteQueue({ limit: room, wake: () => undefined })
      const lane = new SendLane({ number: 1, name: "orders", window, queue })
      assert.strictEqual(lane.tryOffer(new Uint8Array(fragment + 1)), accepted)
    }
  })

  it("stays slow until there is room in a full write queue", () => {
    const queue = new WriteQueue({ limit: 100, wake: () => undefined })
    const lane = new SendLane({ number: 1, name: "orders", window, queue })
    assert.isTrue(lane.tryOffer(new Uint8Array(100)))
    assert.isFalse(lane.tryOffer(new Uint8Array(100)))
    const { slowness } = lane
    slowness.mark()
    slowness.addWait(0, 50)
    lane.wake()
    assert.deepStrictEqual([slowness.isSlow, slowness.waited], [true, 50])
    queue.next(1_000)
    queue.written()
    lane.wake()
    assert.deepStrictEqual([slowness.isSlow, slowness.waited], [false, 0])
    slowness.addWait(100, 150)
    lane.wake()
    assert.strictEqual(slowness.waited, 0, "also without the mark")
  })

  it.effect(
    "is ready while there is credit for any fragment and no sender waits, and ends the wait when it closes",
    () =>
      Effect.gen(function* () {
        const { lane } = make()
        yield* lane.ready()
        while (lane.tryOffer(new Uint8Array(100))) continue
        const ready = yield* fork(lane.ready())
        const waiting = yield* fork(lane.offer(new Uint8Array(fragment)))
        yield* settle
        lane.credit(window / 2)
        yield* settle
        assert.isDefined(waiting.pollUnsafe(), "waiting senders go first")
        assert.isUndefined(ready.pollUnsafe())
        lane.credit(window / 2)
        yield* Fiber.join(ready)
        while (lane.tryOffer(new Uint8Array(100))) continue
        const refused = yield* fork(Effect.flip(lane.ready()))
        yield* settle
        lane.close()
        assert.strictEqual(yield* Fiber.join(refused), "unread")
      }),
  )

  it("makes progress for confirmed messages when the peer's reader takes one of them, not when credit arrives", () => {
    const { lane } = make()
    lane.tryOffer(new Uint8Array(100), { acknowledgement: new Acknowledgement() })
    lane.taking.mark()
    const { progress } = lane.taking
    assert.isUndefined(lane.credit(cost(100)))
    lane.wake()
    assert.isTrue(lane.taking.isSlow)
    assert.isUndefined(lane.acknowledged(1))
    assert.isFalse(lane.taking.isSlow)
    assert.strictEqual(lane.taking.progress, progress + 1)
  })

  it("counts the accepted frames", () => {
    const { lane } = make()
    const before = lane.slowness.progress
    lane.tryOffer(new Uint8Array(100))
    assert.strictEqual(lane.slowness.progress, before + 1)
  })

  it.effect("sends a large message in fragments as credit arrives, with its size in the first fragment", () =>
    Effect.gen(function* () {
      const { lane, queue } = make()
      const size = 2 * fragment + 10
      const sending = yield* fork(lane.offer(new Uint8Array(size)))
      const sent = queue.next(1_000_000)
      assert.strictEqual(sent.length, 2)
      assert.isUndefined(sending.pollUnsafe())
      assert.isUndefined(lane.credit(cost(fragment)))
      yield* settle
      sent.push(...queue.next(1_000_000))
      assert.deepStrictEqual(
        sent.map(({ first, last, payload, total }) => ({ first, last, total, bytes: payload.length })),
        [
          { first: true, last: false, total: size, bytes: fragment },
          { first: false, last: false, total: undefined, bytes: fragment },
          { first: false, last: true, total: undefined, bytes: 10 },
        ],
      )
      assert.deepStrictEqual(sending.pollUnsafe(), Exit.void)
    }),
  )

  it.effect("marks a message as accepted with its last fragment, and not before", () =>
    Effect.gen(function* () {
      const { lane } = make()
      const small = new Acceptance()
      assert.isTrue(lane.tryOffer(new Uint8Array(1), { acceptance: small }))
      assert.isTrue(small.isAccepted)
      lane.credit(cost(1))
      const large = new Acceptance()
      yield* fork(lane.offer(new Uint8Array(2 * fragment + 10), { acceptance: large }))
      assert.isFalse(large.isAccepted)
      lane.credit(cost(fragment))
      yield* settle
      assert.isTrue(large.isAccepted)
    }),
  )

  it.effect("never marks an abandoned message as accepted", () =>
    Effect.gen(function* () {
      const { lane } = make()
      const acceptance = new Acceptance()
      const sending = yield* fork(lane.offer(new Uint8Array(2 * fragment + 10), { acceptance }))
      yield* Fiber.interrupt(sending)
      lane.credit(cost(fragment))
      yield* settle
      assert.isFalse(acceptance.isAccepted)
    }),
  )

  it.effect("sends an abort for a message of which the peer received a part", () =>
    Effect.gen(function* () {
      const { lane, queue } = make()
      const sending = yield* fork(lane.offer(new Uint8Array(3 * fragment)))
      yield* Fiber.interrupt(sending)
      const frames = queue.next(1_000_000)
      assert.deepStrictEqual(
        frames.map(({ abort }) => abort),
        [false, false, true],
      )
    }),
  )

  it.effect("accepts no message before those of a waiting sender", () =>
    Effect.gen(function* () {
      const { lane, queue } = make()
      while (lane.tryOffer(new Uint8Array(100)));
      yield* fork(lane.offer(new Uint8Array(200)))
      queue.next(1_000_000)
      lane.credit(cost(100))
      yield* settle
      assert.isFalse(lane.tryOffer(new Uint8Array(1)), "there is credit, but another sender waits for more")
      lane.credit(cost(100))
      yield* settle
      assert.deepStrictEqual(
        queue.next(1_000_000).map(({ payload }) => payload.length),
        [200],
      )
    }),
  )

  it.effect("fails waiting senders when the peer closes the lane, and when the link ends", () =>
    Effect.gen(function* () {
      for (const why of ["unread", "moved", "closed"] as const) {
        const { lane, queue } = make()
        while (lane.tryOffer(new Uint8Array(100)));
        const sending = yield* fork(lane.offer(new Uint8Array(100)))
        if (why === "unread") lane.close()
        else {
          queue.stop(why)
          lane.wake()
        }
        assert.strictEqual(yield* Effect.flip(Fiber.join(sending)), why)
        assert.isFalse(lane.tryOffer(new Uint8Array(0)))
      }
    }),
  )

  it("drops unwritten frames when the peer closes the lane", () => {
    const { lane, queue } = make()
    lane.tryOffer(new Uint8Array(100))
    lane.close()
    assert.deepStrictEqual(queue.next(1_000_000), [])
    assert.strictEqual(queue.size(), 0)
  })
})

describe("the acknowledgements of a lane", () => {
  const offer = (lane: SendLane, count: number): ReadonlyArray<Acknowledgement> =>
    Array.from({ length: count }, () => {
      const acknowledgement = new Acknowledgement()
      assert.isTrue(lane.tryOffer(new Uint8Array(1), { acknowledgement }))
      return acknowledgement
    })
  const isDone = ({ result }: Acknowledgement) => Deferred.isDoneUnsafe(result)

  it("complete up to the acknowledged number", () => {
    const { lane, queue } = make()
    const all = offer(lane, 3)
    assert.deepStrictEqual(
      queue.next(1_000_000).map(({ confirm }) => confirm),
      [1, 2, 3],
    )
    assert.isUndefined(lane.acknowledged(2))
    assert.deepStrictEqual(all.map(isDone), [true, true, false])
  })

  it("are refused for numbers that were not sent or are already acknowledged", () => {
    const { lane } = make()
    offer(lane, 2)
    assert.strictEqual(lane.acknowledged(3)?.code, "malformed")
    assert.isUndefined(lane.acknowledged(2))
    assert.strictEqual(lane.acknowledged(2)?.code, "malformed")
    assert.strictEqual(lane.acknowledged(1)?.code, "malformed")
  })

  it.effect("fail when the lane is closed, unless they were withdrawn", () =>
    Effect.gen(function* () {
      const { lane } = make()
      const [kept, withdrawn] = offer(lane, 2)
      if (kept === undefined || withdrawn === undefined) return assert.fail()
      withdrawn.withdraw()
      lane.close()
      assert.strictEqual(yield* Effect.flip(Deferred.await(kept.result)), "unread")
      assert.isFalse(isDone(withdrawn))
    }),
  )
})
