import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ExitEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import * as Stream from "effect/Stream"
import * as ClientSession from "../../../src/internal/server/ClientSession.ts"
import { serialization } from "../FakeLane.ts"
import { FakeMetrics } from "../FakeMetrics.ts"

const make = (limit: number, fake = new FakeMetrics()) =>
  ClientSession.make({
    clientId: 1,
    peer: { name: "a", generation: 1 },
    session: 1,
    parser: serialization.makeUnsafe(),
    limit,
    metrics: fake.requests("in"),
  })

const success: ExitEncoded<unknown, unknown> = { _tag: "Success", value: 4 }
const exit = (requestId: string): FromServerEncoded => ({ _tag: "Exit", requestId, exit: success })
const chunk = (requestId: string): FromServerEncoded => ({ _tag: "Chunk", requestId, values: [1] })

/** Ends the queue of the session and returns all its responses. */
const responsesOf = (client: ClientSession.ClientSession) =>
  Effect.andThen(
    client.endResponses,
    Effect.map(Stream.runCollect(client.responses), (all) =>
      all.map(({ bytes, requestId }) => [JSON.parse(String(bytes))._tag, requestId]),
    ),
  )

describe("a session of a client", () => {
  it.effect("accepts as many requests as its limit, and more after responses have been sent", () =>
    Effect.gen(function* () {
      const client = yield* make(2)
      assert.isTrue(client.addRequest("1"))
      assert.isTrue(client.addRequest("2"))
      assert.isFalse(client.addRequest("3"))
      assert.isFalse(client.hasRequest("3"))
      // A response that has not been sent counts towards the limit, as its request did.
      client.respond(exit("1"))
      assert.isFalse(client.hasRequest("1"))
      assert.isTrue(client.isAtLimit)
      yield* Stream.runDrain(Stream.take(client.responses, 1))
      assert.isTrue(client.addRequest("3"))
    }),
  )

  it.effect("queues responses in order, each with the id of its request", () =>
    Effect.gen(function* () {
      const client = yield* make(2)
      client.addRequest("1")
      client.respond(chunk("1"))
      assert.isTrue(client.hasRequest("1"))
      client.respond(exit("1"))
      client.deny("2")
      assert.deepStrictEqual(yield* responsesOf(client), [
        ["Chunk", "1"],
        ["Exit", "1"],
        ["Interrupt", undefined],
      ])
    }),
  )

  it.effect("keeps requests that a defect ended until their handlers have ended, and sends no exit for them", () =>
    Effect.gen(function* () {
      const client = yield* make(2)
      client.addRequest("1")
      client.addRequest("2")
      client.respond({ _tag: "Defect", defect: "a bug" })
      assert.deepStrictEqual(client.endByDefect(), ["1", "2"])
      assert.deepStrictEqual(client.endByDefect(), [])
      assert.isTrue(client.hasRequest("1"))
      for (const requestId of ["1", "2"]) client.respond(exit(requestId))
      assert.isFalse(client.hasRequest("1"))
      assert.isFalse(client.hasRequest("2"))
      assert.deepStrictEqual(yield* responsesOf(client), [["Defect", undefined]])
    }),
  )

  it.effect("queues a bounded number of defects for a client that takes no responses", () =>
    Effect.gen(function* () {
      const client = yield* make(2)
      for (let i = 0; i < 1_000; i++) client.respond({ _tag: "Defect", defect: "a bug" })
      assert.strictEqual((yield* responsesOf(client)).length, 4)
    }),
  )

  it.effect("does not have a request that it has given up", () =>
    Effect.gen(function* () {
      const client = yield* make(1)
      client.addRequest("1")
      client.giveUp("1", "stopped")
      assert.isFalse(client.hasRequest("1"))
    }),
  )

  it.effect("counts requests by their outcomes, each once", () =>
    Effect.gen(function* () {
      const fake = new FakeMetrics()
      const client = yield* make(5, fake)
      for (const id of ["1", "2", "3", "4", "5", "6"]) client.addRequest(id)
      assert.deepStrictEqual(fake.values, { "total in": 6, "in_flight in": 5, "outcomes_total in busy": 1 })
      client.respond(exit("1"))
      client.respond(exit("1"))
      client.respond({
        _tag: "Exit",
        requestId: "2",
        exit: { _tag: "Failure", cause: [{ _tag: "Fail", error: "no" }] },
      })
      client.giveUp("3", "TooLarge")
      client.giveUp("3", "stopped")
      client.deny("4")
      client.respond({ _tag: "Defect", defect: "a bug" })
      client.endByDefect()
      client.endRequests("SessionEnded")
      assert.deepStrictEqual(fake.values, {
        "total in": 6,
        "outcomes_total in busy": 1,
        "outcomes_total in success": 1,
        "outcomes_total in failure": 1,
        "outcomes_total in TooLarge": 1,
        "outcomes_total in defect": 2,
      })
    }),
  )

  it.effect("counts two requests with one id as one", () =>
    Effect.gen(function* () {
      const fake = new FakeMetrics()
      const client = yield* make(5, fake)
      client.addRequest("1")
      client.addRequest("1")
      client.respond(exit("1"))
      client.respond(exit("1"))
      assert.deepStrictEqual(fake.values, { "total in": 1, "outcomes_total in success": 1 })
    }),
  )

  it.effect("throws for a chunk and drops a denial when two responses for each request of its limit are queued", () =>
    Effect.gen(function* () {
      const client = yield* make(2)
      client.addRequest("1")
      for (let i = 0; i < 4; i++) client.respond(chunk("1"))
      assert.throws(() => client.respond(chunk("1")), "the client does not take the chunks that it acknowledged")
      client.deny("2")
      // An exit is never dropped.
      client.respond(exit("1"))
      assert.deepStrictEqual(
        (yield* responsesOf(client)).map(([tag]) => tag),
        ["Chunk", "Chunk", "Chunk", "Chunk", "Exit"],
      )
    }),
  )
})
