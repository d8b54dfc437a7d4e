/**
 * Two worlds in which the same scenarios run: real sockets on loopback with the real clock, and the
 * simulated network with virtual time. A scenario waits for what it expects to see, never for a time.
 */
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

/** A node of a scenario. */
export interface Node {
  readonly cluster: Cluster.Cluster["Service"]
  /** Where others join it. */
  readonly address: string
  /** Closes the layer: it leaves. */
  readonly stop: Effect.Effect<void>
  /** Ends it without a word: its connections are cut and it hears and says nothing more. */
  readonly crash: Effect.Effect<void>
  /** Cuts its connections; the node lives on. */
  readonly sever: Effect.Effect<void>
  /** Addresses that it dialled so far. */
  readonly dialed: ReadonlyArray<string>
}

export interface World {
  readonly node: (
    name: string,
    options?: Partial<Cluster.Options>,
    policies?: Layer.Layer<never>,
    /** Parts of the node that the test watches. */
    parts?: Partial<Overrides.Overrides>,
  ) => Effect.Effect<Node, Cluster.LayerError, Scope.Scope>
}

/** Quick policies, so that the scenarios over real sockets take no longer than they must. */
const quick = Layer.merge(FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced("100 millis")))

/** The same numbers for the same name in every run. */
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
  (name, options, policies = quick, watched = {}) =>
    Effect.gen(function* () {
      const wrapped = yield* killable(transportOf(name))
      const scope = yield* Scope.fork(yield* Effect.scope)
      const layer = Cluster.layer({ cluster: "test", name, ...options }).pipe(
        Layer.provide(Overrides.layer(watched)),
        Layer.provide(Layer.succeed(Transport.Transport, wrapped.transport)),
        Layer.provide(policies),
        Layer.provide(entropy(name)),
        // The tests look at events; the lines about them would hide the report.
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
        crash: Effect.andThen(wrapped.kill, stop),
        sever: wrapped.sever,
        dialed: wrapped.dialed,
      }
    })

/** A transport whose connections can be cut and which can be killed. */
const killable = (layer: Layer.Layer<Transport.Transport>) =>
  Effect.gen(function* () {
    const transport = Context.get(yield* Layer.build(layer), Transport.Transport)
    const killed = Deferred.makeUnsafe<void>()
    const dialed: Array<string> = []
    let severed = Deferred.makeUnsafe<void>()
    const closed = (message: string) => new Transport.TransportError({ reason: "closed", message })

    /** The connection, which fails when it is cut and sends nothing after that. */
    const fragile = (connection: Transport.Connection): Transport.Connection => {
      const mine = severed
      const cut = Effect.andThen(Deferred.await(mine), () => Effect.fail(closed("cut")))
      return {
        remoteHost: connection.remoteHost,
        pull: Effect.raceFirst(connection.pull, cut),
        write: (chunks) =>
          Effect.suspend(() => (Deferred.isDoneUnsafe(mine) ? Effect.fail(closed("cut")) : connection.write(chunks))),
        end: connection.end,
      }
    }
    const sever = Effect.suspend(() => {
      const before = severed
      severed = Deferred.makeUnsafe()
      return Deferred.succeed(before, undefined)
    })
    const wrapped: Transport.Transport["Service"] = {
      listen: Effect.map(transport.listen, (listener) => ({
        address: listener.address,
        run: (handler) =>
          Effect.raceFirst(
            listener.run((connection) => handler(fragile(connection))),
            Effect.andThen(Deferred.await(killed), Effect.never),
          ),
      })),
      connect: (address) =>
        Effect.suspend(() => {
          if (Deferred.isDoneUnsafe(killed)) return Effect.fail(closed("killed"))
          dialed.push(address)
          return Effect.map(transport.connect(address), fragile)
        }),
    }
    return {
      transport: wrapped,
      dialed,
      sever: Effect.asVoid(sever),
      kill: Effect.andThen(Deferred.succeed(killed, undefined), sever),
    }
  })

/** Real sockets. */
export const tcp: Effect.Effect<World> = Effect.sync(() => ({
  node: makeNode(() => NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
}))

/** The simulated network. */
export const sim = (network: SimNetwork.Shape): World => ({
  node: makeNode((name) => network.transport(name)),
})

/** Waits until the view is as expected. */
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

/** The next events of one kind, collected from now on. */
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

/** Two nodes that know each other. */
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

/** The next messages of a node. */
export const messages = (node: Node, count: number): Effect.Effect<Array<Message>> =>
  Stream.runCollect(Stream.take(node.cluster.inbox, count))

/** The fibers that are running among those that the effect starts, counted by Effect itself. */
export const countFibers = () => {
  let alive = 0
  const service: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      alive++
    },
    recordFiberEnd: () => {
      alive--
    },
  }
  return {
    alive: () => alive,
    within: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.provideService(effect, Metric.FiberRuntimeMetrics, service),
  }
}

/** The kind of each handle that keeps the process alive. */
export const handles = (): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Waits until something is so that tells nobody when it becomes so, such as the number of open sockets. */
export const eventually = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    condition() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), () => eventually(condition)),
  )

/** The policies of these tests, and a wall clock that is behind by so much. */
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
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      })),
    ),
  )

/**
 * A test in the simulated network. Time passes by itself, also while things close, and chance is seeded
 * by the title, so that every run is alike.
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
