/**
 * How a simulation fails. A {@link Failure} is what it is made to find: something is wrong with the program, or
 * with the scenario that tests it. A {@link SimulationError} is a use of the testkit that cannot be.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The testkit was asked for something that cannot be.
 *
 * - `plan`: a fault plan does not decode.
 * - `artifact`: an artifact does not decode, is of another version, or of a scenario that has changed.
 * - `nodeName`: a name is used twice, is none, or is not known.
 * - `nodeState`: the node is not in a state in which this can be done: a crashed one cannot crash.
 * - `seeds`: a range of seeds is empty, or the wrong way round.
 * - `options`: another option cannot be used, or a simulation was run inside of another.
 *
 * @category errors
 * @since 0.1.0
 */
export class SimulationError extends Schema.TaggedError<SimulationError>()("SimulationError", {
  reason: Schema.Literals(["plan", "artifact", "nodeName", "nodeState", "seeds", "options"]),
  message: Schema.String,
}) {}

/**
 * What was run as part of a node is lost, because the node is not running, crashed, or was stopped.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeDown extends Schema.TaggedError<NodeDown>()("NodeDown", {
  node: Schema.String,
  message: Schema.String,
}) {}

/** What all failures tell: when, in virtual microseconds, and a message that says what to do. */
const common = { at: Schema.Int, message: Schema.String }

/**
 * An `Invariant.always` did not hold, an `eventually` not in time, or an automatic check found a leak.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvariantViolated extends Schema.TaggedError<InvariantViolated>()("InvariantViolated", {
  ...common,
  invariant: Schema.String,
  /** The node whose step broke it, where one did. */
  node: Schema.optionalKey(Schema.String),
}) {}

/**
 * An invariant threw instead of giving an answer.
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
 * The nodes were healed and did not come to agree in time.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConverged extends Schema.TaggedError<NotConverged>()("NotConverged", common) {}

/**
 * A condition that the scenario waited for with `until` did not come to hold in time.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotReached extends Schema.TaggedError<NotReached>()("NotReached", {
  ...common,
  /** Name of the condition. */
  condition: Schema.String,
  /** Last answer of the condition. */
  seen: Schema.String,
}) {}

/**
 * Nothing is ready, nothing will happen, and the scenario is not done: a deadlock, or it waits for real I/O.
 *
 * @category errors
 * @since 0.1.0
 */
export class Stalled extends Schema.TaggedError<Stalled>()("Stalled", common) {}

/**
 * Too many steps without any time passing: something runs in circles.
 *
 * @category errors
 * @since 0.1.0
 */
export class Livelock extends Schema.TaggedError<Livelock>()("Livelock", {
  ...common,
  node: Schema.optionalKey(Schema.String),
}) {}

/**
 * In strict mode: the program used time, chance or timers of the machine and not those of the simulation.
 *
 * @category errors
 * @since 0.1.0
 */
export class Escaped extends Schema.TaggedError<Escaped>()("Escaped", {
  ...common,
  /** What was used: `Date.now`. */
  what: Schema.String,
  /** Where: the line of the stack that called it. */
  site: Schema.String,
  node: Schema.optionalKey(Schema.String),
}) {}

/**
 * The layer of a node did not build, one of its finalizers failed, or one of its callbacks threw.
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
 * The scenario was not done when its time was over.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimeLimit extends Schema.TaggedError<TimeLimit>()("TimeLimit", common) {}

/**
 * The scenario itself failed: an assertion, mostly.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScenarioFailed extends Schema.TaggedError<ScenarioFailed>()("ScenarioFailed", {
  ...common,
  cause: Schema.Defect(),
}) {}

/**
 * The same seed, or the replay of an artifact, did not do the same again.
 *
 * @category errors
 * @since 0.1.0
 */
export class NonDeterministic extends Schema.TaggedError<NonDeterministic>()("NonDeterministic", common) {}

/**
 * Over all seeds of a swarm: something that was to happen `sometimes` never did, or a kind of fault never came.
 *
 * @category errors
 * @since 0.1.0
 */
export class NeverHappened extends Schema.TaggedError<NeverHappened>()("NeverHappened", {
  message: Schema.String,
  what: Schema.String,
}) {}

/**
 * What a run can find.
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
