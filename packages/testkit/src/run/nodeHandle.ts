/** Handle with which a scenario controls a node. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FaultPlan from "../FaultPlan.ts"
import * as Microseconds from "../internal/Microseconds.ts"
import * as Engine from "../network/Engine.ts"
import type * as Scenario from "../Scenario.ts"
import * as SimulationError from "../SimulationError.ts"
import type { SimNode, State } from "./SimNode.ts"

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

const badDrift = (ppm: number) =>
  new SimulationError.SimulationError({
    reason: "options",
    message: `a clock cannot drift by ${ppm} ppm: give parts per million from -${FaultPlan.maxDrift} to ${FaultPlan.maxDrift}`,
  })

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
  slow: (task) => Effect.sync(() => node.slow(Microseconds.fromDuration(task))),
  setClock: (by) => Effect.sync(() => node.setClock(Microseconds.fromDuration(by))),
  drift: (ppm) =>
    Effect.sync(() => {
      // With a much larger drift the clock would stop or run backwards.
      if (!(Math.abs(ppm) <= FaultPlan.maxDrift)) throw badDrift(ppm)
      node.drift(ppm)
    }),
  running: node.until(["running"]),
})
