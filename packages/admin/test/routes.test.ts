/** The routes in the server of an application. */
import { ServerLive } from "../../../examples/admin/ownRouter.ts"
import * as World from "../../core/test/cluster/world.ts"
import { Admin } from "@coterie/admin"
import * as Cluster from "@coterie/core/Cluster"
import { assert, describe, it } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as NodeHttp from "node:http"
import * as Support from "./support.ts"

const scenario = (title: string, body: (world: World.World) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.live(title, () => Effect.scoped(Effect.flatMap(World.tcp, body)))

const token = Redacted.make("read-0123456789abcdef")

const application = HttpRouter.add("GET", "/", HttpServerResponse.text("the application"))

/** Makes the handler of an application with these routes, and a function that asks it. */
const asking = (routes: Layer.Layer<never, unknown, HttpRouter.HttpRouter>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => HttpRouter.toWebHandler(routes, { disableLogger: true })),
      ({ dispose }) => Effect.promise(() => dispose()),
    ),
    ({ handler }) =>
      (path: string, headers: Readonly<Record<string, string>> = {}) =>
        Effect.promise(async () => {
          const response = await handler(new Request(`http://app.example${path}`, { headers }))
          return [response.status, await response.text()] as const
        }),
  )

describe("the routes in the server of an application", () => {
  scenario("are below their prefix, and leave the other routes alone", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const { service } = yield* Support.admin(a)
      const routes = Admin.layerRoutes({
        prefix: "/coterie",
        tokens: [{ role: "read", token }],
        allowedHosts: ["app.example"],
      })
      const ask = yield* asking(
        Layer.merge(application, routes).pipe(
          Layer.provide([
            Layer.succeed(Cluster.Cluster, a.cluster),
            Layer.succeed(Admin.Admin, service),
            HttpServer.layerServices,
            Logger.layer([]),
          ]),
        ),
      )
      const reads = { authorization: `Bearer ${Redacted.value(token)}` }
      assert.deepStrictEqual(yield* ask("/"), [200, "the application"])
      assert.strictEqual((yield* ask("/health/live"))[0], 404)
      assert.strictEqual((yield* ask("/coterie/health/live"))[0], 200)
      assert.strictEqual((yield* ask("/coterie/v1/self"))[0], 401)
      assert.strictEqual((yield* ask("/coterie/v1/self", reads))[0], 200)
      assert.strictEqual((yield* ask("/coterie/v1/members/b", reads))[0], 404)
      assert.strictEqual((yield* ask("/coterie/metrics"))[0], 401)
      // The page has no data, so that it needs no token.
      for (const path of ["/coterie", "/coterie/"]) assert.match((yield* ask(path))[1], /^<!doctype html>/)
      // The host of a request to the application is not checked.
      assert.strictEqual((yield* ask("/", { host: "evil.example" }))[0], 200)
    }),
  )

  scenario("end their event streams in order with the server, if it closes them first", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const { service } = yield* Support.admin(a)
      const server = ServerLive.pipe(
        Layer.provideMerge(NodeHttpServer.layer(() => NodeHttp.createServer(), { host: "127.0.0.1", port: 0 })),
        Layer.provide([
          Layer.succeed(Cluster.Cluster, a.cluster),
          Layer.succeed(Admin.Admin, service),
          Logger.layer([]),
        ]),
      )
      const scope = yield* Scope.fork(yield* Effect.scope)
      const { address } = Context.get(yield* Layer.buildWithScope(server, scope), HttpServer.HttpServer)
      const url = `http://127.0.0.1:${"port" in address ? address.port : 0}`
      const reader = yield* Support.readEvents(url, {}, { prefix: "/coterie" })
      yield* reader.until("event: Snapshot")
      yield* Scope.close(scope, Exit.void)
      // By default a server waits 20 seconds, and then cuts the streams that are open.
      assert.isTrue(yield* reader.ended)
    }),
  )

  scenario("need a token, or the word that they need none", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const { service } = yield* Support.admin(a)
      const services = Layer.mergeAll(
        Layer.succeed(Cluster.Cluster, a.cluster),
        Layer.succeed(Admin.Admin, service),
        HttpServer.layerServices,
        HttpRouter.layer,
      )
      const refused = yield* Effect.flip(Layer.build(Layer.provide(Admin.layerRoutes({}), services)))
      assert.deepInclude(refused, { _tag: "OptionsError", option: "tokens" })
      yield* Layer.build(Layer.provide(Admin.layerRoutes({ withoutTokens: true }), services))
    }),
  )

  scenario("may be those of the health alone, without an admin service", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      yield* a.cluster.settled
      const ask = yield* asking(
        Layer.merge(application, Admin.layerHealth()).pipe(
          Layer.provide([Layer.succeed(Cluster.Cluster, a.cluster), HttpServer.layerServices]),
        ),
      )
      assert.strictEqual((yield* ask("/health/ready"))[0], 200)
      assert.strictEqual((yield* ask("/v1/self"))[0], 404)
      assert.strictEqual((yield* ask("/metrics"))[0], 404)
    }),
  )
})
