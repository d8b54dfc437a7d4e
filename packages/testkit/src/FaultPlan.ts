/**
 * Faults of a simulation, as data that can be read, compared, written by hand and shrunk. A {@link Plan} has the
 * conditions of the network and a timeline of faults. A {@link Swarm} has the ranges from which each seed draws its own
 * plan. Both are JSON. Times are text such as `"5 seconds"`.
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
 * Faults that are not mentioned do not occur. {@link swarm} has all kinds of faults of nodes and their network, in ranges
 * that suit most programs, and {@link swarmWithDisks} also those of disks.
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

/** Name of a node. */
const Name = Schema.String.check(Schema.isMinLength(1, { expected: "the name of a node" }))

const distinct = Schema.makeFilter((names: ReadonlyArray<string>) => {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  return twice === undefined ? true : `"${twice}" is in the list twice: name each node once`
})

/** Names of nodes, at least one. */
const Names = Schema.Array(Name).check(
  Schema.isMinLength(1, { expected: "the names of nodes, at least one" }),
  distinct,
)

/** Check that a fault names two different nodes. */
const apart = Schema.makeFilter(({ from, to }: { readonly from: string; readonly to: string }) =>
  from === to ? { path: ["to"], issue: `\`from\` and \`to\` are both "${to}": name two different nodes` } : true,
)

/** Virtual time from the start of the run to the beginning of the fault. */
const at = Elapsed
/** Virtual time from the beginning of the fault to its end. */
const lasting = Elapsed

/**
 * Conditions of the network during the whole run. Conditions that are not given are benign.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Network = Schema.Struct({
  /** One-way delay, drawn for each segment. */
  delay: Schema.optionalKey(Distribution.Time),
  /** Additional one-way delay, drawn once per pair of hosts: the distance between them. */
  distance: Schema.optionalKey(Distribution.Time),
  /** Probability that a segment is lost and sent again, from 0 to 1, drawn once per direction of a pair. */
  loss: Schema.optionalKey(Distribution.Chance),
  /** Bytes per second, drawn once per direction of a pair. 0 means no limit. */
  bandwidth: Schema.optionalKey(Distribution.Quantity),
  /**
   * Bytes that may wait for the bandwidth, drawn once per direction of a pair. Segments beyond them are lost and sent
   * again.
   */
  queue: Schema.optionalKey(Distribution.Quantity),
  /** Probability that a write is cut into smaller segments, from 0 to 1, drawn once per direction of a pair. */
  split: Schema.optionalKey(Distribution.Chance),
  /** Bytes that each direction of a connection holds, drawn once per connection. 0 means the default of the network. */
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
 * Conditions of the disks during the whole run, for programs on `SimDisk`. Changes that are not durable are kept, lost or
 * torn when a machine loses its power. Conditions that are not given are benign.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Disk = Schema.Struct({
  /** Probability that a loss of power loses a write that is not synchronized, from 0 to 1. */
  lost: Schema.optionalKey(Distribution.Chance),
  /** Probability that a loss of power keeps only the first bytes of such a write, from 0 to 1. */
  torn: Schema.optionalKey(Distribution.Chance),
})
/**
 * Conditions of the disks, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Disk = typeof Disk.Type

/**
 * Partition: no bytes pass between two groups, or from the first group to the second. Connections stall.
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
    return both === undefined
      ? true
      : { path: ["to"], issue: `"${both}" is on both sides: name each node on one side only` }
  }),
)

/**
 * Clog: no bytes pass from one node to another.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Clog = Schema.Struct({ kind: Schema.Literal("clog"), at, for: lasting, from: Name, to: Name }).check(apart)

/**
 * Swizzle: nodes are cut off one after the other and reconnected one after the other. `from` and `to` of a node count
 * from the beginning of the fault.
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
          : { path: ["to"], issue: "the node is reconnected before it is cut off: `from` must be the earlier time" },
      ),
    ),
  ).check(Schema.isMinLength(1, { expected: "the nodes that are cut off, at least one" })),
})

/**
 * Reset of the connections between two nodes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reset = Schema.Struct({ kind: Schema.Literal("reset"), at, from: Name, to: Name }).check(apart)

/**
 * Half-open failure of the present connections between two nodes:
 *
 * - `gone`: the end at `to` is gone. The end at `from` does not notice until it writes.
 * - `deaf`: no bytes that `from` writes arrive any more. `from` loses the connection after its user timeout.
 * - `dead`: `deaf` in both directions.
 * - `closed`: `to` reads the end of the stream, while `from` can still write.
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
 * Crash: the process of a node is killed, or its machine loses power (`silent`). The node is started again after `for`.
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
 * Stop: a node is stopped and its finalizers run. The node is started again after `for`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Stop = Schema.Struct({ kind: Schema.Literal("stop"), at, for: lasting, node: Name })

/**
 * Pause of the process of a node, as by a long garbage collection, a migration of its virtual machine, or SIGSTOP.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Pause = Schema.Struct({ kind: Schema.Literal("pause"), at, for: lasting, node: Name })

/**
 * Slow node: every task of the node takes the time `task`.
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
 * Jump of the wall clock of a node: forward by a time, or back if the time is negative.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Clock = Schema.Struct({ kind: Schema.Literal("clock"), at, node: Name, by: Microseconds })

/**
 * Maximum drift of a clock in either direction, in parts per million.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxDrift = 500_000

/**
 * Drift: from now on the clock of a node runs fast by `ppm` parts per million, or slow if `ppm` is negative.
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
      { expected: "parts per million from -500000 to 500000" },
    ),
  ),
})

/**
 * Full disk: the node cannot create files, and cannot make files longer. Writes fail with `ENOSPC`. Happens only if the
 * node uses `SimDisk`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DiskFull = Schema.Struct({ kind: Schema.Literal("diskFull"), at, for: lasting, node: Name })

/**
 * Fault of a timeline, which happens at a given time.
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
  DiskFull,
]).annotate({
  expected:
    "a fault: an object whose `kind` is one of partition, clog, swizzle, reset, halfOpen, crash, stop, pause, slow, clock, drift, diskFull",
})
/**
 * Fault of a plan, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * Plan of one run: the conditions of the network and of the disks, the delay of starts, and the timeline of faults.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Plan = Schema.Struct({
  network: Schema.optionalKey(Network),
  disk: Schema.optionalKey(Disk),
  /**
   * Time between the layer of a node and the `start` of its application, drawn for each start. During this time, the
   * other nodes see the node, and its application does not answer yet.
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

/** Makes a key optional, with a default. */
const orElse = <T, E>(schema: Schema.Codec<T, E>, otherwise: E) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(otherwise)))

/**
 * Duration of the faults of a kind. It is random with the mean `mean`, at least `min` and at most `max`.
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
 * Rate of the faults of a kind per virtual minute. Each seed draws its own rate. By default some seeds have a fault of
 * the kind once a minute, and others every five seconds.
 */
const perMinute = orElse(Distribution.Quantity, { logUniform: [1, 12] })

const lastingFor = (otherwise: typeof Lasting.Encoded) => orElse(Lasting, otherwise)

const some = <const L extends string>(all: readonly [L, ...ReadonlyArray<L>]) =>
  orElse(
    Schema.Array(Schema.Literals(all)).check(Schema.isMinLength(1, { expected: `at least one of ${all.join(", ")}` })),
    all,
  )

/** Shapes of the partitions that a swarm draws. */
const shapes = ["size", "halves", "isolate", "bridge", "ring"] as const

/**
 * Ranges from which each seed draws its faults. A kind that is not given does not occur. `{}` takes the defaults of a
 * kind.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Rates = Schema.Struct({
  /**
   * Shapes of partitions:
   *
   * - `size`: some nodes against the rest; every number of nodes is equally likely.
   * - `halves`: one half against the other.
   * - `isolate`: one node against the rest.
   * - `bridge`: two halves, and one node that still reaches both. Needs three nodes.
   * - `ring`: each node reaches its two neighbours only. Needs four nodes, and consists of several partitions at once.
   */
  partition: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      for: lastingFor(whiles),
      shapes: some(shapes),
      /** Probability that only one direction is cut. Defaults to 0.3. */
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
      /** Probability that the machine loses power, so that peers receive no reset. Defaults to 0.5. */
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
      /** Time that each task takes, drawn for each fault. */
      task: orElse(Distribution.Time, { logUniform: ["10 micros", "1 millis"] }),
    }),
  ),
  clock: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      /** Maximum offset of a wall clock from the true time, in either direction. Defaults to 10 seconds. */
      upTo: orElse(Elapsed, "10 seconds"),
    }),
  ),
  drift: Schema.optionalKey(
    Schema.Struct({
      perMinute,
      /** Maximum drift of a clock in either direction, in parts per million. Defaults to 500. */
      upTo: orElse(
        Schema.Finite.check(
          Schema.isBetween({ minimum: 0, maximum: 500_000 }, { expected: "parts per million from 0 to 500000" }),
        ),
        500,
      ),
    }),
  ),
  diskFull: Schema.optionalKey(Schema.Struct({ perMinute, for: lastingFor(whiles) })),
})
/**
 * Ranges of faults, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export type Rates = typeof Rates.Type

/**
 * Ranges from which each seed draws the conditions of its network. For a condition that differs between links, the seed
 * draws two values, and each link has a value between them. Conditions that are not given are benign.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Ranges = Schema.Struct({
  /**
   * One-way delay of a segment. It is exponential. Each seed draws its own minimum and mean; `tail` is a rare delay
   * that is much longer. `{}` takes the defaults.
   */
  delay: Schema.optionalKey(
    Schema.Struct({
      min: orElse(Distribution.Time, { uniform: ["0 millis", "30 millis"] }),
      /** Counts from 0, as the minimum does. A mean below the minimum is raised to it. */
      mean: orElse(Distribution.Time, { uniform: ["1 millis", "100 millis"] }),
      tail: orElse(Schema.Struct({ chance: Distribution.Probability, is: Distribution.Time }), {
        chance: 0.001,
        is: { uniform: ["100 millis", "5 seconds"] },
      }),
    }),
  ),
  /** Additional one-way delay per pair of hosts: the distance between them. */
  distance: Schema.optionalKey(Distribution.Time),
  /** Probability that a segment is lost and sent again, per direction of a pair. */
  loss: Schema.optionalKey(Distribution.Chance),
  /** Bytes per second, per direction of a pair. */
  bandwidth: Schema.optionalKey(Distribution.Quantity),
  /** Bytes that may wait for the bandwidth, per direction of a pair. Has no effect in seeds without a bandwidth. */
  queue: Schema.optionalKey(Distribution.Quantity),
  /** Probability that a write is cut into smaller segments, per direction of a pair. */
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
 * Ranges from which each seed draws a plan of its own.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Swarm = Schema.Struct({
  swarm: Schema.Struct({
    /**
     * Probability that a seed goes without a kind of fault. Seeds without some kinds reach rare combinations of the
     * others. Defaults to 0.5.
     */
    off: orElse(Distribution.Probability, 0.5),
    /**
     * Number of nodes that stay up: a fault does not crash, stop or pause a running node unless more than `spare` nodes
     * are up. Defaults to 0.
     */
    spare: orElse(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0, { expected: "a number of nodes, 0 or more" })), 0),
    network: Schema.optionalKey(Ranges),
    /** `disk` of a plan. Each seed goes without a condition with the probability `off`. */
    disk: Schema.optionalKey(Disk),
    /** `startDelay` of a plan, in the seeds that do not go without it. */
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
 * Schema of a plan, or of the ranges from which each seed draws its plan.
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
 * Plan or ranges as they are written: JSON, with durations as text.
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
 * Plan without faults.
 *
 * @category plans
 * @since 0.1.0
 */
export const none: typeof Plan.Encoded = {}

/**
 * Ranges of a swarm with all kinds of faults, except those of disks ({@link swarmWithDisks}). To change a part, copy it:
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

/**
 * Ranges of a swarm with all kinds of faults, and with those of the disks. For programs on `SimDisk`.
 *
 * @category plans
 * @since 0.1.0
 */
export const swarmWithDisks = {
  swarm: {
    ...swarm.swarm,
    disk: { lost: { uniform: [0, 1] }, torn: { uniform: [0, 1] } },
    faults: { ...swarm.swarm.faults, diskFull: {} },
  },
} satisfies typeof Swarm.Encoded

/** An unknown key is an error: a misspelt key must not silently have no effect. */
const strict = { onExcessProperty: "error", errors: "all", reportInput: true } as const

const decodePlan = Schema.decodeUnknownResult(Plan, strict)
const decodeSwarm = Schema.decodeUnknownResult(Swarm, strict)

/**
 * Decodes a plan, or the ranges of a swarm. Fails with `SimulationError` and the reason `plan`; its message names each
 * wrong place and the values that are allowed there.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: unknown): Result.Result<FaultPlan, SimulationError> => {
  const isSwarm = typeof input === "object" && input !== null && "swarm" in input
  const decoded: Result.Result<FaultPlan, Schema.SchemaError> = isSwarm ? decodeSwarm(input) : decodePlan(input)
  return Result.mapError(
    decoded,
    ({ issue }) => new SimulationError({ reason: "plan", message: `the fault plan is invalid: ${explain(issue)}` }),
  )
}

/**
 * Conditions of a network that occur often enough for a swarm to require them. A queue has no effect of its own. A
 * `startDelay` is not required, because it needs a scenario with a `start`.
 */
const networkKinds = ["delay", "distance", "loss", "bandwidth", "split", "sendBuffer"] as const

/**
 * Returns the configured kinds of faults: conditions of the network by their keys, `diskLost` and `diskTorn`, faults of the timeline by their
 * `kind`. Returns an empty list for an input that does not decode.
 *
 * @category getters
 * @since 0.1.0
 */
export const kinds = (input: Input | undefined): ReadonlyArray<string> =>
  Result.match(decode(input ?? none), { onFailure: () => [], onSuccess: kindsOf })

/** Returns the configured conditions of disks. */
const diskKinds = ({ lost, torn }: Disk): ReadonlyArray<string> => [
  ...(Distribution.isZero(lost) ? [] : ["diskLost"]),
  ...(Distribution.isZero(torn) ? [] : ["diskTorn"]),
]

const kindsOf = (plan: FaultPlan): ReadonlyArray<string> => {
  if (!("swarm" in plan)) {
    const { disk = {}, network = {}, timeline = [] } = plan
    return [
      ...diskKinds(disk),
      ...networkKinds.filter((kind) => !Distribution.isZero(network[kind])),
      ...new Set(timeline.map(({ kind }) => kind)),
    ]
  }
  const { disk = {}, faults = {}, network = {}, off } = plan.swarm
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
    ...diskKinds(disk),
    ...networkKinds.filter((kind) => (kind === "delay" ? slow : !Distribution.isZero(network[kind]))),
    ...Object.entries(faults).flatMap(([kind, { perMinute }]) => (Distribution.isZero(perMinute) ? [] : [kind])),
  ]
}
