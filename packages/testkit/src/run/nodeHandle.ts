/** Handle with which a scenario controls a node. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as FaultPlan from "../FaultPlan.ts"
import * as Engine from "../network/Engine.ts"
import type * as Scenario from "../Scenario.ts"
import type { SimNode, State } from "./SimNode.ts"
import { finiteMicrosOf, usageError, type UsageError } from "./validateOptions.ts"

/** Changes a node that is in one of the states `from`, and waits until it is in one of the states `to`. */
const change = <A>(
  node: SimNode<A>,
  options: {
    readonly what: string
    readonly from: ReadonlyArray<State>
    readonly change: () => void
    readonly to?: ReadonlyArray<State>
  },
) =>
  node
    .require(options.from, options.what)
    .pipe(
      Effect.andThen(Effect.sync(options.change)),
      Effect.andThen(options.to === undefined ? Effect.void : node.until(options.to)),
    )

/** Changes a node by a validated value. Fails if the value is invalid. */
const changeBy = (
  value: Result.Result<number, UsageError>,
  run: (value: number) => void,
): Effect.Effect<void, UsageError> => Effect.flatMap(Effect.fromResult(value), (valid) => Effect.sync(() => run(valid)))

const taskTimeOf = (task: Duration.Input): Result.Result<number, UsageError> =>
  Result.filterOrFail(
    finiteMicrosOf("slow", task),
    (micros) => micros >= 0,
    () => usageError("options", `slow: ${String(task)} is negative: give the time of a task, or zero for full speed`),
  )

const { maxDrift } = FaultPlan

/** Validates a drift. With a much larger drift the clock would stop or run backwards. */
const driftOf = (ppm: number): Result.Result<number, UsageError> =>
  Math.abs(ppm) <= maxDrift
    ? Result.succeed(ppm)
    : Result.fail(
        usageError(
          "options",
          `a clock cannot drift by ${ppm} ppm: give parts per million from -${maxDrift} to ${maxDrift}`,
        ),
      )

const up: ReadonlyArray<State> = ["running", "starting"]
const alive: ReadonlyArray<State> = [...up, "stopping"]

/** Makes the handle of a node. */
export const nodeHandle = <A>(node: SimNode<A>): Scenario.Node<A> => ({
  name: node.name,
  address: `${node.name}:${Engine.defaultPort}`,
  get state() {
    return node.state
  },
  get paused() {
    return node.machine.paused
  },
  get lives() {
    return node.lives
  },
  service: (key) => (node.context === undefined ? undefined : Context.get(node.context, key)),
  run: (effect) => node.run(effect),
  crash: change(node, { what: "crash", from: alive, change: () => node.crash(false) }),
  powerOff: change(node, { what: "lose its power", from: alive, change: () => node.crash(true) }),
  stop: change(node, { what: "stop", from: up, change: () => node.stop(), to: ["stopped", "crashed"] }),
  restart: change(node, {
    what: "be restarted",
    from: ["crashed", "stopped"],
    change: () => node.start(),
    to: ["running"],
  }),
  pause: change(node, { what: "be paused", from: up, change: () => node.pause() }),
  resume: Effect.sync(() => node.resume()),
  slow: (task) => changeBy(taskTimeOf(task), (micros) => node.slow(micros)),
  setClock: (by) => changeBy(finiteMicrosOf("setClock", by), (micros) => node.setClock(micros)),
  drift: (ppm) => changeBy(driftOf(ppm), (valid) => node.drift(valid)),
  running: node.until(["running"]),
})
