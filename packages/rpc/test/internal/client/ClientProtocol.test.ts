import { assert, describe, it } from "@effect/vitest"
import * as RequestLost from "@coterie/rpc/RequestLost"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type { FromClientEncoded } from "effect/rpc/RpcMessage"
import { ClientProtocol } from "../../../src/internal/client/ClientProtocol.ts"
import { RequestIds } from "../../../src/internal/client/RequestIds.ts"
import * as RequestSender from "../../../src/internal/client/RequestSender.ts"
import { FakeLane, sendError, serialization } from "../FakeLane.ts"
import { inFlightRequests } from "../FakeMetrics.ts"

const setUp = Effect.gen(function* () {
  const requests = new FakeLane()
  const lanes = { service: "default", requests: requests.lane, responses: new FakeLane().lane, serialization }
  const { fake, inFlight } = yield* inFlightRequests
  const sender = yield* RequestSender.make(lanes)
  const ids = new RequestIds("x-")
  const client = new ClientProtocol({
    ids,
    inFlight,
    sender,
    codecFor: serialization.codecFor,
    anySources: Effect.die("not in use"),
    service: "work",
    members: Effect.succeed({ self: { name: "a", generation: 1 }, peers: [] }),
  })
  const protocol = yield* client.protocol("b")
  /** Takes the messages that were sent to the peer, after the background fibers have run. */
  const sent = Effect.map(sender.drain, () => requests.takeSent())
  return { client, fake, inFlight, protocol, requests, sent }
})

const request: FromClientEncoded = { _tag: "Request", id: "7", tag: "Half", payload: 1, headers: [] }
const ack: FromClientEncoded = { _tag: "Ack", requestId: "7" }
const interrupt: FromClientEncoded = { _tag: "Interrupt", requestId: "7" }

const causeOf = (effect: Effect.Effect<void, RpcClientError>) =>
  Effect.map(Effect.flip(effect), (error) => RequestLost.causeOf(error)?.reason._tag)

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("the protocol of a client", () => {
  it.effect("sends a request with a unique id, and waits until the request ends", () =>
    Effect.gen(function* () {
      const { inFlight, protocol, requests } = yield* setUp
      const sending = yield* start(protocol.send(1, request))
      assert.deepStrictEqual(requests.takeSent(), [{ ...request, id: "x-1" }])
      yield* Effect.yieldNow
      assert.isUndefined(sending.pollUnsafe())
      for (const each of inFlight.all()) inFlight.complete(each, "success")
      yield* Fiber.join(sending)
    }),
  )

  it.effect("does not wait for a notification", () =>
    Effect.gen(function* () {
      const { inFlight, protocol, requests } = yield* setUp
      yield* protocol.send(1, { ...request, isNotification: true })
      assert.strictEqual(requests.sent.length, 1)
      assert.deepStrictEqual(inFlight.all(), [])
    }),
  )

  it.effect("fails a request that was not sent, and interrupts a request that may have been sent", () =>
    Effect.gen(function* () {
      const { inFlight, protocol, requests, sent } = yield* setUp
      requests.outcome = Effect.fail(sendError("NotReading"))
      assert.strictEqual(yield* causeOf(protocol.send(1, request)), "NotReading")
      assert.deepStrictEqual(yield* sent, [{ ...request, id: "x-1" }])
      requests.outcome = Effect.fail(sendError("LinkLost"))
      assert.strictEqual(yield* causeOf(protocol.send(1, request)), "SessionEnded")
      assert.deepStrictEqual((yield* sent).slice(1), [{ _tag: "Interrupt", requestId: "x-2" }])
      assert.deepStrictEqual(inFlight.all(), [])
    }),
  )

  it.effect("fails a request whose session ended before its send completed", () =>
    Effect.gen(function* () {
      const { inFlight, protocol, requests } = yield* setUp
      const go = Deferred.makeUnsafe<void>()
      requests.outcome = Effect.as(Deferred.await(go), { session: 3 })
      const failing = yield* start(causeOf(protocol.send(1, request)))
      for (const each of inFlight.all()) each.onSessionEnded(3)
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual(yield* Fiber.join(failing), "SessionEnded")
    }),
  )

  it.effect("acknowledges and interrupts only its own requests", () =>
    Effect.gen(function* () {
      const { inFlight, protocol, requests, sent } = yield* setUp
      yield* start(protocol.send(1, request))
      requests.takeSent()
      for (const each of [ack, interrupt]) yield* protocol.send(2, each)
      assert.deepStrictEqual(yield* sent, [])
      yield* protocol.send(1, ack)
      assert.deepStrictEqual(yield* sent, [{ ...ack, requestId: "x-1" }])
      yield* protocol.send(1, interrupt)
      assert.deepStrictEqual(yield* sent, [{ ...interrupt, requestId: "x-1" }])
      assert.deepStrictEqual(inFlight.all(), [])
    }),
  )

  it.effect("interrupts the requests of a client that closes", () =>
    Effect.gen(function* () {
      const { inFlight, protocol, requests, sent } = yield* setUp
      const running = yield* start(protocol.run(1, () => Effect.void))
      yield* start(protocol.send(1, request))
      yield* start(protocol.send(2, request))
      requests.takeSent()
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(yield* sent, [{ ...interrupt, requestId: "x-1" }])
      assert.deepStrictEqual(inFlight.ofClient(1), [])
      assert.strictEqual(inFlight.ofClient(2).length, 1)
    }),
  )

  it.effect("counts requests by the reason of their end, and does not count notifications", () =>
    Effect.gen(function* () {
      const { client, fake, protocol, requests } = yield* setUp
      yield* protocol.send(1, { ...request, isNotification: true })
      for (const reason of ["NotReading", "LinkLost"] as const) {
        requests.outcome = Effect.fail(sendError(reason))
        yield* Effect.flip(protocol.send(1, request))
      }
      requests.outcome = Effect.succeed({ session: 1 })
      yield* start(protocol.send(1, request))
      yield* protocol.send(1, interrupt)
      const running = yield* start(protocol.run(2, () => Effect.void))
      yield* start(protocol.send(2, request))
      yield* Fiber.interrupt(running)
      yield* start(protocol.send(1, request))
      yield* client.stop
      assert.deepStrictEqual(fake.values, {
        "total out": 5,
        "outcomes_total out NotReading": 1,
        "outcomes_total out SessionEnded": 1,
        "outcomes_total out interrupted": 2,
        "outcomes_total out ClientClosed": 1,
      })
    }),
  )

  it.effect("fails and interrupts all requests when it stops", () =>
    Effect.gen(function* () {
      const { client, protocol, requests, sent } = yield* setUp
      const failing = yield* start(causeOf(protocol.send(1, request)))
      requests.takeSent()
      yield* client.stop
      assert.strictEqual(yield* Fiber.join(failing), "ClientClosed")
      assert.deepStrictEqual(yield* sent, [{ ...interrupt, requestId: "x-1" }])
    }),
  )
})
