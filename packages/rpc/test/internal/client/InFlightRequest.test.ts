import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import { InFlightRequest, type Options } from "../../../src/internal/client/InFlightRequest.ts"
import { givenUp } from "../../../src/internal/client/requestErrors.ts"
import { startIn } from "../../../src/internal/startIn.ts"

const request = Effect.map(
  Effect.flatMap(Effect.scope, startIn),
  (start) => (write: Options["write"]) =>
    new InFlightRequest({
      id: "x-1",
      requestId: 7,
      clientId: 1,
      hasSeveralPeers: false,
      peer: "b",
      began: 0,
      write,
      start,
    }),
)

const chunk = (value: number): FromServerEncoded => ({ _tag: "Chunk", requestId: "7", values: [value] })

describe("a request in flight", () => {
  it.effect("ends once, by the first completion or failure", () =>
    Effect.gen(function* () {
      const make = yield* request
      const answered = make(() => Effect.void)
      answered.complete()
      answered.fail(givenUp("b"))
      yield* answered.completed
      const lost = make(() => Effect.void)
      lost.fail(givenUp("b"))
      lost.complete()
      assert.strictEqual((yield* Effect.flip(lost.completed))._tag, "RpcClientError")
    }),
  )

  it.effect("is lost with the session that carries it, and not with an earlier session", () =>
    Effect.gen(function* () {
      const sent = (yield* request)(() => Effect.void)
      assert.isFalse(sent.isSent)
      assert.isTrue(sent.onSent(5))
      assert.isTrue(sent.isSent)
      assert.isTrue(sent.isOn(5))
      assert.isFalse(sent.isOn(4))
      assert.isFalse(sent.onSessionEnded(4))
      assert.isTrue(sent.onSessionEnded(5))
      assert.isTrue(sent.onSessionEnded(6))
    }),
  )

  it.effect("is lost if its session ended before its send completed", () =>
    Effect.gen(function* () {
      const make = yield* request
      for (const [session, isAlive] of [
        [4, false],
        [5, false],
        [6, true],
      ] as const) {
        const sending = make(() => Effect.void)
        assert.isFalse(sending.onSessionEnded(5))
        assert.isFalse(sending.onSessionEnded(3))
        assert.strictEqual(sending.onSent(session), isAlive)
      }
    }),
  )

  it.effect("hands responses over one after the other, in the background", () =>
    Effect.gen(function* () {
      const written: Array<FromServerEncoded> = []
      const go = Deferred.makeUnsafe<void>()
      const slow = (yield* request)((response) => {
        written.push(response)
        return Deferred.await(go)
      })
      slow.deliver(chunk(1))
      slow.deliver(chunk(2))
      assert.deepStrictEqual(written, [chunk(1)])
      assert.strictEqual(slow.undeliveredCount, 2)
      yield* Deferred.succeed(go, undefined)
      yield* Effect.yieldNow
      assert.deepStrictEqual(written, [chunk(1), chunk(2)])
      assert.strictEqual(slow.undeliveredCount, 0)
      slow.deliver(chunk(3))
      assert.deepStrictEqual(written.length, 3)
    }),
  )

  it.effect("hands nothing over after its scope is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let written = 0
      const go = Deferred.makeUnsafe<void>()
      const slow = (yield* Scope.provide(request, scope))(() => {
        written += 1
        return Deferred.await(go)
      })
      slow.deliver(chunk(1))
      slow.deliver(chunk(2))
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.succeed(go, undefined)
      yield* Effect.yieldNow
      assert.strictEqual(written, 1)
    }),
  )
})
