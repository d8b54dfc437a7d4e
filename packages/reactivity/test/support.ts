/** Nodes with a service of the package, on a simulated network in virtual time. */
import * as Cluster from "@coterie/core/Cluster"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** A running node with its services. */
export interface Node<A> {
  readonly cluster: Cluster.Cluster["Service"]
  readonly context: Context.Context<A | Cluster.Cluster>
  /** Runs an effect with the services of the node. */
  readonly run: <B, E, R>(effect: Effect.Effect<B, E, R>) => Effect.Effect<B, E, Exclude<R, A | Cluster.Cluster>>
  /** Closes the layer, so that the node leaves. */
  readonly stop: Effect.Effect<void>
  /** Waits until the node has links to exactly this number of peers. */
  readonly linked: (count: number) => Effect.Effect<void>
}

/** Starts a node whose services are built before it joins the others. Its log lines go to `lines`. */
export const start = Effect.fnUntraced(function* <A, E>(
  network: SimNetwork.Shape,
  name: string,
  services: Layer.Layer<A, E, Cluster.Cluster>,
  options: Partial<Cluster.Options> & { readonly lines?: Array<string> } = {},
) {
  const { lines = [], ...clusterOptions } = options
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  const layer = Layer.provideMerge(Cluster.layerStart, services).pipe(
    Layer.provideMerge(
      Cluster.layer({ cluster: "test", name, seeds: ["a", "b", "c"], start: "manual", ...clusterOptions }),
    ),
    Layer.provide(network.transport(name)),
    Layer.provide(FailureDetector.layerLocal),
    Layer.provide(Logger.layer([logger])),
  )
  const scope = yield* Scope.fork(yield* Effect.scope)
  const context = yield* Layer.buildWithScope(Layer.fresh(layer), scope)
  const cluster = Context.get(context, Cluster.Cluster)
  const node: Node<A> = {
    cluster,
    context,
    run: (effect) => Effect.provide(effect, context),
    stop: Scope.close(scope, Exit.void),
    linked: (count) =>
      cluster.views.pipe(
        Stream.filter(({ peers }) => [...peers.values()].filter(({ link }) => link === "up").length === count),
        Stream.runHead,
        Effect.asVoid,
      ),
  }
  return node
})

/** Defines a test on a network with a latency of 5 ms, in virtual time. */
export const test = <E>(
  title: string,
  body: (network: SimNetwork.Shape) => Effect.Effect<void, E, Scope.Scope>,
): void =>
  it.effect(title, () =>
    Effect.flatMap(SimNetwork.make({ latency: "5 millis" }), body).pipe(
      Effect.scoped,
      VirtualTime.flow,
      Effect.provide(Logger.layer([])),
    ),
  )

/** Time in which everything that is on the way has arrived, and everything that waits for an interval has run. */
export const settle = Effect.sleep("3 seconds")
