import { Cluster, Topic } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { ConfigProvider, Context, Deferred, Effect, Fiber, Layer, Schema, Stream } from "effect"
import * as Service from "../service.ts"

const Greetings = Topic.make("greetings", Schema.String)

const environment = (variables: Record<string, string>) =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env: { COTERIE_CLUSTER: "shop", ...variables } }))

it.effect(
  "a service of the guide receives messages that a peer publishes at its join, even if its readers start slowly",
  () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: "5 millis" })
      const greeted = yield* Deferred.make<string>()
      const readers = Layer.effectDiscard(
        Effect.gen(function* () {
          yield* Effect.sleep("3 seconds") // The reader loads its state first.
          const greetings = yield* Topic.open(Greetings)
          yield* Effect.forkScoped(
            Stream.runForEach(greetings.messages, ({ value }) => Deferred.succeed(greeted, value)),
          )
        }),
      )
      const peer = yield* Cluster.layer({ cluster: "shop", name: "peer", seeds: ["service"] }).pipe(
        Layer.provide(network.transport("peer")),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
      yield* Stream.filter(peer.events, ({ _tag }) => _tag === "Joined").pipe(
        Stream.runForEach(() => Greetings.publish("hello")),
        Effect.provideService(Cluster.Cluster, peer),
        Effect.forkScoped,
      )
      yield* Service.layer(readers).pipe(
        Layer.provide(network.transport("service")),
        Layer.provide(environment({ COTERIE_NAME: "service", COTERIE_SEEDS: "peer" })),
        Layer.build,
      )
      assert.strictEqual(yield* Effect.timeout(Deferred.await(greeted), "1 minute"), "hello")
    }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("a service of the guide fails if another process has its name", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const variables = environment({ COTERIE_NAME: "service", COTERIE_SEEDS: "first" })
    const start = (host: string) =>
      Effect.forkScoped(
        Service.run.pipe(
          Effect.provide(
            Service.layer(Layer.empty).pipe(Layer.provide(network.transport(host)), Layer.provide(variables)),
          ),
        ),
      )
    const first = yield* start("first")
    const second = yield* start("second")
    const error = yield* Effect.flip(Fiber.join(second))
    assert.include(error, { _tag: "StoppedError" })
    assert.include(error.message, `another process has this node's name (option "name")`)
    assert.isUndefined(first.pollUnsafe())
  }).pipe(Effect.scoped, VirtualTime.flow),
)
