/**
 * Errors of a simulation. A {@link Failure} is a fault of the program under test or of its scenario. A
 * {@link SimulationError} is an invalid use of the testkit.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Invalid use of the testkit.
 *
 * - `plan`: a fault plan does not decode.
 * - `artifact`: an artifact or a trace does not decode, has another version, or belongs to another scenario or to other
 *   options.
 * - `nodeName`: a name of a node is used twice, is not a host name, or does not exist.
 * - `nodeState`: the state of the node does not allow the operation. For example, a crashed node cannot crash.
 * - `seeds`: a seed is not a whole number from 0, or a range of seeds is reversed.
 * - `options`: another option is invalid, or a simulation was run inside another one.
 *
 * @category errors
 * @since 0.1.0
 */
export class SimulationError extends Schema.TaggedError<SimulationError>()("SimulationError", {
  reason: Schema.Literals(["plan", "artifact", "nodeName", "nodeState", "seeds", "options"]),
  message: Schema.String,
}) {}

/**
 * Loss of an effect that ran as part of a node, because the node is not running, has crashed, or was stopped.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeDown extends Schema.TaggedError<NodeDown>()("NodeDown", {
  node: Schema.String,
  message: Schema.String,
}) {}

/** Fields of all failures: the virtual time in microseconds, and a message with advice. */
const common = { at: Schema.Int, message: Schema.String }

/**
 * Violation of an `Invariant.always`, of an `Invariant.eventually` that did not hold in time, or a leak of a stopped
 * node.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvariantViolated extends Schema.TaggedError<InvariantViolated>()("InvariantViolated", {
  ...common,
  invariant: Schema.String,
  /** Node whose step violated the invariant, or that leaks. Missing if no node did. */
  node: Schema.optionalKey(Schema.String),
}) {}

/**
 * Exception in the predicate of an invariant.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvariantThrew extends Schema.TaggedError<InvariantThrew>()("InvariantThrew", {
  ...common,
  invariant: Schema.String,
  cause: Schema.Defect(),
}) {}

/**
 * Failure of `converges`: the predicate did not hold in time after all nodes were healed.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConverged extends Schema.TaggedError<NotConverged>()("NotConverged", common) {}

/**
 * Failure of `until`: the condition did not hold in time.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotReached extends Schema.TaggedError<NotReached>()("NotReached", {
  ...common,
  /** Name of the condition. */
  condition: Schema.String,
  /** Last result of the condition. */
  seen: Schema.String,
}) {}

/**
 * Stalled run: no task is ready, no event is scheduled, and the scenario has not ended. The cause is a deadlock, or
 * code that waits for real I/O.
 *
 * @category errors
 * @since 0.1.0
 */
export class Stalled extends Schema.TaggedError<Stalled>()("Stalled", common) {}

/**
 * Livelock: too many steps at one instant, as in a loop without a sleep.
 *
 * @category errors
 * @since 0.1.0
 */
export class Livelock extends Schema.TaggedError<Livelock>()("Livelock", {
  ...common,
  node: Schema.optionalKey(Schema.String),
}) {}

/**
 * Use of time, random numbers or timers of the machine instead of those of the simulation. Only in strict mode.
 *
 * @category errors
 * @since 0.1.0
 */
export class Escaped extends Schema.TaggedError<Escaped>()("Escaped", {
  ...common,
  /** Name of the function or class, such as `Date.now`. */
  what: Schema.String,
  /** Line of the stack that called it. */
  site: Schema.String,
  node: Schema.optionalKey(Schema.String),
}) {}

/**
 * Death of a node: its layer did not build, its application did not start, a finalizer failed, or a callback threw.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeDied extends Schema.TaggedError<NodeDied>()("NodeDied", {
  ...common,
  node: Schema.String,
  cause: Schema.Defect(),
}) {}

/**
 * End of the time limit before the end of the scenario.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimeLimit extends Schema.TaggedError<TimeLimit>()("TimeLimit", common) {}

/**
 * Failure of the scenario itself, such as an assertion, an effect that failed, or a forked fiber that died.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScenarioFailed extends Schema.TaggedError<ScenarioFailed>()("ScenarioFailed", {
  ...common,
  cause: Schema.Defect(),
}) {}

/**
 * Difference between two runs of one seed, or between an artifact and its replay.
 *
 * @category errors
 * @since 0.1.0
 */
export class NonDeterministic extends Schema.TaggedError<NonDeterministic>()("NonDeterministic", common) {}

/**
 * Failure of a whole swarm: a situation of `Invariant.sometimes` never happened, or a configured kind of fault never
 * occurred.
 *
 * @category errors
 * @since 0.1.0
 */
export class NeverHappened extends Schema.TaggedError<NeverHappened>()("NeverHappened", {
  message: Schema.String,
  what: Schema.String,
}) {}

/**
 * Schema of the failures of a run or a swarm.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Failure = Schema.Union([
  InvariantViolated,
  InvariantThrew,
  NotConverged,
  NotReached,
  Stalled,
  Livelock,
  Escaped,
  NodeDied,
  TimeLimit,
  ScenarioFailed,
  NonDeterministic,
])
/**
 * Failure that a run or a swarm can find.
 *
 * @category errors
 * @since 0.1.0
 */
export type Failure = typeof Failure.Type
