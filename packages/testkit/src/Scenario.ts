/**
 * Types of scenarios, of the interface that a scenario uses, and of the results of a run. `Simulation` runs scenarios.
 *
 * @since 0.1.0
 */
import type * as Transport from "@coterie/core/Transport"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as FaultPlan from "./FaultPlan.ts"
import type { Deviations } from "./kernel/Draws.ts"
import type { Explore } from "./kernel/Kernel.ts"
import type { Side } from "./network/Environment.ts"
import type { Checks, Predicate } from "./run/Checks.ts"
import type { StartEffect, State } from "./run/SimNode.ts"
import type { SimHost } from "./SimHost.ts"
import type { WithdrawOptions } from "./SimNetwork.ts"
import type { Failure, NodeDown, NotReached, SimulationError } from "./SimulationError.ts"
import type * as Trace from "./Trace.ts"

export type { Deviations, Explore, Predicate, Side, State }

/**
 * Node of a simulation: a machine and the process of the application on it. `A` is the services of its layer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Node<A> {
  readonly name: string
  /** Address on which the node listens. */
  readonly address: string
  /** Current state of the node. */
  readonly state: State
  /** `true` while the process is paused. */
  readonly paused: boolean
  /** Number of starts. */
  readonly lives: number
  /**
   * Returns a service of the running node, or `undefined` while the node is not running. For invariants, which must not
   * wait.
   */
  readonly service: <I extends A, S>(key: Context.Key<I, S>) => S | undefined
  /**
   * Runs an effect as part of the node's process, with the clock and the random numbers of the node and the services of
   * its layer. Fails with `NodeDown` if the node is not running, crashes or is stopped. An interruption waits for the
   * finalizers of the effect, unless the node is paused or crashes in the meantime.
   */
  readonly run: <B, E>(effect: Effect.Effect<B, E, A | Scope.Scope>) => Effect.Effect<B, E | NodeDown>
  /**
   * Kills the process: no finalizer runs, and a running stop ends. Peers see the resets that an operating system sends
   * when a process dies. Fails with `SimulationError` and the reason `nodeState` if there is no process.
   */
  readonly crash: Effect.Effect<void, SimulationError>
  /** Cuts the power: as `crash`, but the peers receive nothing. */
  readonly powerOff: Effect.Effect<void, SimulationError>
  /**
   * Stops the process: interrupts its effects and runs its finalizers. Waits until the finalizers have run or the
   * process is killed. Fails with `SimulationError` and the reason `nodeState` unless the node is starting or running.
   */
  readonly stop: Effect.Effect<void, SimulationError>
  /**
   * Starts a crashed or stopped node again with a new layer, and waits until the node is running. The new layer has
   * none of the state that the old one kept in memory. Fails with `SimulationError` and the reason `nodeState` in other
   * states.
   */
  readonly restart: Effect.Effect<void, SimulationError>
  /**
   * Pauses the process until `resume`. Its connections stay open. A crash ends the pause. Fails with `SimulationError`
   * and the reason `nodeState` unless the node is starting or running.
   */
  readonly pause: Effect.Effect<void, SimulationError>
  /** Resumes a paused process. */
  readonly resume: Effect.Effect<void>
  /**
   * Sets the time that every task of the node takes from now on. Zero is full speed. Fails with `SimulationError` and
   * the reason `options` if the time is negative or not finite.
   */
  readonly slow: (task: Duration.Input) => Effect.Effect<void, SimulationError>
  /**
   * Sets the wall clock of the node forward, or back if the duration is negative. Fails with `SimulationError` and the
   * reason `options` if the duration is not finite.
   */
  readonly setClock: (by: Duration.Input) => Effect.Effect<void, SimulationError>
  /**
   * Makes the clock of the node run fast by `ppm` parts per million, or slow if negative. The limit is
   * `FaultPlan.maxDrift` in either direction: 1.5 times or half the true rate. Fails with `SimulationError` and the
   * reason `options` beyond the limit.
   */
  readonly drift: (ppm: number) => Effect.Effect<void, SimulationError>
  /** Waits until the node is running. */
  readonly running: Effect.Effect<void>
}

/**
 * Options of `Sim.nodes`.
 *
 * @category options
 * @since 0.1.0
 */
export interface NodeOptions<Name extends string, A> {
  /**
   * Starts the application. The effect runs in the node's process at each start, after the layer is built. The node is
   * running when the effect has succeeded, and dies if it fails. Fork long-running work in its scope. The fault plan
   * can delay the effect (`startDelay`): the other nodes then see a node whose application does not answer yet.
   */
  readonly start?: ((name: Name) => StartEffect<NoInfer<A>>) | undefined
  /**
   * Returns the proof of a node, as the other nodes see it in `Connection.identity`. Called at each start of the node.
   * Defaults to no proof, as with plain TCP.
   */
  readonly identity?: ((name: Name) => Transport.Identity | undefined) | undefined
}

/**
 * Nodes by their names.
 *
 * @category models
 * @since 0.1.0
 */
export type Nodes<Name extends string, A> = { readonly [K in Name]: Node<A> }

/**
 * Network faults that a scenario causes itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Network {
  /**
   * Blocks all traffic between the two groups. Connections stay open and stall. Fails with `SimulationError` and the
   * reason `nodeName` if a node does not exist, as the other functions do.
   */
  readonly partition: (a: ReadonlyArray<string>, b: ReadonlyArray<string>) => Effect.Effect<void, SimulationError>
  /** Blocks all traffic from the first group to the second. */
  readonly partitionOneWay: (
    from: ReadonlyArray<string>,
    to: ReadonlyArray<string>,
  ) => Effect.Effect<void, SimulationError>
  /** Ends all partitions, clogs and swizzles, including those of the plan. Held segments are sent again. */
  readonly heal: Effect.Effect<void>
  /** Resets the connections between two nodes, at both ends. */
  readonly reset: (a: string, b: string) => Effect.Effect<void, SimulationError>
  /** Makes the present connections between two nodes fail half-open. See `FaultPlan.HalfOpen`. */
  readonly halfOpen: (
    from: string,
    to: string,
    how: (typeof FaultPlan.HalfOpen.Type)["how"],
  ) => Effect.Effect<void, SimulationError>
  /**
   * Changes the proof of a node until its next start. Connections that are made later have the new identity; open
   * connections keep theirs.
   */
  readonly prove: (node: string, identity: Transport.Identity | undefined) => Effect.Effect<void, SimulationError>
  /**
   * Withdraws the proofs of the open connections of a node, as a node does that removes a secret. Affects only
   * connections on which at least one side has an identity. See `SimNetwork.WithdrawOptions`.
   */
  readonly withdraw: (node: string, options?: WithdrawOptions) => Effect.Effect<void, SimulationError>
  /** Returns the number of open connections between two nodes. For invariants. */
  readonly connections: (a: string, b: string) => number
  /** Returns the number of bytes that have arrived from one node at the other. For invariants. */
  readonly bytes: (from: string, to: string) => number
}

/**
 * Interface of the simulation that a scenario uses.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sim {
  readonly seed: number
  /**
   * Starts a node for each name, and waits until all are running. Each start makes a new layer. The name is also the
   * host: a node listens at `name:24868`. Fails with `SimulationError` and the reason `nodeName` if a name is in use or
   * is not a host name.
   */
  readonly nodes: <const Name extends string, A>(
    names: ReadonlyArray<Name>,
    layer: (name: Name) => Layer.Layer<A, unknown, Transport.Transport | SimHost>,
    options?: NodeOptions<Name, A>,
  ) => Effect.Effect<Nodes<Name, A>, SimulationError>
  readonly network: Network
  /**
   * Heals the simulation, then waits until the predicate holds. The run fails with `NotConverged` if it does not hold
   * within the virtual time `within`, which defaults to {@link defaultWithin}.
   *
   * Healing ends the plan and all faults: partitions end, the network is fast and loses nothing, stopped and crashed
   * nodes are started, paused nodes are resumed, and clocks run at their true rate. A wall clock that was set keeps its
   * offset. With `core`, only these nodes are healed. The other nodes lose their power and are not started again, so
   * the core must converge without them. Fibers that the scenario has forked continue.
   */
  readonly converges: (
    predicate: Predicate,
    options?: {
      readonly within?: Duration.Input | undefined
      readonly core?: ReadonlyArray<string> | undefined
    },
  ) => Effect.Effect<void, SimulationError>
  /**
   * Waits until the condition holds. Fails with `NotReached` if it does not hold within the virtual time `within`,
   * which defaults to {@link defaultWithin}. The error has the name, the last result of the condition, and the nodes
   * that are down. If the scenario does not catch the error, the run fails with it. The condition is evaluated after
   * each step and each event, so it must be fast. Fails with `SimulationError` if `within` is not a duration.
   */
  readonly until: (
    name: string,
    condition: Predicate,
    options?: { readonly within?: Duration.Input | undefined },
  ) => Effect.Effect<void, NotReached | SimulationError>
  /** Adds a note to the trace. */
  readonly note: (text: string) => Effect.Effect<void>
  /** Returns the virtual time since the start of the run, in microseconds. */
  readonly now: () => number
}

/**
 * Simulation in which a scenario runs. `Invariant` and helpers of scenarios use it.
 *
 * @category services
 * @since 0.1.0
 */
export class Simulation extends Context.Service<Simulation, Sim & { readonly checks: Checks }>()(
  "@coterie/testkit/Simulation",
) {}

/**
 * Decoded message of a trace.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described {
  /** Short name, which selects the colour in a picture. */
  readonly kind: string
  /** Content of the message in words. */
  readonly text: string
  /**
   * `true` for permanent traffic such as heartbeats. A picture hides it, and leaves it out of the events that could have
   * influenced an event. Defaults to `false`.
   */
  readonly background?: boolean | undefined
}

/**
 * Decoder of one connection. It receives the bytes of each segment once, in the order in which `side` sent them, and
 * returns the messages that the segment begins or completes.
 *
 * @category models
 * @since 0.1.0
 */
export type Describe = (bytes: Uint8Array, side: Side) => ReadonlyArray<Described>

/**
 * Options of a scenario.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Plan of faults, or the ranges from which each seed draws its plan. Defaults to no faults. */
  readonly faults?: FaultPlan.Input | undefined
  /**
   * Order in which ready tasks run: `fifo` (in turn), `random`, or `preempt`, which also interrupts fibers between any
   * two operations. Defaults to an order by the seed, see {@link exploreOf}.
   */
  readonly explore?: Explore | undefined
  /**
   * Virtual time in which the scenario must end. Later, the run fails with `TimeLimit`. Defaults to
   * {@link defaultTimeLimit}.
   */
  readonly timeLimit?: Duration.Input | undefined
  /**
   * Maximum number of steps at one instant. With more, the run fails with `Livelock`. Defaults to
   * {@link defaultStepsPerInstant}.
   */
  readonly stepsPerInstant?: number | undefined
  /**
   * Fails the run with `Escaped` when the program uses time, random numbers or timers of the machine. A swarm also runs
   * its first seed again after the last one, to find state that outlives a run. Defaults to `false`.
   */
  readonly strict?: boolean | undefined
  /**
   * Checks that a stopped node leaves no fiber, timer, connection or listener behind for more than a minute. A timer
   * that is `unref` may remain. Defaults to `true`.
   */
  readonly leaks?: boolean | undefined
  /**
   * Makes the decoder of one connection, for traces. Each connection has its own decoder, since messages span segments.
   */
  readonly describe?: (() => Describe) | undefined
}

/**
 * Default virtual time in which a scenario must end.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultTimeLimit: Duration.Input = "10 minutes"

/**
 * Default virtual time that `until` and `converges` wait.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultWithin: Duration.Input = "60 seconds"

/**
 * Default maximum number of steps at one instant. A cluster of hundreds of nodes takes several hundred thousand steps
 * at one instant when it starts.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultStepsPerInstant = 1_000_000

/**
 * Program that runs in a simulation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scenario {
  readonly _tag: "Scenario"
  readonly name: string
  readonly options: Options
  readonly body: (sim: Sim) => Effect.Effect<unknown, unknown, Simulation | Scope.Scope>
}

/**
 * Makes a scenario. The same scenario can run once, as a test, or over thousands of seeds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scenario: {
  (name: string, body: Scenario["body"]): Scenario
  (name: string, options: Options, body: Scenario["body"]): Scenario
} = (name: string, ...rest: readonly [Scenario["body"]] | readonly [Options, Scenario["body"]]): Scenario =>
  rest.length === 1
    ? { _tag: "Scenario", name, options: {}, body: rest[0] }
    : { _tag: "Scenario", name, options: rest[0], body: rest[1] }

const orders: ReadonlyArray<Explore> = ["fifo", "random", "preempt"]

/**
 * Returns the order in which a seed runs ready tasks: the option `explore` of the scenario, or else an order by the
 * seed. Seeds 1, 2 and 3 run `fifo`, `random` and `preempt`, and later seeds repeat this sequence.
 *
 * @category getters
 * @since 0.1.0
 */
export const exploreOf = (scenario: Scenario, seed: number): Explore =>
  scenario.options.explore ?? orders[(seed + orders.length - 1) % orders.length] ?? "fifo"

/**
 * Tests whether a value is a scenario.
 *
 * @category guards
 * @since 0.1.0
 */
export const isScenario = (u: unknown): u is Scenario =>
  typeof u === "object" && u !== null && "_tag" in u && u._tag === "Scenario" && "body" in u

/**
 * Faults and draws of a replay. A replay makes no random draws.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replay {
  /** Conditions of the network. They determine which draws are made. */
  readonly network: FaultPlan.Network
  readonly timeline: ReadonlyArray<FaultPlan.Fault>
  readonly deviations: Deviations
}

/**
 * Options of one run.
 *
 * @category options
 * @since 0.1.0
 */
export interface RunOptions {
  /** Seed of all random draws: a whole number from 0. */
  readonly seed: number
  /** Order in which ready tasks run. Defaults to {@link exploreOf} the scenario and the seed. */
  readonly explore?: Explore | undefined
  /** Virtual time limit of this run, in addition to the limit of the scenario. The shorter limit counts. */
  readonly timeLimit?: Duration.Input | undefined
  /** Gives errors their stacks, which take a large part of the time of a run. Defaults to `true`. */
  readonly stacks?: boolean | undefined
  /** Faults and draws to replay instead of the faults of the scenario. */
  readonly replay?: Replay | undefined
  /** Records a trace. A number is the maximum number of events, of which the last are kept. Defaults to `false`. */
  readonly trace?: boolean | number | undefined
}

/**
 * Report of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly scenario: string
  readonly seed: number
  readonly explore: Explore
  /** Two runs with the same hash took the same steps at the same times and sent the same bytes. */
  readonly traceHash: string
  /** Number of tasks and events. */
  readonly steps: number
  /** Virtual duration of the run. */
  readonly virtualSeconds: number
  /** Number of faults that happened, by kind. */
  readonly faultsFired: Readonly<Record<string, number>>
  /** Names of the `sometimes` invariants, with `true` if the situation happened. */
  readonly marks: Readonly<Record<string, boolean>>
  /** Faults and draws of the run, for a replay. */
  readonly replay: Replay
  /** Trace of the run. `undefined` unless the option `trace` was given. */
  readonly trace: Trace.Trace | undefined
}

/**
 * Report of a run, with its failure if it failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly report: Report
  readonly failure: Failure | undefined
}
