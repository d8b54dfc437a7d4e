/** A typed client of the API, as a command or a tool of an application makes it. */
import * as World from "../../core/test/cluster/world.ts"
import { AdminApi } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Support from "./support.ts"

/** Makes a client that sends a token. */
const clientOf = (url: string, token: string) =>
  HttpApiClient.make(AdminApi.AdminApi, {
    transformClient: HttpClient.mapRequest(HttpClientRequest.prependUrl(url)),
  }).pipe(
    Effect.provide(
      HttpApiMiddleware.layerClient(AdminApi.Token, ({ next, request }) =>
        next(HttpClientRequest.bearerToken(request, token)),
      ),
    ),
  )

describe("a typed client", () => {
  it.live("gets reports, errors and events with their types", () =>
    Effect.gen(function* () {
      const world = yield* World.tcp
      const a = yield* world.node("a", {}, Layer.empty)
      const token = { role: "write", token: Redacted.make("write-0123456789abcdef") } as const
      const { url } = yield* Support.served(a, { tokens: [token] })
      const client = yield* clientOf(url, Redacted.value(token.token))
      assert.strictEqual((yield* client.node.self({ query: {} })).name, "a")
      assert.strictEqual((yield* client.node.cluster({ query: { deadlineMillis: 500 } })).verdict.level, "ok")
      assert.deepStrictEqual(yield* client.node.members({ query: {} }), [])
      const unknown = yield* Effect.flip(client.node.member({ params: { name: "aa" } }))
      assert.deepInclude(unknown, { _tag: "UnknownMember", near: ["a"] })
      const failed = yield* Effect.flip(client.actions.join({ payload: { address: "not an address" } }))
      assert.deepInclude(failed, { _tag: "JoinFailed", reason: "InvalidAddress" })
      const pending = yield* client.actions.join({ payload: { address: "127.0.0.1:1", timeoutMillis: 100 } })
      assert.deepStrictEqual(pending, { status: "pending", address: "127.0.0.1:1" })
      const events = yield* client.node.events({ headers: {} })
      const [first] = yield* Stream.runCollect(Stream.take(events, 1))
      assert.deepInclude(first, { event: "Snapshot" })
      assert.isNumber(first?.data.at)
      yield* client.actions.metadata({ payload: { zone: "one" } })
      assert.deepStrictEqual((yield* a.cluster.self).metadata, { zone: "one" })
      const stranger = yield* clientOf(url, "wrong-0123456789abcdef")
      assert.include(yield* Effect.flip(stranger.node.self({ query: {} })), { _tag: "Unauthorized" })
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer)),
  )
})
