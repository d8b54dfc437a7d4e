import { SendError, UnknownPeer } from "@coterie/core/ClusterError"
import type * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as RequestLost from "@coterie/rpc/RequestLost"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type * as Rpc from "effect/rpc/Rpc"
import { toClientError } from "../src/internal/client/requestErrors.ts"
import * as Support from "./support.ts"

const unsent = new SendError({ peer: "b", reason: new UnknownPeer() })
const lost = new RequestLost.RequestLost({ peer: "b", reason: new RequestLost.SessionEnded() })

describe("a request that the cluster did not carry", () => {
  it.effect("is handled with its cause and the error of the client", () =>
    Effect.gen(function* () {
      for (const cause of [unsent, lost]) {
        const error = toClientError(cause)
        const request: Effect.Effect<number, RpcClientError | Support.Odd> = Effect.fail(error)
        const handled = RequestLost.catchLost(request, (...all) => Effect.succeed(all))
        assert.deepStrictEqual(yield* handled, [cause, error])
      }
    }),
  )

  it.effect("is distinguished from the errors of the procedure and of the protocol, which stay", () =>
    Effect.gen(function* () {
      const odd = new Support.Odd({ number: 7 })
      const defect = new RpcClientError({ reason: new RpcClientDefect({ message: "", cause: new Error("no JSON") }) })
      for (const error of [odd, defect]) {
        const request: Effect.Effect<number, RpcClientError | Support.Odd> = Effect.fail(error)
        const handled = request.pipe(RequestLost.catchLost(() => Effect.succeed("lost")))
        expectTypeOf(handled).toEqualTypeOf<Effect.Effect<number | string, RpcClientError | Support.Odd>>()
        assert.strictEqual(yield* Effect.flip(handled), error)
      }
    }),
  )

  it.effect("can be made again if the cause rules out a delivery", () =>
    Effect.gen(function* () {
      const retry = RequestLost.catchLost((cause) =>
        cause.maybeDelivered ? Effect.fail(cause) : Effect.succeed("again"),
      )
      assert.strictEqual(yield* retry(Effect.fail(toClientError(unsent))), "again")
      assert.strictEqual(yield* Effect.flip(retry(Effect.fail(toClientError(lost)))), lost)
      const busy = new RequestLost.RequestLost({ peer: "b", reason: new RequestLost.Busy({ limit: 2 }) })
      assert.strictEqual(yield* retry(Effect.fail(toClientError(busy))), "again")
    }),
  )

  it.effect("has reasons that Effect.catchReason handles", () =>
    Effect.gen(function* () {
      const ended = Effect.fail(lost).pipe(
        Effect.catchReason("RequestLost", "SessionEnded", ({ maybeDelivered }) => Effect.succeed(maybeDelivered)),
      )
      expectTypeOf(ended).toEqualTypeOf<Effect.Effect<boolean, RequestLost.RequestLost>>()
      assert.isTrue(yield* ended)
    }),
  )
})

describe("the client of a group", () => {
  it("has a type with a name", () => {
    type Client = PeerRpcClient.FromGroup<typeof Support.Work>
    expectTypeOf<ReturnType<Client["Half"]>>().toEqualTypeOf<Effect.Effect<number, RpcClientError | Support.Odd>>()
    expectTypeOf<Client>().toEqualTypeOf<
      Effect.Success<ReturnType<typeof PeerRpcClient.make<RpcsOf<typeof Support.Work>>>>
    >()
  })
})

type RpcsOf<Group> = Group extends { readonly requests: ReadonlyMap<string, infer R extends Rpc.Any> } ? R : never
