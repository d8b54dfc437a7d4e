/** A node as a scenario has it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FaultPlan from "../FaultPlan.ts"
import * as Micros from "../internal/Micros.ts"
import type * as Scenario from "../Scenario.ts"
import * as SimulationError from "../SimulationError.ts"
import * as Engine from "../network/Engine.ts"
import * as Nodes from "./Nodes.ts"

/** Does something to a node that is in one of the states, and waits until it is in another. */
const change = <A>(
  host: Nodes.Host,
  node: Nodes.NodeState<A>,
  options: {
    readonly what: string
    readonly from: ReadonlyArray<Nodes.State>
    readonly does: () => void
    readonly to?: ReadonlyArray<Nodes.State>
  },
) =>
  Nodes.require(node, options.from, options.what).pipe(
    Effect.andThen(Effect.sync(options.does)),
    Effect.andThen(options.to === undefined ? Effect.void : Nodes.until(host, node, options.to)),
  )

const badDrift = (ppm: number) =>
  new SimulationError.SimulationError({
    reason: "options",
    message: `a clock cannot drift by ${ppm} ppm: give parts in a million from -${FaultPlan.maxDrift} to ${FaultPlan.maxDrift}`,
  })

const up: ReadonlyArray<Nodes.State> = ["running", "starting"]
const alive: ReadonlyArray<Nodes.State> = [...up, "stopping"]

export const handle = <A>(host: Nodes.Host, node: Nodes.NodeState<A>): Scenario.Node<A> => ({
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
  run: (effect) => Nodes.run(host, node, effect),
  crash: change(host, node, { what: "crash", from: alive, does: () => Nodes.crash(host, node, false) }),
  powerOff: change(host, node, { what: "lose its power", from: alive, does: () => Nodes.crash(host, node, true) }),
  stop: change(host, node, { what: "stop", from: up, does: () => Nodes.stop(host, node), to: ["stopped", "crashed"] }),
  restart: change(host, node, {
    what: "be restarted",
    from: ["crashed", "stopped"],
    does: () => Nodes.start(host, node),
    to: ["running"],
  }),
  pause: change(host, node, { what: "be paused", from: up, does: () => Nodes.pause(host, node) }),
  resume: Effect.sync(() => Nodes.resume(host, node)),
  slow: (task) => Effect.sync(() => Nodes.slow(host, node, Micros.fromDuration(task))),
  setClock: (by) => Effect.sync(() => Nodes.setClock(host, node, Micros.fromDuration(by))),
  drift: (ppm) =>
    Effect.sync(() => {
      // At another rate its time would stand still, or run back.
      if (!(Math.abs(ppm) <= FaultPlan.maxDrift)) throw badDrift(ppm)
      Nodes.drift(host, node, ppm)
    }),
  running: Nodes.until(host, node, ["running"]),
})
