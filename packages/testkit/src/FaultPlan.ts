/**
 * What goes wrong in a simulation, as data that can be read, compared, written by hand and shrunk. Either a plan says
 * what the network is like and which faults come when, or a {@link Swarm} says from which ranges each seed draws
 * its own plan. Both are JSON; times are text such as `"5 seconds"`.
 *
 * ```ts
 * import type { FaultPlan } from "@coterie/testkit"
 *
 * const timeline: FaultPlan.Input = {
 *   network: { delay: { exponential: { min: "1 millis", mean: "20 millis" } }, loss: 0.05 },
 *   timeline: [
 *     { kind: "partition", at: "5 seconds", for: "20 seconds", from: ["a"], to: ["b", "c"] },
 *     { kind: "crash", at: "12 seconds", for: "3 seconds", node: "b" },
 *   ],
 * }
 *
 * const lasting = { min: "1 seconds", mean: "5 seconds", max: "30 seconds" }
 * const ranges: FaultPlan.Input = {
 *   swarm: {
 *     spare: 2,
 *     network: { delay: {}, loss: { uniform: [0, 0.1] } },
 *     faults: { crash: { perMinute: 2 }, partition: { shapes: ["isolate"], for: lasting } },
 *   },
 * }
 * ```
 *
 * What is not mentioned does not go wrong. {@link swarm} has everything, in ranges that suit most programs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Distribution from "./Distribution.ts"
import { explain } from "./faults/explain.ts"
import { Elapsed, Microseconds } from "./internal/Microseconds.ts"
import { SimulationError } from "./SimulationError.ts"

/** The name of a node. */
const Name = Schema.String.check(Schema.isMinLength(1, { expected: "the name of a node" }))

const distinct = Schema.makeFilter((names: ReadonlyArray<string>) => {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  return twice === undefined ? true : `"${twice}" is named twice: name each node once`
})

/** Names of nodes, at least one. */
const Names = Schema.Array(Name).check(
  Schema.isMinLength(1, { expected: "the names of nodes, at least one" }),
  distinct,
)

/** Two nodes that are not the same. */
const apart = Schema.makeFilter(({ from, to }: { readonly from: string; readonly to: string }) =>
  from === to ? { path: ["to"], issue: `"${to}" is \`from\`, too: name two nodes` } : true,
)

/** When it begins: virtual time since the start of the run. */
const at = Elapsed
/** How long until the fault is over by itself, in virtual time. */
const lasting = Elapsed

/**
 * What the network is like all the time. Everything that is not given is benign.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Network = Schema.Struct({
  /** One way, of each segment; a time. */
  delay: Schema.optionalKey(Distribution.Time),
  /** One way, in addition, drawn once per pair of hosts: how far they are apart; a time. */
  distance: Schema.optionalKey(Distribution.Time),
  /** The chance of a segment to be lost and sent again, from 0 to 1, drawn once per direction of a pair. */
  loss: Schema.optionalKey(Distribution.Chance),
  /** Bytes a second, drawn once per direction of a pair; 0 is no limit. */
  bandwidth: Schema.optionalKey(Distribution.Quantity),
  /** Bytes that may wait for the bandwidth; what comes on top is lost and sent again. */
  queue: Schema.optionalKey(Distribution.Quantity),
  /** The chance of a write to be cut into smaller segments, from 0 to 1, drawn once per direction of a pair. */
  split: Schema.optionalKey(Distribution.Chance),
  /** The bytes that each direction of a connection holds, drawn once per connection; 0 is the default of the network. */
  sendBuffer: Schema.optionalKey(Distribution.Quantity),
})
/**
 * Network of a plan, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Network = typeof Network.Type

/**
 * Nothing passes between two groups, or from one to the other; connections stall.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Partition = Schema.Struct({
  kind: Schema.Literal("partition"),
  at,
  for: lasting,
  from: Names,
  to: Names,
  oneWay: Schema.optionalKey(Schema.Boolean),
}).check(
  Schema.makeFilter(({ from, to }) => {
    const both = from.find((name) => to.includes(name))
    return both === undefined ? true : { path: ["to"], issue: `"${both}" is on both sides: name each node on one side` }
  }),
)

/**
 * Nothing passes from one node to another.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Clog = Schema.Struct({ kind: Schema.Literal("clog"), at, for: lasting, from: Name, to: Name }).check(apart)

/**
 * Nodes are cut off one after the other and come back one after the other. Times are since the fault began.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Swizzle = Schema.Struct({
  kind: Schema.Literal("swizzle"),
  at,
  for: lasting,
  nodes: Schema.Array(
    Schema.Struct({ node: Name, from: Elapsed, to: Elapsed }).check(
      Schema.makeFilter(({ from, to }) =>
        from <= to
          ? true
          : { path: ["to"], issue: "the node comes back before it is cut off: `from` is the earlier time" },
      ),
    ),
  ).check(Schema.isMinLength(1, { expected: "the nodes that are cut off, at least one" })),
})

/**
 * The connections between two nodes are reset.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reset = Schema.Struct({ kind: Schema.Literal("reset"), at, from: Name, to: Name }).check(apart)

/**
 * The present connections between two nodes fail halfway:
 *
 * - `gone`: the end at `to` is gone and the one at `from` does not know until it writes.
 * - `deaf`: nothing that `from` writes arrives any more; `from` loses the connection when it has tried for too long.
 * - `dead`: the same both ways.
 * - `closed`: `to` hears that `from` will write no more, while `from` thinks that it can.
 *
 * @category schemas
 * @since 0.1.0
 */
export const HalfOpen = Schema.Struct({
  kind: Schema.Literal("halfOpen"),
  at,
  from: Name,
  to: Name,
  how: Schema.Literals(["gone", "deaf", "dead", "closed"]),
}).check(apart)

/**
 * The process of a node is killed, or its machine loses power (`silent`), and is started again afterwards.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Crash = Schema.Struct({
  kind: Schema.Literal("crash"),
  at,
  for: lasting,
  node: Name,
  silent: Schema.optionalKey(Schema.Boolean),
})

/**
 * A node is stopped in good order, and started again afterwards.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Stop = Schema.Struct({ kind: Schema.Literal("stop"), at, for: lasting, node: Name })

/**
 * The process of a node stands still: a long collection of garbage, a moved virtual machine, SIGSTOP.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Pause = Schema.Struct({ kind: Schema.Literal("pause"), at, for: lasting, node: Name })

/**
 * Every task of a node takes so long.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Slow = Schema.Struct({
  kind: Schema.Literal("slow"),
  at,
  for: lasting,
  node: Name,
  task: Elapsed,
})

/**
 * The wall clock of a node is set forth by a time, or back if it is negative.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Clock = Schema.Struct({ kind: Schema.Literal("clock"), at, node: Name, by: Microseconds })

/**
 * How fast or slow a clock may run, in parts in a million.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxDrift = 500_000

/**
 * The clock of a node runs fast, or slow, by so many parts in a million from now on.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Drift = Schema.Struct({
  kind: Schema.Literal("drift"),
  at,
  node: Name,
  ppm: Schema.Finite.check(
    Schema.isBetween(
      { minimum: -maxDrift, maximum: maxDrift },
      { expected: "parts in a million from -500000 to 500000" },
    ),
  ),
})

/**
 * Something that happens at a time.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fault = Schema.Union([
  Partition,
  Clog,
  Swizzle,
  Reset,
  HalfOpen,
  Crash,
  Stop,
  Pause,
  Slow,
  Clock,
  Drift,
]).annotate({
  expected:
    "a fault: an object whose `kind` is one of partition, clog, swizzle, reset, halfOpen, crash, stop, pause, slow, clock, drift",
})
/**
 * Fault of a plan, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * What the network is like, how slowly applications start, and what happens when.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Plan = Schema.Struct({
  network: Schema.optionalKey(Network),
  /**
   * Time between the layer of a node and the `start` of its application, drawn for each start. Others see the node in this time,
   * and its application does not answer yet.
   */
  startDelay: Schema.optionalKey(Distribution.Time),
  timeline: Schema.optionalKey(Schema.Array(Fault)),
})
/**
 * Plan, decoded: times are in microseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Plan = typeof Plan.Type

/** A key that need not be given, and what it is then. */
const orElse = <T, E>(schema: Schema.Codec<T, E>, otherwise: E) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(otherwise)))

/**
 * How long faults of a kind last: never less than `min`, then at random with this mean, never more than `max`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Lasting = Schema.Struct({ min: Elapsed, mean: Elapsed, max: Elapsed }).check(
  Schema.makeFilter(({ max, mean, min }) =>
    min <= mean && mean <= max
      ? true
      : "the order must be min, mean, max: min is the shortest time and max the longest",
  ),
)
/**
 * Time for which faults of a kind last, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Lasting = typeof Lasting.Type

const moments: typeof Lasting.Encoded = { min: "100 millis", mean: "2 seconds", max: "20 seconds" }
const whiles: typeof Lasting.Encoded = { min: "500 millis", mean: "5 seconds", max: "60 seconds" }

/**
 * How often faults of a kind come, in a virtual minute: each seed draws its own rate. With these, some seeds see a kind
 * once in a minute and others every five seconds.
 */
const perMinute = orElse(Distribution.Quantity, { logUniform: [1, 12] })

const lastingFor = (otherwise: typeof Lasting.Encoded) => orElse(Lasting, otherwise)

const some = <const L extends string>(all: readonly [L, ...ReadonlyArray<L>]) =>
  orElse(
    Schema.Array(Schema.Literals(all)).check(Schema.isMinLength(1, { expected: `at least one of ${all.join(", ")}` })),
    all,
  )

/** The forms of partitions that a swarm draws from. */
const shapes = ["size", "halves", "isolate", "bridge", "ring"] as const

/**
 * From which ranges each seed draws the faults. A kind that is not given does not come; `{}` takes its defaults.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Rates = Schema.Struct({
  /**
   * Partitions:
   *
   * - `size`: so many nodes against the rest, every number equally likely.
   * - `halves`: one half against the other.
   * - `isolate`: one node against the rest.
   * - `bridge`: two halves, and one node that still reaches both; needs three nodes.
   * - `ring`: each reaches its two neighbours only; needs four nodes, and comes as several partitions at once.
   */
  partition: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      for: lastingFor(whiles),
      shapes: some(shapes),
      /** The chance that only one direction is closed. */
      oneWay: orElse(Distribution.Probability, 0.3),
    }),
  ),
  clog: Schema.optionalKey(Schema.Struct({ perMinute, for: lastingFor(moments) })),
  swizzle: Schema.optionalKey(Schema.Struct({ perMinute, for: lastingFor(whiles) })),
  reset: Schema.optionalKey(Schema.Struct({ perMinute })),
  halfOpen: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      how: some(["gone", "deaf", "dead", "closed"]),
    }),
  ),
  crash: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      for: lastingFor(whiles),
      /** The chance that it is the power that fails, so that peers are told nothing. */
      silent: orElse(Distribution.Probability, 0.5),
    }),
  ),
  stop: Schema.optionalKey(Schema.Struct({ perMinute, for: lastingFor(whiles) })),
  pause: Schema.optionalKey(
    Schema.Struct({ perMinute, for: orElse(Lasting, { min: "10 millis", mean: "3 seconds", max: "30 seconds" }) }),
  ),
  slow: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      for: lastingFor(whiles),
      /** How long each task takes, drawn for each fault. */
      task: orElse(Distribution.Time, { logUniform: ["10 micros", "1 millis"] }),
    }),
  ),
  clock: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      /** How far a wall clock gets from the true time, either way. */
      upTo: orElse(Elapsed, "10 seconds"),
    }),
  ),
  drift: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      /** How fast or slow a clock runs at most, in parts in a million. */
      upTo: orElse(
        Schema.Finite.check(
          Schema.isBetween({ minimum: 0, maximum: 500_000 }, { expected: "parts in a million from 0 to 500000" }),
        ),
        500,
      ),
    }),
  ),
})
/**
 * Ranges of faults, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Rates = typeof Rates.Type

/**
 * From which ranges each seed draws what its network is like. Where links differ from each other, the seed
 * draws two values, and each link lies between them. What is not given is benign.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Ranges = Schema.Struct({
  /** Exponential; each seed has its own minimum and mean, and a rare delay that is much longer. `{}` takes the defaults. */
  delay: Schema.optionalKey(
    Schema.Struct({
      min: orElse(Distribution.Time, { uniform: ["0 millis", "30 millis"] }),
      /** Counts from 0, as the minimum does, and is never less than it. */
      mean: orElse(Distribution.Time, { uniform: ["1 millis", "100 millis"] }),
      tail: orElse(Schema.Struct({ chance: Distribution.Probability, is: Distribution.Time }), {
        chance: 0.001,
        is: { uniform: ["100 millis", "5 seconds"] },
      }),
    }),
  ),
  /** How far hosts are apart, one way, per pair; a time. */
  distance: Schema.optionalKey(Distribution.Time),
  /** The chance of a segment to be lost and sent again, per direction of a pair. */
  loss: Schema.optionalKey(Distribution.Chance),
  /** Bytes a second, per direction of a pair. */
  bandwidth: Schema.optionalKey(Distribution.Quantity),
  /** Bytes that may wait for the bandwidth, per direction of a pair. Has no effect in seeds without a bandwidth. */
  queue: Schema.optionalKey(Distribution.Quantity),
  /** The chance of a write to be cut into smaller segments, per direction of a pair. */
  split: Schema.optionalKey(Distribution.Chance),
  /** Bytes that each direction of a connection holds. */
  sendBuffer: Schema.optionalKey(Distribution.Quantity),
})
/**
 * Ranges of the network, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Ranges = typeof Ranges.Type

/**
 * The ranges from which each seed draws a plan of its own.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Swarm = Schema.Struct({
  swarm: Schema.Struct({
    /** The chance that a seed goes without a kind. Rare combinations appear because most kinds are missing in most seeds. */
    off: orElse(Distribution.Probability, 0.5),
    /** So many nodes are left up and running: no more are crashed, stopped or paused at a time. */
    spare: orElse(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0, { expected: "a number of nodes, 0 or more" })), 0),
    network: Schema.optionalKey(Ranges),
    /** As `startDelay` of a plan, in the seeds that do not go without it. */
    startDelay: Schema.optionalKey(Distribution.Time),
    faults: Schema.optionalKey(Rates),
  }),
})
/**
 * Ranges of a swarm, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Swarm = typeof Swarm.Type

/**
 * A plan, or the ranges that each seed draws its plan from.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FaultPlan = Schema.Union([Plan, Swarm])
/**
 * Plan, or the ranges of a swarm, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type FaultPlan = typeof FaultPlan.Type

/**
 * What people write: JSON, with durations as text.
 *
 * **Example** (A partition and a crash at fixed times)
 *
 * ```ts
 * import type { FaultPlan } from "@coterie/testkit"
 *
 * const faults: FaultPlan.Input = {
 *   timeline: [
 *     { kind: "partition", at: "5 seconds", for: "20 seconds", from: ["a"], to: ["b", "c"] },
 *     { kind: "crash", at: "12 seconds", for: "3 seconds", node: "b" },
 *   ],
 * }
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export type Input = typeof FaultPlan.Encoded

/**
 * Nothing goes wrong.
 *
 * @category plans
 * @since 0.1.0
 */
export const none: typeof Plan.Encoded = {}

/**
 * Everything can go wrong. To change a part of it, copy it:
 *
 * ```ts
 * import { FaultPlan } from "@coterie/testkit"
 *
 * const { faults, network } = FaultPlan.swarm.swarm
 * const milder: FaultPlan.Input = {
 *   swarm: { spare: 2, network, faults: { ...faults, crash: { perMinute: 1 } } },
 * }
 * ```
 *
 * @category plans
 * @since 0.1.0
 */
export const swarm = {
  swarm: {
    network: {
      delay: {},
      distance: { uniform: ["0 millis", "50 millis"] },
      loss: { uniform: [0, 0.3] },
      bandwidth: { logUniform: [10_000, 1_000_000_000] },
      queue: { logUniform: [16_384, 4_194_304] },
      split: { uniform: [0, 1] },
      sendBuffer: { logUniform: [1_024, 1_048_576] },
    },
    startDelay: { logUniform: ["1 millis", "5 seconds"] },
    faults: {
      partition: {},
      clog: {},
      swizzle: {},
      reset: {},
      halfOpen: {},
      crash: {},
      stop: {},
      pause: {},
      slow: {},
      clock: {},
      drift: {},
    },
  },
} satisfies typeof Swarm.Encoded

/** A key that nobody knows is an error: a word that is misspelt must not silently do nothing. */
const strict = { onExcessProperty: "error", errors: "all", reportInput: true } as const

const decodePlan = Schema.decodeUnknownResult(Plan, strict)
const decodeSwarm = Schema.decodeUnknownResult(Swarm, strict)

/**
 * Reads a plan, or the ranges of a swarm. The message of the error says where it is wrong and what may be there.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: unknown): Result.Result<FaultPlan, SimulationError> => {
  const isSwarm = typeof input === "object" && input !== null && "swarm" in input
  const decoded: Result.Result<FaultPlan, Schema.SchemaError> = isSwarm ? decodeSwarm(input) : decodePlan(input)
  return Result.mapError(
    decoded,
    ({ issue }) => new SimulationError({ reason: "plan", message: `the fault plan cannot be used: ${explain(issue)}` }),
  )
}

/**
 * The kinds of what a network does that happen often enough to be counted on. A queue has no effect of its own. Nor is a
 * `startDelay` counted on, which needs a scenario with a `start`.
 */
const networkKinds = ["delay", "distance", "loss", "bandwidth", "split", "sendBuffer"] as const

/**
 * The kinds of faults that are configured: those of the network by their keys, those of the timeline by their `kind`.
 * What does not decode configures nothing.
 *
 * @category getters
 * @since 0.1.0
 */
export const kinds = (input: Input | undefined): ReadonlyArray<string> =>
  Result.match(decode(input ?? none), { onFailure: () => [], onSuccess: kindsOf })

const kindsOf = (plan: FaultPlan): ReadonlyArray<string> => {
  if (!("swarm" in plan)) {
    const { network = {}, timeline = [] } = plan
    return [
      ...networkKinds.filter((kind) => !Distribution.isZero(network[kind])),
      ...new Set(timeline.map(({ kind }) => kind)),
    ]
  }
  const { faults = {}, network = {}, off } = plan.swarm
  if (off === 1) return []
  const { delay } = network
  const slow =
    delay !== undefined &&
    !(
      Distribution.isZero(delay.min) &&
      Distribution.isZero(delay.mean) &&
      (delay.tail.chance === 0 || Distribution.isZero(delay.tail.is))
    )
  return [
    ...networkKinds.filter((kind) => (kind === "delay" ? slow : !Distribution.isZero(network[kind]))),
    ...Object.entries(faults).flatMap(([kind, { perMinute }]) => (Distribution.isZero(perMinute) ? [] : [kind])),
  ]
}
