/**
 * What a scenario is and what it works with, and what a run of it gives. `Simulation` runs them.
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
import type { WithdrawOptions } from "./SimNetwork.ts"
import type { Failure, NodeDown, NotReached, SimulationError } from "./SimulationError.ts"
import type * as Trace from "./Trace.ts"

export type { Deviations, Explore, Predicate, Side, State }

/**
 * A node: a machine, and the process of the application on it. `A` is what the layer provides.
 *
 * @category models
 * @since 0.1.0
 */
export interface Node<A> {
  readonly name: string
  /** Where it listens, for others to dial. */
  readonly address: string
  /** What it is doing now. */
  readonly state: State
  /** Whether it stands still. */
  readonly paused: boolean
  /** How often it was started. */
  readonly lives: number
  /** A service of the running node; `undefined` while it is not running. For invariants, which must not wait. */
  readonly service: <I extends A, S>(key: Context.Key<I, S>) => S | undefined
  /**
   * Runs an effect as part of the node's process, with its clock, its chance and the services of its layer. A crash or a
   * stop of the node ends it with `NodeDown`. Who interrupts it waits for its finalizers, as anywhere, but neither for a
   * node that stands still nor for one that crashes meanwhile.
   */
  readonly run: <B, E>(effect: Effect.Effect<B, E, A | Scope.Scope>) => Effect.Effect<B, E | NodeDown>
  /**
   * Kills the process: no finalizer runs, and a stop that is under way ends. Peers see what an operating system tells
   * them when a process dies.
   */
  readonly crash: Effect.Effect<void, SimulationError>
  /** Cuts the power: as `crash`, and peers see nothing at all. */
  readonly powerOff: Effect.Effect<void, SimulationError>
  /** Stops the process in good order, and waits until its finalizers have run, or until it is killed instead. */
  readonly stop: Effect.Effect<void, SimulationError>
  /**
   * Starts a node that has crashed or is stopped again, with a new layer, and waits until that is built. What the layer
   * kept in memory is gone.
   */
  readonly restart: Effect.Effect<void, SimulationError>
  /** The process stands still until `resume`; its connections stay open. A crash ends this, too. */
  readonly pause: Effect.Effect<void, SimulationError>
  readonly resume: Effect.Effect<void>
  /** Every task takes so long from now on; zero is full speed. */
  readonly slow: (task: Duration.Input) => Effect.Effect<void>
  /** Sets its wall clock forth, or back if negative. */
  readonly setClock: (by: Duration.Input) => Effect.Effect<void>
  /** Its clock runs fast, or slow if negative, by so many parts in a million, at most half as fast again or half as slow. */
  readonly drift: (ppm: number) => Effect.Effect<void>
  /** Waits until it is running. */
  readonly running: Effect.Effect<void>
}

/**
 * Options of the nodes that a call of `nodes` starts.
 *
 * @category options
 * @since 0.1.0
 */
export interface NodeOptions<Name extends string, A> {
  /**
   * Starts the application, as part of the node's process: after the layer is built, at each start. The node is running when
   * this effect has succeeded, and dies if it fails; fork in its scope what goes on. The fault plan can delay it
   * (`startDelay`): the other nodes then meet a node whose application does not answer yet.
   */
  readonly start?: ((name: Name) => StartEffect<NoInfer<A>>) | undefined
  /**
   * Returns the proof of a node, as the other nodes see it in `Connection.identity`. Called at each start of the node. Defaults
   * to no proof, as with plain TCP.
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
 * What a scenario can do to the network by hand.
 *
 * @category models
 * @since 0.1.0
 */
export interface Network {
  /** Lets nothing pass between the two groups. Connections stay open and stall. */
  readonly partition: (a: ReadonlyArray<string>, b: ReadonlyArray<string>) => Effect.Effect<void, SimulationError>
  /** Lets nothing pass from the first group to the second. */
  readonly partitionOneWay: (
    from: ReadonlyArray<string>,
    to: ReadonlyArray<string>,
  ) => Effect.Effect<void, SimulationError>
  /** Ends all partitions, clogs and swizzles, also those of the plan. What was held sets out again. */
  readonly heal: Effect.Effect<void>
  /** Resets the connections between two nodes, at both ends. */
  readonly reset: (a: string, b: string) => Effect.Effect<void, SimulationError>
  /** Lets the present connections between two nodes fail halfway; see `FaultPlan.HalfOpen`. */
  readonly halfOpen: (
    from: string,
    to: string,
    how: (typeof FaultPlan.HalfOpen.Type)["how"],
  ) => Effect.Effect<void, SimulationError>
  /**
   * Changes the proof of a node until its next start. Connections that are made later have the new identity; open connections
   * keep theirs.
   */
  readonly prove: (node: string, identity: Transport.Identity | undefined) => Effect.Effect<void, SimulationError>
  /**
   * Withdraws the proofs of the open connections of a node, as a node does that removes a secret. Affects only connections on
   * which at least one side has an identity. See `SimNetwork.WithdrawOptions`.
   */
  readonly withdraw: (node: string, options?: WithdrawOptions) => Effect.Effect<void, SimulationError>
  /** The number of open connections between two nodes. For invariants. */
  readonly connections: (a: string, b: string) => number
  /** The bytes that arrived so far from one node at the other. For invariants. */
  readonly bytes: (from: string, to: string) => number
}

/**
 * What a scenario works with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sim {
  readonly seed: number
  /**
   * Starts a node for each name, and waits until all are running. The layer is made anew for each start. The name is also
   * the host: a node listens at `name:24868`.
   */
  readonly nodes: <const Name extends string, A>(
    names: ReadonlyArray<Name>,
    layer: (name: Name) => Layer.Layer<A, unknown, Transport.Transport>,
    options?: NodeOptions<Name, A>,
  ) => Effect.Effect<Nodes<Name, A>, SimulationError>
  readonly network: Network
  /**
   * Heals everything, then waits until the predicate holds; fails with `NotConverged` if it does not in time (of
   * virtual time; default: {@link defaultWithin}). Healing ends all faults and the plan: partitions are over, the network is
   * fast and loses nothing, stopped and crashed nodes are started, paused ones go on, clocks run at their rate; a wall
   * clock that was set stays so. With `core`, only these nodes are healed, and the others lose their power and do not
   * come back by themselves: the rest must do without.
   */
  readonly converges: (
    predicate: Predicate,
    options?: {
      readonly within?: Duration.Input | undefined
      readonly core?: ReadonlyArray<string> | undefined
    },
  ) => Effect.Effect<void, SimulationError>
  /**
   * Waits until the condition holds. Fails with `NotReached` if it does not within the virtual time `within` (default:
   * {@link defaultWithin}); the error has the name, the last answer of the condition, and which nodes are down. A run that
   * ends with this error fails with it. The condition is evaluated after each step and each event, so it must be
   * quick.
   */
  readonly until: (
    name: string,
    condition: Predicate,
    options?: { readonly within?: Duration.Input | undefined },
  ) => Effect.Effect<void, NotReached>
  /** Puts a line into the trace. */
  readonly note: (text: string) => Effect.Effect<void>
  /** Microseconds since the start. */
  readonly now: () => number
}

/**
 * The simulation that a scenario runs in, for `Invariant` and helpers of your own.
 *
 * @category services
 * @since 0.1.0
 */
export class Simulation extends Context.Service<Simulation, Sim & { readonly checks: Checks }>()(
  "@coterie/testkit/Simulation",
) {}

/**
 * A decoded message, for traces.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described {
  /** Short name, which picks the colour in a picture. */
  readonly kind: string
  /** Content of the message in words. */
  readonly text: string
  /**
   * `true` for traffic that goes on at all times, such as heartbeats. A picture folds it away, and leaves it out of what
   * could have influenced an event. Default: `false`.
   */
  readonly background?: boolean | undefined
}

/**
 * Decoder of one connection. It receives the bytes of each segment once, in the order in which `side` sent them, and returns
 * the messages that the segment begins or completes.
 *
 * @category models
 * @since 0.1.0
 */
export type Describe = (bytes: Uint8Array, side: Side) => ReadonlyArray<Described>

/**
 * How a scenario is run.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** What goes wrong: a plan, or the ranges to draw one from for each seed. Default: nothing. */
  readonly faults?: FaultPlan.Input | undefined
  /**
   * In which order what is ready runs: `fifo` in turn, `random`, or `preempt`, which also interrupts fibers between any
   * two operations. Default: by the seed, `fifo` for the first.
   */
  readonly explore?: Explore | undefined
  /** Virtual time after which the scenario must be done. Default: {@link defaultTimeLimit}. */
  readonly timeLimit?: Duration.Input | undefined
  /** Steps within one instant before it counts as a livelock. Default: {@link defaultStepsPerInstant}. */
  readonly stepsPerInstant?: number | undefined
  /**
   * Fails with `Escaped` where the program uses time, chance or timers of the machine, and makes a swarm run its first seed
   * again at its end, to find state that outlives a run. Default: `false`.
   */
  readonly strict?: boolean | undefined
  /**
   * Checks that a stopped node leaves no fiber, timer, connection or listener behind for longer than a minute; a timer
   * that is `unref` may be left. Default: `true`.
   */
  readonly leaks?: boolean | undefined
  /** Decodes what is sent, for traces. Called once for each connection, since messages span segments. */
  readonly describe?: (() => Describe) | undefined
}

/**
 * Virtual time in which a scenario must be done.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultTimeLimit: Duration.Input = "10 minutes"

/**
 * Virtual time that `until` and `converges` wait.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultWithin: Duration.Input = "60 seconds"

/**
 * Steps within one instant before a run fails with `Livelock`. A busy cluster of hundreds of nodes takes some hundred thousand steps at once
 * when it starts.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultStepsPerInstant = 1_000_000

/**
 * A program for a simulated world.
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
 * Names a scenario. The same one can be run once, as a test, or over thousands of seeds.
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
 * The order in which a seed runs what is ready, if nobody says: the first in turn, and then each in another way.
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
 * What is to be run again: exactly these faults and these draws, and no chance at all.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replay {
  /** What the network is like: says which draws are made. */
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
  /** A whole number that is not negative. It decides everything that is left to chance. */
  readonly seed: number
  /** Instead of the scenario's. */
  readonly explore?: Explore | undefined
  /** Virtual time after which the run is not worth going on, if it is before that of the scenario. */
  readonly timeLimit?: Duration.Input | undefined
  /** Whether errors have stacks, which takes a good part of the time. Default: `true`. */
  readonly stacks?: boolean | undefined
  /** Instead of the scenario's faults. */
  readonly replay?: Replay | undefined
  /** Records what happens: the last events, at most so many. Default: nothing is recorded. */
  readonly trace?: boolean | number | undefined
}

/**
 * What a run was like.
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
  /** Tasks and events. */
  readonly steps: number
  /** How long it took in virtual time. */
  readonly virtualSeconds: number
  /** How often each kind of fault really happened. */
  readonly faultsFired: Readonly<Record<string, number>>
  /** What was to happen `sometimes`, and whether it did. */
  readonly marks: Readonly<Record<string, boolean>>
  /** What it takes to run it again without chance. */
  readonly replay: Replay
  /** If it was asked for. */
  readonly trace: Trace.Trace | undefined
}

/**
 * How a run ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly report: Report
  readonly failure: Failure | undefined
}
