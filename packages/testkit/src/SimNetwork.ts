/**
 * A network in memory, for tests: any number of hosts, latency, partitions, lost connections and
 * crashed hosts. Each node of a test gets a `Transport` of its own from {@link Shape.transport}.
 *
 * Time is Effect's `Clock` and chance is Effect's `Random`, both taken where the network is made. So
 * it runs under the stock `TestClock`, where nothing happens until the test adjusts the clock (without
 * latency, nothing needs to), and equally on the live clock. With a seeded `Random` every run is alike.
 *
 * It behaves as TCP does through Node:
 *
 * - Loss is never silent. What meets a partition is held and delivered, in order, after it healed.
 * - A connection takes one latency each way to open, or to be refused. What cannot be delivered makes
 *   it wait, as a lost SYN does.
 * - What is written goes through a send buffer that counts what is under way and what the other end
 *   has not pulled. A `write` ends when the buffer took all of it; interrupting it takes nothing back.
 * - Closing the scope of a connection sends what was written and then the end of the stream. Meanwhile
 *   what arrives is thrown away. The connection is gone when both ends have ended. If that does not
 *   come to pass within the `linger` time, it is reset.
 * - A reset travels behind what was sent before it. Where it arrives, bytes that were not pulled yet
 *   are lost.
 *
 * @since 0.1.0
 */
import type * as Transport from "@coterie/core/Transport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Distribution } from "./Distribution.ts"
import * as Microseconds from "./internal/Microseconds.ts"
import { ClockTimeline } from "./internal/ClockTimeline.ts"
import type { Draws, Stream } from "./kernel/Draws.ts"
import type { Prng } from "./kernel/Prng.ts"
import * as Engine from "./network/Engine.ts"
import type { Process } from "./network/Environment.ts"

export type { ConnectionInfo, Snapshot } from "./network/Engine.ts"

/**
 * How long one way takes: always as long, or evenly drawn between two bounds for every segment.
 *
 * @category models
 * @since 0.1.0
 */
export type Delay = Duration.Input | { readonly min: Duration.Input; readonly max: Duration.Input }

/**
 * The delay of everything, or of each pair of hosts.
 *
 * @category models
 * @since 0.1.0
 */
export type Latency = Delay | ((from: string, to: string) => Delay)

/**
 * How the network is made.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** One way. Default: none, so that a test needs no clock. */
  readonly latency?: Latency | undefined
  /** Cuts what is written at random places, so that decoders meet every split. Default: `false`. */
  readonly split?: boolean | undefined
  /** The bytes that each direction of a connection holds, under way and not pulled. Default: 64 KiB. */
  readonly sendBuffer?: number | undefined
  /** Bytes a second that each direction of a pair of hosts carries. Default: no limit. */
  readonly bandwidth?: number | undefined
  /** After which time a dial fails as `unreachable`. Default: never. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long a closed connection waits for the other end before it is reset. Default: 5 seconds. */
  readonly linger?: Duration.Input | undefined
}

/**
 * Options of a node's transport.
 *
 * @category options
 * @since 0.1.0
 */
export interface TransportOptions {
  /** Port on which the node listens; 0 picks a free one. Defaults to {@link defaultPort}. */
  readonly port?: number | undefined
  /** Proof of the node, as the other nodes see it in `Connection.identity`. Defaults to none, as with plain TCP. */
  readonly identity?: Transport.Identity | undefined
}

/**
 * Options of a withdrawal.
 *
 * @category options
 * @since 0.1.0
 */
export interface WithdrawOptions {
  /** Withdraws only connections with this host. Defaults to the connections with all hosts. */
  readonly peer?: string | undefined
  /**
   * Time after which the connections are reset. Defaults to {@link defaultWithdrawal}. `Duration.infinity` only asks for other
   * connections, as a transport does for old ones.
   */
  readonly within?: Duration.Input | undefined
}

/**
 * What a test can do with the network.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shape {
  /**
   * The transport of a node at the given host. It listens on the port, which defaults to {@link defaultPort};
   * 0 picks a free one. Every node needs a layer of its own; building one at a crashed host
   * brings the host back.
   */
  readonly transport: (host: string, options?: number | TransportOptions) => Layer.Layer<Transport.Transport>
  /**
   * Changes the proof of a node. Connections that are made later have the new identity; open connections keep theirs. A
   * transport that is built later has the identity of its options.
   */
  readonly prove: (host: string, identity: Transport.Identity | undefined) => Effect.Effect<void>
  /**
   * Withdraws the proofs of the open connections of a node, as a node does that removes a secret. The connections' `renewal`
   * completes at this node. Then the connections are reset, unless the node has replaced them. Affects only connections
   * on which at least one side has an identity.
   */
  readonly withdraw: (host: string, options?: WithdrawOptions) => Effect.Effect<void>
  /** Lets nothing pass between the two groups. Connections stay open and stall. */
  readonly partition: (hostsA: ReadonlyArray<string>, hostsB: ReadonlyArray<string>) => Effect.Effect<void>
  /** Lets nothing pass from the first group to the second. */
  readonly partitionOneWay: (from: ReadonlyArray<string>, to: ReadonlyArray<string>) => Effect.Effect<void>
  /** Ends all partitions. What was held sets out again. */
  readonly heal: Effect.Effect<void>
  /** Resets the connections between two hosts, at both ends and at once. New ones are possible. */
  readonly cut: (hostA: string, hostB: string) => Effect.Effect<void>
  /**
   * Ends everything at the host: listeners, connections, and transports that were built there, which
   * connect to nothing any more. Peers see resets and refused dials. After a silent crash they see nothing at
   * all: the host is a black hole until a new transport is built at it.
   */
  readonly crash: (host: string, options?: { readonly silent?: boolean | undefined }) => Effect.Effect<void>
  /** Changes the latency of what sets out from now on. */
  readonly setLatency: (latency: Latency) => Effect.Effect<void>
  /** All that is open now. */
  readonly inspect: Effect.Effect<Engine.Snapshot>
  /** The number of open connections between two hosts, whoever dialed. */
  readonly connections: (hostA: string, hostB: string) => Effect.Effect<number>
  /** The bytes that arrived so far on connections from one host to the other. */
  readonly bytes: (from: string, to: string) => Effect.Effect<number>
}

/**
 * The simulated network.
 *
 * @category services
 * @since 0.1.0
 */
export class SimNetwork extends Context.Service<SimNetwork, Shape>()("@coterie/testkit/SimNetwork") {}

/**
 * Port of a node that is given none. It equals `Address.defaultPort` (24868), so the name of a host is the address of its node: the
 * seed `a` means `a:24868`.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultPort = Engine.defaultPort

/**
 * Time between the withdrawal of a proof and the reset of the connections that have it.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultWithdrawal: Duration.Input = "30 seconds"

/** Draws everything from the service, and records nothing. */
const drawsFrom = (random: typeof Random.Random.Service): Draws => {
  const next = () => random.nextDoubleUnsafe()
  const prng: Prng = { next, u32: () => Math.floor(next() * 2 ** 32) }
  const stream: Stream = { draw: (sample) => sample(prng) }
  return { stream: () => stream, deviations: () => ({}) }
}

/** One process for all nodes: a resumed fiber runs inside of the call that resumed it. */
const inline: Process = { enqueue: (task) => task() }

const distribution = (delay: Delay): Distribution =>
  typeof delay === "object" && "min" in delay
    ? { uniform: [Microseconds.fromDuration(delay.min), Microseconds.fromDuration(delay.max)] }
    : Microseconds.fromDuration(delay)

const perPair = (latency: Latency): ((from: string, to: string) => Distribution) => {
  if (typeof latency === "function") return (from, to) => distribution(latency(from, to))
  const always = distribution(latency)
  return () => always
}

/** Chance of a write to be split. */
const splitChance = 0.75

/**
 * Makes a network. Closing the scope resets what is still open in it.
 *
 * **Example** (A partition that heals)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { SimNetwork, VirtualTime } from "@coterie/testkit"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const network = yield* SimNetwork.make({ latency: { min: "1 millis", max: "30 millis" } })
 *   for (const name of ["a", "b"]) {
 *     yield* Cluster.layer({ cluster: "test", name, seeds: ["a"] }).pipe(
 *       Layer.provide(network.transport(name)),
 *       Layer.build,
 *     )
 *   }
 *   yield* Effect.sleep("1 second") // The nodes meet.
 *   yield* network.partition(["a"], ["b"])
 *   yield* Effect.sleep("1 minute")
 *   yield* network.heal
 * }).pipe(Effect.scoped, VirtualTime.flow)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Shape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const engine = new Engine.Engine(
      {
        timeline: new ClockTimeline(yield* Clock.Clock, yield* Effect.context<never>()),
        draws: drawsFrom(yield* Random.Random),
        process: () => inline,
      },
      {
        conditions: {
          ...(options.split === true ? { split: splitChance } : {}),
          ...(options.bandwidth === undefined ? {} : { bandwidth: options.bandwidth }),
        },
        latency: perPair(options.latency ?? Duration.zero),
        sendBuffer: options.sendBuffer,
        // A test says how long it wants to wait, and loses nothing otherwise.
        connectTimeout: options.connectTimeout ?? Duration.infinity,
        userTimeout: Duration.infinity,
        linger: options.linger,
      },
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => engine.close()))
    return SimNetwork.of({
      transport: (host, given = {}) => {
        const { identity, port } = typeof given === "number" ? { port: given, identity: undefined } : given
        return engine.transport(host, port, () => identity)
      },
      prove: (host, identity) => Effect.sync(() => engine.prove(host, identity)),
      withdraw: (host, { peer, within = defaultWithdrawal } = {}) =>
        Effect.sync(() => engine.withdraw(host, peer, within)),
      partition: (hostsA, hostsB) => Effect.sync(() => void engine.partition(hostsA, hostsB)),
      partitionOneWay: (from, to) => Effect.sync(() => void engine.partitionOneWay(from, to)),
      heal: Effect.sync(() => engine.heal()),
      cut: (hostA, hostB) => Effect.sync(() => engine.reset(hostA, hostB)),
      crash: (host, how) => Effect.sync(() => engine.crash(host, how)),
      setLatency: (latency) => Effect.sync(() => engine.setLatency(perPair(latency))),
      inspect: Effect.sync(() => engine.inspect()),
      connections: (hostA, hostB) => Effect.sync(() => engine.connections(hostA, hostB)),
      bytes: (from, to) => Effect.sync(() => engine.bytes(from, to)),
    })
  })

/**
 * A network as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<SimNetwork> => Layer.effect(SimNetwork)(make(options))
