import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { ExitEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import { ClientSession } from "../../../src/internal/server/ClientSession.ts"
import { ResponseTooLarge } from "@coterie/rpc/RequestLost"
import * as RpcMessages from "../../../src/internal/RpcMessages.ts"
import { serialization } from "../FakeLane.ts"
import { FakeMetrics } from "../FakeMetrics.ts"

/** Makes a session whose link accepts no response while `link` is closed. */
const make = (limit: number, fake = new FakeMetrics()) => {
  const sent: Array<readonly [tag: string, requestId: unknown]> = []
  const link = Latch.makeUnsafe(true)
  const client = new ClientSession({
    clientId: 1,
    peer: { name: "a", generation: 1 },
    session: 1,
    parser: serialization.makeUnsafe(),
    encodeGiveUp: RpcMessages.encodeGiveUpWith(serialization.codecFor),
    limit,
    metrics: fake.requests("in"),
    start: (sending) => Effect.runFork(sending),
    send: ({ bytes, requestId }) =>
      Effect.map(link.await, () => void sent.push([JSON.parse(String(bytes))._tag, requestId])),
  })
  /** Makes the link accept responses, and waits until it has accepted all. */
  const takeAll = Effect.suspend(() => {
    link.openUnsafe()
    return client.sender === undefined ? Effect.void : Fiber.await(client.sender)
  })
  return { client, link, sent, takeAll }
}

const success: ExitEncoded<unknown, unknown> = { _tag: "Success", value: 4 }
const exit = (requestId: string): FromServerEncoded => ({ _tag: "Exit", requestId, exit: success })
const chunk = (requestId: string): FromServerEncoded => ({ _tag: "Chunk", requestId, values: [1] })

/** Number of denials and defects that a session with a limit of 2 queues. */
const capacity = 2_048

const fill = (client: ClientSession) => {
  for (let i = 0; i < capacity; i++) client.deny(`denied ${i}`)
}

describe("a session of a client", () => {
  it("accepts as many requests as its limit, and more after responses have been sent", () => {
    const { client, link } = make(2)
    assert.isTrue(client.addRequest("1"))
    assert.isTrue(client.addRequest("2"))
    link.closeUnsafe()
    assert.isFalse(client.addRequest("3"))
    assert.isFalse(client.hasRequest("3"))
    link.openUnsafe()
    link.closeUnsafe()
    // A response that has not been sent counts towards the limit, as its request did.
    client.respond(exit("1"))
    assert.isFalse(client.hasRequest("1"))
    assert.isTrue(client.isAtLimit)
    link.openUnsafe()
    assert.isTrue(client.addRequest("3"))
  })

  it("sends responses in order, each with the id of its request", () => {
    const { client, link, sent } = make(2)
    client.addRequest("1")
    client.respond(chunk("1"))
    assert.isTrue(client.hasRequest("1"))
    link.closeUnsafe()
    client.respond(exit("1"))
    client.deny("2")
    assert.deepStrictEqual(sent, [["Chunk", "1"]])
    link.openUnsafe()
    assert.deepStrictEqual(sent, [
      ["Chunk", "1"],
      ["Exit", "1"],
      ["Interrupt", undefined],
    ])
  })

  it("counts notifications towards its limit until their handlers end, and answers none", () => {
    const fake = new FakeMetrics()
    const { client, sent } = make(3, fake)
    // A peer may use the ids of notifications.
    client.addRequest("notification 1")
    const ids = [client.addNotification() ?? "", client.addNotification() ?? ""]
    assert.isUndefined(client.addNotification())
    assert.isFalse(client.addRequest("2"))
    assert.deepStrictEqual(
      [...ids, "notification 1"].map((id) => client.isNotification(id)),
      [true, true, false],
    )
    client.giveUp(ids[0] ?? "", "stopped")
    client.respond(exit(ids[1] ?? ""))
    // The refusal of the request beyond the limit.
    assert.deepStrictEqual(sent, [["Request", undefined]])
    assert.deepStrictEqual(fake.values, {
      "total in": 5,
      "in_flight in": 1,
      "outcomes_total in Busy": 2,
      "outcomes_total in stopped": 1,
      "outcomes_total in success": 1,
    })
  })

  it("keeps requests that a defect ended until their handlers have ended, and sends no exit for them", () => {
    const { client, sent } = make(2)
    client.addRequest("1")
    client.addRequest("2")
    client.respond({ _tag: "Defect", defect: "a bug" })
    assert.deepStrictEqual(client.endedByDefect, [])
    assert.deepStrictEqual(client.endByDefect(), ["1", "2"])
    assert.deepStrictEqual(client.endByDefect(), [])
    assert.deepStrictEqual(client.endedByDefect, ["1", "2"])
    assert.isTrue(client.hasRequest("1"))
    for (const requestId of ["1", "2"]) client.respond(exit(requestId))
    assert.isFalse(client.hasRequest("1"))
    assert.isFalse(client.hasRequest("2"))
    assert.deepStrictEqual(sent, [["Defect", undefined]])
  })

  it.effect("queues a bounded number of defects for a client that takes no responses", () =>
    Effect.gen(function* () {
      const { client, link, sent, takeAll } = make(2)
      link.closeUnsafe()
      for (let i = 0; i < 2 * capacity; i++) client.respond({ _tag: "Defect", defect: "a bug" })
      yield* takeAll
      assert.strictEqual(sent.length, capacity + 1)
      assert.deepStrictEqual(sent.slice(-2), [
        ["Defect", undefined],
        ["Eof", undefined],
      ])
    }),
  )

  it("does not have a request that it has given up", () => {
    const { client } = make(1)
    client.addRequest("1")
    client.giveUp("1", "stopped")
    assert.isFalse(client.hasRequest("1"))
  })

  it("counts requests by their outcomes, each once", () => {
    const fake = new FakeMetrics()
    const { client } = make(5, fake)
    for (const id of ["1", "2", "3", "4", "5", "6"]) client.addRequest(id)
    assert.deepStrictEqual(fake.values, { "total in": 6, "in_flight in": 5, "outcomes_total in Busy": 1 })
    client.respond(exit("1"))
    client.respond(exit("1"))
    client.respond({
      _tag: "Exit",
      requestId: "2",
      exit: { _tag: "Failure", cause: [{ _tag: "Fail", error: "no" }] },
    })
    client.giveUp("3", new ResponseTooLarge({ bytes: 2, limit: 1 }))
    client.giveUp("3", "stopped")
    client.deny("4")
    client.respond({ _tag: "Defect", defect: "a bug" })
    client.endByDefect()
    client.endRequests("SessionEnded")
    assert.deepStrictEqual(fake.values, {
      "total in": 6,
      "outcomes_total in Busy": 1,
      "outcomes_total in success": 1,
      "outcomes_total in failure": 1,
      "outcomes_total in ResponseTooLarge": 1,
      "outcomes_total in defect": 2,
    })
  })

  it.effect("throws at a chunk beyond two responses for each request, and drops no exit", () =>
    Effect.gen(function* () {
      const { client, link, sent, takeAll } = make(2)
      client.addRequest("1")
      link.closeUnsafe()
      fill(client)
      // Denials do not take the place of chunks.
      for (let i = 0; i < 4; i++) client.respond(chunk("1"))
      assert.throws(() => client.respond(chunk("1")), "the client does not take the chunks that it acknowledged")
      client.respond(exit("1"))
      yield* takeAll
      assert.deepStrictEqual(
        sent.slice(capacity).map(([tag]) => tag),
        ["Chunk", "Chunk", "Chunk", "Chunk", "Exit"],
      )
    }),
  )

  it.effect("makes the client confirm its requests once it has taken all, if a denial or a defect was dropped", () =>
    Effect.gen(function* () {
      for (const drop of [
        (client: ClientSession) => client.deny("dropped"),
        (client: ClientSession) => client.respond({ _tag: "Defect", defect: "a bug" }),
      ]) {
        const { client, link, sent, takeAll } = make(2)
        link.closeUnsafe()
        fill(client)
        for (let i = 0; i < 3; i++) drop(client)
        yield* takeAll
        assert.strictEqual(sent.length, capacity + 1)
        assert.deepStrictEqual(sent.at(-1), ["Eof", undefined])
      }
    }),
  )

  it("makes a client that has taken all confirm its requests at once", () => {
    const { client, sent } = make(2)
    client.confirmLater()
    assert.deepStrictEqual(sent, [["Eof", undefined]])
  })
})
