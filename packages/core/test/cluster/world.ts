/**
 * Two worlds for the same scenarios: real sockets on loopback with the real clock, and the simulated network with
 * virtual time. A scenario waits for the state that it expects.
 */
import type { Address } from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import type { ClusterEvent, View } from "@coterie/core/ClusterEvent"
import * as Entropy from "@coterie/core/Entropy"
import * as FailureDetector from "@coterie/core/FailureDetector"
import type { Message } from "@coterie/core/Message"
import * as Reconnect from "@coterie/core/Reconnect"
import * as Transport from "@coterie/core/Transport"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Overrides from "../../src/cluster/Overrides.ts"
import * as Prng from "../../src/internal/prng.ts"
import { FragileTransport } from "./FragileTransport.ts"

/** A node of a scenario. */
export interface Node {
  readonly cluster: Cluster.Cluster["Service"]
  /** Address at which other nodes join it. */
  readonly address: string
  /** Closes the layer, so that the node leaves. */
  readonly stop: Effect.Effect<void>
  /** Ends the node without a Leave: its connections are cut, and it sends and receives nothing more. */
  readonly crash: Effect.Effect<void>
  /** Cuts the connections of the node, which continues to run. */
  readonly sever: Effect.Effect<void>
  /** Addresses that the node has dialed so far. */
  readonly dialed: ReadonlyArray<string>
}

export interface NodeOptions extends Partial<Cluster.Options> {
  /** Addresses that the transport advertises. Defaults to its listening address. */
  readonly advertise?: ReadonlyArray<Address> | undefined
}

export interface World {
  readonly node: (
    name: string,
    options?: NodeOptions,
    policies?: Layer.Layer<never>,
    /** Parts of the node that a test observes or replaces. */
    overrides?: Partial<Overrides.Overrides>,
  ) => Effect.Effect<Node, Cluster.LayerError, Scope.Scope>
}

/** Short intervals, so that scenarios over real sockets are fast. */
export const quick = Layer.merge(FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced("100 millis")))

/** Makes an entropy source whose numbers depend only on the name. */
const entropy = (name: string): Layer.Layer<never> => {
  let seed = [...name].reduce((sum, char) => Math.imul(sum, 31) + (char.codePointAt(0) ?? 0), 7)
  return Layer.succeed(Entropy.Entropy, {
    u32: () => {
      const [next, value] = Prng.next(seed)
      seed = next
      return Math.floor(value * 0x1_0000_0000)
    },
  })
}

const makeNode =
  (transportOf: (name: string) => Layer.Layer<Transport.Transport>): World["node"] =>
  (name, { advertise, ...options } = {}, policies = quick, overrides = {}) =>
    Effect.gen(function* () {
      const transport = Context.get(yield* Layer.build(transportOf(name)), Transport.Transport)
      const fragile = new FragileTransport(transport, advertise)
      const scope = yield* Scope.fork(yield* Effect.scope)
      const layer = Cluster.layer({ cluster: "test", name, ...options }).pipe(
        Layer.provide(Overrides.layer(overrides)),
        Layer.provide(Layer.succeed(Transport.Transport, fragile)),
        Layer.provide(policies),
        Layer.provide(entropy(name)),
        // The tests read events. Log lines about them would clutter the report.
        Layer.provide(Logger.layer([])),
      )
      const context = yield* Layer.buildWithScope(layer, scope)
      const cluster = Context.get(context, Cluster.Cluster)
      const { addresses } = yield* cluster.self
      const stop = Scope.close(scope, Exit.void)
      return {
        cluster,
        address: addresses[0] ?? "",
        stop,
        crash: Effect.andThen(fragile.kill, stop),
        sever: fragile.sever,
        dialed: fragile.dialed,
      }
    })

/** The world of real sockets. */
export const tcp: Effect.Effect<World> = Effect.sync(() => ({
  node: makeNode(() => NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
}))

/** Makes a world on a simulated network. `identityOf` returns the proof of a node. */
export const sim = (
  network: SimNetwork.Shape,
  identityOf: (name: string) => Transport.Identity | undefined = () => undefined,
): World => ({
  node: makeNode((name) => network.transport(name, { identity: identityOf(name) })),
})

/** Makes a world on a simulated network, in which one address leads to the address that `target` returns. */
export const redirected = (network: SimNetwork.Shape, address: string, target: () => Address): World =>
  sim({
    ...network,
    transport: (host) =>
      Layer.effect(
        Transport.Transport,
        Effect.map(Transport.Transport, ({ connect, listen }) => ({
          listen,
          connect: (dialed) => connect(dialed === address ? target() : dialed),
        })),
      ).pipe(Layer.provide(network.transport(host))),
  })

/** Waits for a view that satisfies the condition. */
export const until = (node: Node, expected: (view: View) => boolean): Effect.Effect<View> =>
  Effect.map(Stream.runHead(Stream.filter(node.cluster.views, expected)), Option.getOrThrow)

/** Waits until exactly these peers are in the view, with links. */
export const untilPeers = (node: Node, names: ReadonlyArray<string>): Effect.Effect<View> =>
  until(
    node,
    ({ peers }) =>
      peers.size === names.length &&
      names.every((name) => peers.get(name)?.link === "up" && peers.get(name)?.status === "alive"),
  )

/** Collects all later events into a list. */
export const collect = (node: Node): Effect.Effect<Array<ClusterEvent>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const events: Array<ClusterEvent> = []
    const started = Deferred.makeUnsafe<void>()
    yield* Effect.forkScoped(
      Stream.runForEach(node.cluster.events, (event) => {
        events.push(event)
        return Deferred.succeed(started, undefined)
      }),
    )
    yield* Deferred.await(started)
    return events
  })

/** Starts two nodes with a link. */
export const pair = Effect.fnUntraced(function* ({ node }: World) {
  const a = yield* node("a")
  const b = yield* node("b", { seeds: [a.address] })
  yield* untilPeers(a, ["b"])
  yield* untilPeers(b, ["a"])
  return { a, b }
})

/** Waits for an event. */
export const untilEvent = (node: Node, expected: (event: ClusterEvent) => boolean): Effect.Effect<ClusterEvent> =>
  Effect.map(Stream.runHead(Stream.filter(node.cluster.events, expected)), Option.getOrThrow)

/** Takes the next messages from the inbox of a node. */
export const messages = (node: Node, count: number): Effect.Effect<Array<Message>> =>
  Stream.runCollect(Stream.take(node.cluster.inbox, count))

/** Makes a counter of the running fibers that an effect starts. */
export const countFibers = () => {
  const count = { alive: 0 }
  const service: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      count.alive++
    },
    recordFiberEnd: () => {
      count.alive--
    },
  }
  return {
    alive: () => count.alive,
    within: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.provideService(effect, Metric.FiberRuntimeMetrics, service),
  }
}

/** Counts the handles that keep the process alive, by kind. */
export const handles = (): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Polls until the condition holds. For conditions without an event, such as the number of open sockets. */
export const eventually = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    condition() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), () => eventually(condition)),
  )

/** Makes the policies of these tests with a wall clock that is behind by this duration. */
export const clockBack = (behind: Duration.Input): Layer.Layer<never> =>
  Layer.merge(
    quick,
    Layer.effect(
      Clock.Clock,
      Effect.map(Clock.Clock, (clock) => ({
        ...clock,
        sleep: (duration: Duration.Duration) => clock.sleep(duration),
        currentTimeMillisUnsafe: () =>
          clock.currentTimeMillisUnsafe() - Duration.toMillis(Duration.fromInputUnsafe(behind)),
        // A method of the class, which the spread leaves out. Only spans read it.
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      })),
    ),
  )

/**
 * Defines a test on the simulated network. Virtual time advances automatically, also while scopes close. The title
 * seeds `Random`, so every run is the same.
 */
export const simulated = (
  title: string,
  body: (world: World, network: SimNetwork.Shape) => Effect.Effect<void, unknown, Scope.Scope>,
  options: SimNetwork.Options = { latency: "1 millis" },
): void =>
  it.effect(title, () =>
    Effect.flatMap(SimNetwork.make(options), (network) => body(sim(network), network)).pipe(
      Effect.scoped,
      Random.withSeed(title),
      VirtualTime.flow,
    ),
  )
