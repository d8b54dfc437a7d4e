/**
 * Network in memory for tests, with any number of hosts, latency, partitions, lost connections and crashed hosts. Each
 * node of a test gets its own `Transport` from {@link Shape.transport}.
 *
 * **When to use**
 *
 * Use it in an `it.effect` that needs a network and no other faults. Use `Simulation` for crashed processes, pauses,
 * wrong clocks, random faults, and runs that a seed reproduces.
 *
 * **Details**
 *
 * The network uses the `Clock` and the `Random` of the place where it is made. It runs under the stock `TestClock`,
 * where virtual time passes only when the test adjusts the clock, and on the live clock. Without latency it needs no
 * time. With a seeded `Random`, every run is the same.
 *
 * The network behaves as TCP does in Node:
 *
 * - Loss is never silent. A partition holds segments, and delivers them in order after it has healed.
 * - A connection needs one latency in each direction to open or to be refused. If the network cannot deliver, the dial
 *   waits, as with a lost SYN.
 * - Writes pass through a send buffer. The buffer counts the bytes in flight and the bytes that the other end has not
 *   pulled. A `write` completes when the buffer has accepted all of its bytes. An interruption removes no bytes from
 *   it.
 * - Closing the scope of a connection sends the written bytes and then the end of the stream. Bytes that arrive
 *   meanwhile are discarded. The connection is closed when both ends have ended, and is reset if that takes longer than
 *   `linger`.
 * - A reset travels behind the bytes that were sent before it. Where it arrives, bytes that were not pulled are lost.
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
import { DiskTable } from "./disk/DiskTable.ts"
import * as Microseconds from "./internal/Microseconds.ts"
import { ClockTimeline } from "./internal/ClockTimeline.ts"
import type { Draws, Stream } from "./kernel/Draws.ts"
import type { Prng } from "./kernel/Prng.ts"
import * as Engine from "./network/Engine.ts"
import type { Process } from "./network/Environment.ts"
import { SimHost } from "./SimHost.ts"

export type { ConnectionInfo, Snapshot } from "./network/Engine.ts"

/**
 * One-way delay: a constant, or drawn for each segment between two bounds, all values equally likely.
 *
 * @category models
 * @since 0.1.0
 */
export type Delay = Duration.Input | { readonly min: Duration.Input; readonly max: Duration.Input }

/**
 * One-way delay of all segments, or a function that returns the delay for two hosts.
 *
 * @category models
 * @since 0.1.0
 */
export type Latency = Delay | ((from: string, to: string) => Delay)

/**
 * Options of a network.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** One-way latency. Defaults to zero, so that a test needs no clock. */
  readonly latency?: Latency | undefined
  /** Cuts writes at random places, so that decoders see every split. Defaults to `false`. */
  readonly split?: boolean | undefined
  /** Bytes that each direction of a connection holds: bytes in flight and bytes not pulled. Defaults to 64 KiB. */
  readonly sendBuffer?: number | undefined
  /** Bytes per second that each direction of a pair of hosts carries. Defaults to no limit. */
  readonly bandwidth?: number | undefined
  /** Time after which a dial fails as `unreachable`. Defaults to no limit. */
  readonly connectTimeout?: Duration.Input | undefined
  /** Time that a closed connection waits for the other end before it is reset. Defaults to 5 seconds. */
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
   * Time after which the connections are reset. Defaults to {@link defaultWithdrawal}. `Duration.infinity` only asks
   * for other connections, as a transport does for old ones.
   */
  readonly within?: Duration.Input | undefined
}

/**
 * Functions of a network.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shape {
  /**
   * Returns the transport of a node at the given host. `options` are a port, or {@link TransportOptions}. Each node
   * needs a layer of its own. Building a layer at a crashed host starts the host again.
   */
  readonly transport: (host: string, options?: number | TransportOptions) => Layer.Layer<Transport.Transport>
  /**
   * Returns the host of a node, for the layers of `SimSocket` and `SimSocketServer`. Each node needs a layer of its own.
   * Building a layer at a crashed host starts the host again.
   */
  readonly host: (host: string) => Layer.Layer<SimHost>
  /**
   * Changes the proof of a node. Connections that are made later have the new identity; open connections keep theirs. A
   * transport that is built later has the identity of its options.
   */
  readonly prove: (host: string, identity: Transport.Identity | undefined) => Effect.Effect<void>
  /**
   * Withdraws the proofs of the open connections of a node, as a node does that removes a secret. The connections'
   * `renewal` completes at this node. Then the connections are reset, unless the node has replaced them. Affects only
   * connections on which at least one side has an identity.
   */
  readonly withdraw: (host: string, options?: WithdrawOptions) => Effect.Effect<void>
  /** Blocks all traffic between the two groups. Connections stay open and stall. */
  readonly partition: (hostsA: ReadonlyArray<string>, hostsB: ReadonlyArray<string>) => Effect.Effect<void>
  /** Blocks all traffic from the first group to the second. */
  readonly partitionOneWay: (from: ReadonlyArray<string>, to: ReadonlyArray<string>) => Effect.Effect<void>
  /** Ends all partitions. Held segments are sent again. */
  readonly heal: Effect.Effect<void>
  /** Resets the connections between two hosts, at both ends and at once. New connections are possible. */
  readonly cut: (hostA: string, hostB: string) => Effect.Effect<void>
  /**
   * Ends the listeners, the connections and the transports at the host. These transports connect no more. Peers see
   * resets and refused dials. After a silent crash, peers receive nothing from the host until a new transport is built
   * there.
   */
  readonly crash: (host: string, options?: { readonly silent?: boolean | undefined }) => Effect.Effect<void>
  /** Changes the latency of segments that are sent from now on. */
  readonly setLatency: (latency: Latency) => Effect.Effect<void>
  /** Returns the open listeners and connections. */
  readonly inspect: Effect.Effect<Engine.Snapshot>
  /** Returns the number of open connections between two hosts, whichever host dialed. */
  readonly connections: (hostA: string, hostB: string) => Effect.Effect<number>
  /** Returns the number of bytes that have arrived on connections from one host to the other. */
  readonly bytes: (from: string, to: string) => Effect.Effect<number>
}

/**
 * Service of a simulated network.
 *
 * @category services
 * @since 0.1.0
 */
export class SimNetwork extends Context.Service<SimNetwork, Shape>()("@coterie/testkit/SimNetwork") {}

/**
 * Default port of a node. It equals `Address.defaultPort` (24868), so the name of a host is the address of its node:
 * the seed `a` means `a:24868`.
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

/** Makes draws from the service, without a record of them. */
const drawsFrom = (random: typeof Random.Random.Service): Draws => {
  const next = () => random.nextDoubleUnsafe()
  const prng: Prng = { next, u32: () => Math.floor(next() * 2 ** 32) }
  const stream: Stream = { draw: (sample) => sample(prng) }
  return { stream: () => stream, deviations: () => ({}) }
}

/** Process of all nodes: a resumed fiber runs inside the call that resumed it. */
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

/** Probability that a write is split. */
const splitChance = 0.75

/**
 * Makes a network. Closing the scope resets its open connections.
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
    const timeline = new ClockTimeline(yield* Clock.Clock, yield* Effect.context<never>())
    const draws = drawsFrom(yield* Random.Random)
    const engine = new Engine.Engine(
      {
        timeline,
        draws,
        process: () => inline,
      },
      {
        conditions: {
          ...(options.split === true ? { split: splitChance } : {}),
          ...(options.bandwidth === undefined ? {} : { bandwidth: options.bandwidth }),
        },
        latency: perPair(options.latency ?? Duration.zero),
        sendBuffer: options.sendBuffer,
        // Without a timeout of the test, dials wait and connections never time out.
        connectTimeout: options.connectTimeout ?? Duration.infinity,
        userTimeout: Duration.infinity,
        linger: options.linger,
      },
    )
    // A test that wants faults of disks uses a simulation. Here, a disk keeps everything.
    const disks = new DiskTable({ draws, now: () => timeline.now(), conditions: {} })
    yield* Effect.addFinalizer(() => Effect.sync(() => engine.close()))
    return SimNetwork.of({
      transport: (host, given = {}) => {
        const { identity, port } = typeof given === "number" ? { port: given, identity: undefined } : given
        return engine.transport(host, port, () => identity)
      },
      host: (name) =>
        Layer.effect(SimHost)(
          Effect.map(engine.sockets(name), (sockets) => ({ name, sockets, disk: disks.get(name) })),
        ),
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
 * Makes a network as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<SimNetwork> => Layer.effect(SimNetwork)(make(options))
