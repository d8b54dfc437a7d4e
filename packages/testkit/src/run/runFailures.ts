/** Failures that end a run, with messages that say what to do. */
import * as Cause from "effect/Cause"
import * as Microseconds from "../internal/Microseconds.ts"
import type { Life } from "../kernel/Life.ts"
import type { Machine } from "../kernel/Machine.ts"
import * as SimulationError from "../SimulationError.ts"
import type { SimNode } from "./SimNode.ts"

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Lists the scenario and the nodes with their numbers of fibers that have not ended. */
export const waiting = (scenario: Life, nodes: Iterable<SimNode<never>>): string => {
  const of = (name: string, fibers: number) => `${name} (${fibers} ${fibers === 1 ? "fiber" : "fibers"})`
  return [
    of("the scenario", scenario.fibers),
    ...[...nodes].flatMap(({ life, name, state }) =>
      life === undefined || life.fibers === 0 || state === "crashed" ? [] : [of(name, life.fibers)],
    ),
  ].join(", ")
}

export const stalled = (at: number, waiting: string): SimulationError.Failure =>
  new SimulationError.Stalled({
    at,
    message:
      `at ${Microseconds.show(at)} no task is ready, no event is scheduled, and the scenario has not ended. ` +
      `Waiting: ${waiting}. Either they wait for each other, or for something real (a socket, a file, ` +
      "a worker, crypto.subtle), which cannot happen inside a simulation: give the node a layer without it.",
  })

export const livelock = (
  at: number,
  options: {
    readonly machine: Machine | undefined
    /** Machine of the scenario. */
    readonly scenario: Machine
    readonly stepsPerInstant: number
  },
): SimulationError.Failure => {
  const { machine, scenario, stepsPerInstant } = options
  const subject = machine === undefined ? "Some code" : machine === scenario ? "The scenario" : machine.name
  return new SimulationError.Livelock({
    at,
    ...(machine === undefined ? {} : { node: machine.name }),
    message:
      `there were more than ${stepsPerInstant} steps at ${Microseconds.show(at)}, and time does not pass. ` +
      `${subject} probably loops without a sleep or retries without a delay. ` +
      "If the work is real, raise `stepsPerInstant`.",
  })
}

export const timeLimit = (at: number, waiting: string): SimulationError.Failure =>
  new SimulationError.TimeLimit({
    at,
    message:
      `the scenario had not ended after ${Microseconds.show(at)} of virtual time. Waiting: ${waiting}. ` +
      "Raise `timeLimit` if the scenario needs longer, or look for an event that never happens: virtual time does not wait " +
      "for anything real, such as a socket, a file, a worker or `node:timers`.",
  })

/** Makes the failure of a scenario that failed with the cause. */
export const scenarioFailed = (at: number, cause: Cause.Cause<unknown>): SimulationError.Failure => {
  const error = Cause.squash(cause)
  return new SimulationError.ScenarioFailed({
    at,
    cause: error,
    message: `the scenario failed at ${Microseconds.show(at)}: ${error instanceof Error ? error.message : Cause.pretty(cause)}`,
  })
}

/** Makes the failure of a fiber that the scenario forked and did not join. */
export const forkedFiberDied = (at: number, cause: Cause.Cause<unknown>): SimulationError.ScenarioFailed => {
  const defect = Cause.squash(cause)
  return new SimulationError.ScenarioFailed({
    at,
    cause: defect,
    message: `a fiber that the scenario forked and did not join died at ${Microseconds.show(at)}: ${messageOf(defect)}`,
  })
}

/** Makes the failure of a callback that threw. The callback belongs to the node, or to the scenario without one. */
export const callbackThrew = (at: number, node: string | undefined, cause: unknown): SimulationError.Failure =>
  node === undefined
    ? new SimulationError.ScenarioFailed({
        at,
        cause,
        message: `a callback of the scenario threw an uncaught exception at ${Microseconds.show(at)}: ${messageOf(cause)}`,
      })
    : new SimulationError.NodeDied({
        at,
        node,
        cause,
        message: `a callback of ${node} threw an uncaught exception at ${Microseconds.show(at)}: ${messageOf(cause)}`,
      })

/** Makes the failure of a program that used the platform in strict mode. */
export const escaped = (at: number, node: string, what: string, site: string): SimulationError.Failure =>
  new SimulationError.Escaped({
    at,
    what,
    site,
    node,
    message:
      `${node} used the global ${what} ${site}. Take time from Clock, random numbers from Random, and timers from Effect.sleep ` +
      "or a Schedule. Without `strict`, the simulation replaces the global.",
  })

/** Makes the failure of nodes that did not converge in time. `down` describes the nodes that are not running. */
export const notConverged = (at: number, within: string, reason: string, down: string): SimulationError.Failure =>
  new SimulationError.NotConverged({
    at,
    message: `the nodes did not converge within ${within} after everything was healed: ${reason} (${down})`,
  })

/** Makes the error of a condition that did not hold in time. */
export const notReached = (options: {
  readonly at: number
  readonly from: number
  readonly within: string
  readonly condition: string
  readonly seen: string
  /** Description of the nodes that are not running. */
  readonly down: string
}): SimulationError.NotReached => {
  const { at, condition, down, from, seen, within } = options
  return new SimulationError.NotReached({
    at,
    condition,
    seen,
    message: `"${condition}" did not hold within ${within} from ${Microseconds.show(from)}: ${seen} (${down})`,
  })
}
