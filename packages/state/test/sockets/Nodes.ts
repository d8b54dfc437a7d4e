/** Nodes of one process on loopback TCP, which share a presence. Links between them can be cut. */
import { Address } from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import * as Transport from "@coterie/core/Transport"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Presence from "@coterie/state/Presence"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { MetricReader } from "../../../core/test/cluster/MetricReader.ts"
import { FoldedPresence } from "../presence/FoldedPresence.ts"
import { CutTransport } from "./CutTransport.ts"

export type Users = Presence.Presence<string>

const [linkTimeout, suspicionMax] = [1_000, 400]

/** Time in which a node that no member reaches fails, in milliseconds. */
export const failureMillis = linkTimeout + suspicionMax

const policies = Layer.merge(
  FailureDetector.layer({ heartbeat: "100 millis", linkTimeout, suspicionMin: "200 millis", suspicionMax }),
  Reconnect.layer(Schedule.spaced("50 millis")),
)

/** Starts a node. Its keys have no grace, so a leave that is wrong is seen at once. */
export const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string> = []) {
  const tcp = Context.get(
    yield* Layer.build(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
    Transport.Transport,
  )
  const line = new CutTransport(tcp)
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Cluster.layer({ cluster: "test", name, seeds }).pipe(
    Layer.provide(Layer.succeed(Transport.Transport, line)),
    Layer.provide(policies),
    // The tests read events. Log lines about them would clutter the report.
    Layer.provide(Logger.layer([])),
  )
  const cluster = Context.get(yield* Layer.buildWithScope(layer, scope), Cluster.Cluster)
  const users = yield* Presence.make("users", { value: Schema.String, grace: 0 }).pipe(
    Effect.provideService(Cluster.Cluster, cluster),
    Scope.provide(scope),
  )
  const { addresses } = yield* cluster.self
  return {
    name,
    cluster,
    line,
    users,
    address: addresses[0] ?? Address.make(""),
    stop: Scope.close(scope, Exit.void),
    /** Tracks users until the node stops. */
    keep: (keys: Iterable<string>) =>
      Effect.forEach(keys, (key) => Scope.provide(users.track(key, `at ${name}`), scope), { discard: true }),
  }
})

export type Node = Effect.Success<ReturnType<typeof start>>

/** Cuts the links between two nodes. */
export const cut = (a: Node, b: Node) => Effect.andThen(a.line.cut(b.address), b.line.cut(a.address))

/** Waits for an item of a stream. */
export const until = <A>(stream: Stream.Stream<A>, expected: (item: A) => boolean) =>
  Effect.map(Stream.runHead(Stream.filter(stream, expected)), Option.getOrThrow)

/** Waits for a view of a node. */
export const untilView = (
  node: Node,
  expected: (view: Effect.Success<Cluster.Cluster["Service"]["view"]>) => boolean,
) => until(node.cluster.views, expected)

/** Waits until a presence lists exactly these keys, none of which is leaving. */
export const untilKeys = (users: Users, expected: ReadonlyArray<string>) => {
  const keys = new Set(expected)
  const list = new Map<string, Presence.Present<string>>()
  return until(users.changes, (item) => {
    Presence.apply(list, item)
    return list.size === keys.size && [...list.values()].every(({ key, leaving }) => keys.has(key) && !leaving)
  })
}

/** Waits until a presence has an owner in a state. */
export const untilOwner = (users: Users, name: string, state: string) =>
  Effect.gen(function* () {
    // The presence has no event for the states of its owners.
    while ((yield* users.owners).get(name)?.state !== state) yield* Effect.sleep("5 millis")
  })

/** Folds the changes of a presence, from now on. */
export const follow = Effect.fnUntraced(function* (users: Users) {
  const folded = new FoldedPresence()
  yield* Effect.forkScoped(Stream.runForEach(users.changes, (item) => Effect.sync(() => folded.apply(item))))
  while (folded.tags.length === 0) yield* Effect.yieldNow
  return folded
})

export const names = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

/** Number of keys of each node. */
export const keyCount = 250

/** Four nodes: two sides of two nodes each, which have not met. */
export class Nodes extends Context.Service<
  Nodes,
  {
    readonly a: Node
    b: Node
    readonly c: Node
    readonly w: Node
    readonly metrics: MetricReader
    /** Starts a node that lives as long as the others. */
    readonly start: typeof start
  }
>()("test/sockets/Nodes") {}

export const layer = Layer.effect(
  Nodes,
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const registry: Metric.MetricRegistry = new Map()
    const observed: typeof start = (name, seeds) =>
      start(name, seeds).pipe(Scope.provide(scope), Effect.provideService(Metric.MetricRegistry, registry))
    const [a, c] = [yield* observed("a"), yield* observed("c")]
    const [b, w] = [yield* observed("b", [a.address]), yield* observed("w", [c.address])]
    for (const node of [a, b, c, w]) yield* node.keep(names(node.name, keyCount))
    return { a, b, c, w, metrics: new MetricReader(registry), start: observed }
  }),
)
