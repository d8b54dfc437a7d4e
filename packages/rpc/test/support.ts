/** Group of procedures whose handlers record their requests, and nodes that serve and use it. */
import * as World from "../../core/test/cluster/world.ts"
import * as Cluster from "@coterie/core/Cluster"
import type { PeerRef } from "@coterie/core/Peer"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import * as RequestLost from "@coterie/rpc/RequestLost"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Rpc from "effect/rpc/Rpc"
import { RpcClientError } from "effect/rpc/RpcClientError"
import * as RpcGroup from "effect/rpc/RpcGroup"
import type { RpcSerialization } from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export class Odd extends Schema.TaggedError<Odd>()("Odd", { number: Schema.Number }) {}

const Trap = Schema.Struct({
  text: Schema.String.pipe(
    Schema.decode({
      decode: SchemaGetter.transform((): string => {
        throw new Error("a bug of a schema")
      }),
      encode: SchemaGetter.passthrough(),
    }),
  ),
})

export const Work = RpcGroup.make(
  Rpc.make("Half", { payload: { number: Schema.Number }, success: Schema.Number, error: Odd }),
  Rpc.make("Repeat", { payload: { text: Schema.String, times: Schema.Number }, success: Schema.String }),
  /** Never answers. */
  Rpc.make("Wait", { payload: { id: Schema.String }, success: Schema.Void }),
  /** Emits one block of this size, and does not end. */
  Rpc.make("Blocks", { payload: { bytes: Schema.Number }, success: Schema.String, stream: true }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
  Rpc.make("Fail", { success: Schema.Void }),
  /** The decoder of its payload throws. */
  Rpc.make("Trap", { payload: Trap, success: Schema.Void }),
  /** Returns the peer that made the request. */
  Rpc.make("Who", { success: Schema.Struct({ name: Schema.String, generation: Schema.Number }) }),
  /** Emits the name of the node that serves this number of times. */
  Rpc.make("Places", { payload: { to: Schema.Number }, success: Schema.String, stream: true }),
  /** Returns the name of the node that serves. */
  Rpc.make("Where", { success: Schema.String }),
  /** Returns the parent of the handler's span, and the trace. */
  Rpc.make("Trace", { success: Schema.Struct({ parent: Schema.String, trace: Schema.String }) }),
)

/** Requests that a server saw. */
export interface Seen {
  /** Ids of the requests `Wait`, in the order in which they began. */
  readonly began: Array<string>
  /** Ids of the requests `Wait` whose handlers were interrupted. */
  readonly interrupted: Array<string>
  /** Number of values produced for `Count`. */
  counted: number
  /** Number of requests `Repeat`. */
  repeated: number
  /** Number of requests `Count` and `Blocks` that have ended. */
  ended: number
}

export const handlers = (seen: Seen, name = "", delay: Duration.Input = 0) =>
  Work.toLayer({
    Half: ({ number }) => (number % 2 === 0 ? Effect.succeed(number / 2) : Effect.fail(new Odd({ number }))),
    Repeat: ({ text, times }) =>
      Effect.sync(() => {
        seen.repeated++
        return text.repeat(times)
      }),
    Blocks: ({ bytes }) =>
      Stream.concat(Stream.succeed("x".repeat(bytes)), Stream.never).pipe(
        Stream.ensuring(Effect.sync(() => seen.ended++)),
      ),
    Wait: ({ id }) =>
      Effect.suspend(() => {
        seen.began.push(id)
        return Effect.onInterrupt(Effect.never, () => Effect.sync(() => seen.interrupted.push(id)))
      }),
    Count: ({ to }) =>
      Stream.range(1, to, 1).pipe(
        Stream.tap(() => Effect.sync(() => seen.counted++)),
        Stream.ensuring(Effect.sync(() => seen.ended++)),
      ),
    Trap: () => Effect.void,
    Fail: () => Effect.die(new Error("a bug")),
    Who: (_, { headers }) => Effect.succeed(PeerRpcServer.caller(headers) ?? { name: "", generation: 0 }),
    Places: ({ to }) => Stream.map(Stream.range(1, to, 1), () => name),
    Where: () => Effect.as(Effect.sleep(delay), name),
    Trace: () =>
      Effect.map(Effect.currentSpan, (span) => ({
        parent: span.parent._tag === "Some" ? span.parent.value.spanId : "",
        trace: span.traceId,
      })).pipe(Effect.orDie),
  })

/** Options of a server or a client layer. Absent options have the defaults of the service. */
export interface How extends PeerRpcServer.Options {
  /** Time that the request `Where` takes. Defaults to zero. */
  readonly delay?: Duration.Input | undefined
  readonly disableFatalDefects?: boolean
  readonly serialization?: Layer.Layer<RpcSerialization> | undefined
}

const on = (node: World.Node, { serialization }: How) =>
  Layer.mergeAll(Layer.succeed(Cluster.Cluster, node.cluster), Logger.layer([]), serialization ?? Layer.empty)

/** Serves the group until the scope closes or the returned `stop` runs. */
export const serve = Effect.fnUntraced(function* (node: World.Node, how: How = {}) {
  const seen: Seen = { began: [], interrupted: [], repeated: 0, counted: 0, ended: 0 }
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = PeerRpcServer.layer(Work, how).pipe(
    Layer.provide([handlers(seen, (yield* node.cluster.self).name, how.delay), on(node, how)]),
  )
  yield* Layer.buildWithScope(layer, scope)
  return { seen, stop: Scope.close(scope, Exit.void) }
})

/**
 * Makes a client layer on the node. `to` makes a client of a peer that lives as long as the layer, `scoped` a client
 * for the scope of its caller, and `stop` closes the layer.
 */
export const requests = Effect.fnUntraced(function* (node: World.Node, how: How = {}) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const context = yield* Layer.buildWithScope(PeerRpcClient.layer(how).pipe(Layer.provide(on(node, how))), scope)
  const service = Context.get(context, PeerRpcClient.PeerRpcClient)
  const scoped = (peer: PeerRef) =>
    Effect.provideService(PeerRpcClient.make(Work, peer), PeerRpcClient.PeerRpcClient, service)
  const to = (peer: PeerRef) => Scope.provide(scoped(peer), scope)
  return { service, to, scoped, stop: Scope.close(scope, Exit.void) }
})

/** Makes two connected nodes. `b` serves and `a` makes requests. */
export const pair = Effect.fnUntraced(function* (
  { node }: World.World,
  how: How = {},
  options?: { readonly a?: Partial<Cluster.Options>; readonly b?: Partial<Cluster.Options> },
) {
  const b = yield* node("b", options?.b)
  const server = yield* serve(b, how)
  const a = yield* node("a", { seeds: [b.address], ...options?.a })
  const client = yield* requests(a, how)
  yield* World.untilPeers(a, ["b"])
  yield* World.untilPeers(b, ["a"])
  const toB = yield* client.to("b")
  return { a, b, server, client, toB, seen: server.seen }
})

/** Describes the cause of an error in terms of the cluster, such as `send NotConnected` or `lost SessionEnded`. */
export const describeError = (error: unknown): string => {
  const cause = error instanceof RpcClientError ? RequestLost.causeOf(error) : undefined
  return cause === undefined ? String(error) : `${cause._tag === "SendError" ? "send" : "lost"} ${cause.reason._tag}`
}

/** Waits for the failure of a request and describes its cause. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, A, R> =>
  Effect.map(Effect.flip(effect), describeError)

/** Runs the effect in the background. `isDone` reports whether it has ended, and `result` waits for its exit. */
export const background = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const done = Deferred.makeUnsafe<A, E>()
  const fiber = yield* Effect.forkScoped(Effect.onExit(effect, (exit) => Deferred.done(done, exit)))
  return { fiber, isDone: () => Deferred.isDoneUnsafe(done), result: Deferred.await(done) }
})
