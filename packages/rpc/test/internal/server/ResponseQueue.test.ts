import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scheduler from "effect/Scheduler"
import { ResponseQueue } from "../../../src/internal/server/ResponseQueue.ts"

/** Makes a queue whose link accepts no response while `link` is closed. */
const make = (start: (sending: Effect.Effect<void>) => Fiber.Fiber<void> = Effect.runFork) => {
  const sent: Array<unknown> = []
  const link = Latch.makeUnsafe(true)
  /** Sizes of the queue after each response that was sent. */
  const sizes: Array<number> = []
  const queue: ResponseQueue = new ResponseQueue({
    start,
    send: ({ bytes }) => Effect.map(link.await, () => void sent.push(bytes)),
    onSent: () => void sizes.push(queue.size),
  })
  const offer = (...texts: ReadonlyArray<string>) => {
    for (const bytes of texts) queue.offer({ bytes, requestId: undefined })
  }
  return { link, offer, queue, sent, sizes }
}

describe("the queue of responses", () => {
  it("sends a response at once while the link accepts it, and needs no fiber afterwards", () => {
    const { offer, queue, sent, sizes } = make()
    offer("1")
    assert.deepStrictEqual(sent, ["1"])
    assert.isUndefined(queue.sender)
    offer("2")
    assert.deepStrictEqual(sent, ["1", "2"])
    assert.deepStrictEqual(sizes, [0, 0])
  })

  it("counts the responses that the link has not accepted, and sends them in order when it does", () => {
    const { link, offer, queue, sent, sizes } = make()
    link.closeUnsafe()
    offer("1", "2", "3")
    assert.deepStrictEqual(sent, [])
    assert.strictEqual(queue.size, 3)
    link.openUnsafe()
    assert.deepStrictEqual(sent, ["1", "2", "3"])
    assert.deepStrictEqual(sizes, [2, 1, 0])
  })

  it("sends a response that is offered while another one is sent after it", () => {
    const sent: Array<unknown> = []
    const queue: ResponseQueue = new ResponseQueue({
      start: Effect.runFork,
      send: ({ bytes }) =>
        Effect.sync(() => {
          if (bytes === "1") queue.offer({ bytes: "2", requestId: undefined })
          sent.push(bytes)
        }),
      onSent: () => {},
    })
    queue.offer({ bytes: "1", requestId: undefined })
    assert.deepStrictEqual(sent, ["1", "2"])
  })

  it.effect("sends what waits after its end, and accepts nothing more", () =>
    Effect.gen(function* () {
      const { link, offer, queue, sent } = make()
      link.closeUnsafe()
      offer("1", "2")
      queue.end()
      offer("3")
      const { sender = yield* Effect.die("no fiber") } = queue
      link.openUnsafe()
      yield* Fiber.join(sender)
      assert.deepStrictEqual(sent, ["1", "2"])
    }),
  )

  it("drops what waits when it closes, and accepts nothing more", () => {
    const { link, offer, queue, sent } = make()
    link.closeUnsafe()
    offer("1", "2")
    queue.close()
    link.openUnsafe()
    offer("3")
    assert.deepStrictEqual(sent, [])
    assert.strictEqual(queue.size, 0)
    assert.isUndefined(queue.sender)
  })

  it.effect("interrupts a send that closes it before the send waits", () =>
    Effect.gen(function* () {
      const queue: ResponseQueue = new ResponseQueue({
        start: Effect.runFork,
        send: () =>
          Effect.suspend(() => {
            queue.close()
            return Effect.never
          }),
        onSent: () => {},
      })
      queue.offer({ bytes: "1", requestId: undefined })
      yield* Effect.yieldNow
      assert.isUndefined(queue.sender)
      assert.strictEqual(queue.size, 0)
    }),
  )

  it.effect("sends a response wherever between two steps of the fiber it is offered", () =>
    Effect.gen(function* () {
      for (let ops = 3; ops <= 7; ops++) {
        for (let turns = 0; turns <= 10; turns++) {
          const delayed = Effect.provideService(Scheduler.MaxOpsBeforeYield, ops)
          const { offer, sent } = make((sending) => Effect.runFork(delayed(sending)))
          offer("1")
          for (let i = 0; i < turns; i++) yield* Effect.yieldNow
          offer("2")
          for (let i = 0; i < 30; i++) yield* Effect.yieldNow
          assert.deepStrictEqual(sent, ["1", "2"], `${ops} steps before each yield, offered after ${turns} turns`)
        }
      }
    }),
  )
})
