/** Runs the code blocks of docs/requests.md with requests to several peers. */
import { Cluster } from "@coterie/core"
import { PeerRpcClient, PeerRpcServer } from "@coterie/rpc"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Option, Scope, Stream } from "effect"
import * as Requests from "../requests.ts"
import { Work } from "../work/Work.ts"

/** Primes below 100. */
const primes = 25

const logged: Array<string> = []
const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])

it.effect("the code blocks of the guide ask all peers, any node, and another peer if a request was not sent", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      Cluster.layer({ cluster: "guide", name, seeds: ["ann"] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.provide(Logger.layer([])),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    /** Serves the group. A busy node never answers. */
    const serve = (node: Cluster.Cluster["Service"], isBusy = false) =>
      PeerRpcServer.layer(Work).pipe(
        Layer.provide(
          Work.toLayer({ CountPrimes: (): Effect.Effect<number> => (isBusy ? Effect.never : Effect.succeed(primes)) }),
        ),
        Layer.provide(Layer.succeed(Cluster.Cluster, node)),
        Layer.build,
      )
    const ann = yield* start("ann")
    yield* serve(yield* start("bob"))
    const cat = yield* Scope.fork(yield* Effect.scope)
    yield* Scope.provide(serve(yield* start("cat"), true), cat)
    // A node that does not serve the group has no answer.
    yield* start("dan")
    yield* Stream.runHead(
      Stream.filter(ann.views, ({ peers }) => [...peers.values()].filter(({ link }) => link === "up").length === 3),
    )
    yield* Effect.sleep("1 second")

    yield* Effect.gen(function* () {
      assert.strictEqual(yield* Requests.countEverywhere, primes)
      assert.deepStrictEqual(logged.length, 1)
      assert.include(logged[0], "cat has no answer")
      const first = Option.getOrThrow(yield* Requests.countOnce)
      assert.deepStrictEqual([first.peer.name, Exit.isSuccess(first.exit) && first.exit.value], ["bob", primes])
      assert.strictEqual(yield* Requests.countSafely("bob", "eve"), primes)
      assert.strictEqual(yield* Requests.countSafely("eve", "bob"), primes)
      yield* Scope.close(cat, Exit.void)
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* Requests.countAnywhere, primes)
      assert.deepStrictEqual(yield* Requests.countByJob([1, 2, 1]), [primes, primes, primes])
    }).pipe(Effect.provide(PeerRpcClient.layer()), Effect.provideService(Cluster.Cluster, ann), Effect.provide(logger))
  }).pipe(Effect.scoped, VirtualTime.flow),
)
