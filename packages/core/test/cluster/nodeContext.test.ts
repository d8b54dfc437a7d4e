/**
 * The context of the fibers that outlive a call of the application: they belong to the node, and keep nothing of the
 * caller.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"

/** Reference that the code of one request sets. */
const RequestId = Context.Reference("test/RequestId", { defaultValue: () => "none" })

/** Returns what fibers can take over from the code that started them. */
const surroundings = Effect.map(Effect.context<never>(), (context) => ({
  scheduler: Context.get(context, Scheduler.Scheduler),
  span: Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan)),
  request: Context.get(context, RequestId),
  annotations: Object.keys(Context.get(context, References.CurrentLogAnnotations)),
}))

type Surroundings = Effect.Success<typeof surroundings>

/** Runs an effect as the code of one request. */
const asRequest = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.provideService(RequestId, "request 7"),
    Effect.annotateLogs({ request: 7 }),
    Effect.withSpan("request"),
  )

/** Starts two nodes. Returns them, and the surroundings of the first read of `a` on a connection. */
const start = Effect.fnUntraced(function* (options: Pick<Cluster.Options, "start"> = {}) {
  const network = yield* SimNetwork.make()
  const seen = yield* Deferred.make<Surroundings>()
  const observed = (connection: Transport.Connection): Transport.Connection => ({
    ...connection,
    pull: Effect.andThen(
      Effect.flatMap(surroundings, (found) => Deferred.succeed(seen, found)),
      connection.pull,
    ),
  })
  const transport = Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, (inner) => ({
      listen: Effect.map(inner.listen, (listener) => ({
        ...listener,
        run: (handler) => listener.run((connection) => handler(observed(connection))),
      })),
      connect: (address) => Effect.map(inner.connect(address), observed),
    })),
  ).pipe(Layer.provide(network.transport("a")))
  const node = (nodeOptions: Cluster.Options, layer: Layer.Layer<Transport.Transport>) =>
    Effect.map(Layer.build(Layer.provide(Cluster.layer(nodeOptions), layer)), Context.get(Cluster.Cluster))
  const a = yield* node({ cluster: "test", name: "a", ...options }, transport)
  const b = yield* node({ cluster: "test", name: "b" }, network.transport("b"))
  return { a, b, seen: Deferred.await(seen) }
})

const assertOfNode = Effect.fnUntraced(function* (found: Surroundings) {
  assert.notStrictEqual(found.scheduler, yield* Scheduler.Scheduler)
  assert.isUndefined(found.span)
  assert.strictEqual(found.request, "none")
  assert.notInclude(found.annotations, "request")
})

describe("the link of a node", () => {
  it.live(
    "that a call of join made has the scheduler of the node, and no span, annotation or reference of the caller",
    () =>
      Effect.gen(function* () {
        const { a, b, seen } = yield* start()
        yield* asRequest(Effect.flatMap(b.self, ({ addresses }) => a.join(addresses)))
        yield* assertOfNode(yield* seen)
      }).pipe(Effect.scoped),
  )

  it.live("that it accepted after a call of start has nothing of the caller either", () =>
    Effect.gen(function* () {
      const { a, b, seen } = yield* start({ start: "manual" })
      yield* asRequest(a.start)
      yield* b.join((yield* a.self).addresses)
      yield* Stream.runHead(Stream.filter(b.views, ({ peers }) => peers.size === 1))
      yield* assertOfNode(yield* seen)
    }).pipe(Effect.scoped),
  )
})
