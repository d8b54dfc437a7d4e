/**
 * Where the faults of a run come from: a timeline that stands in a plan, or chance, by the rates of a swarm. A source
 * says when the next fault comes, and at that time what it is, since whom it hits depends on who is up.
 */
import * as Distribution from "../Distribution.ts"
import type * as FaultPlan from "../FaultPlan.ts"
import * as Prng from "../kernel/prng.ts"
import { conditions } from "./conditions.ts"
import { Crowd, type Kind, kindsOf, type NodeState } from "./targets.ts"

export type { NodeState }

/** The faults of one run. It is asked in the order of time: {@link Source.next}, then `take` at that time, and so on. */
export interface Source {
  /** What the network of this run is like. */
  readonly network: FaultPlan.Network
  /** When the next fault comes, in microseconds; never before `after`. `undefined` if no more come. */
  readonly next: (after: number) => number | undefined
  /**
   * The faults of that moment, which are then past. There may be none, when nobody is left to hit. A timeline gives what
   * it has, whatever the nodes do.
   */
  readonly take: (at: number, nodes: ReadonlyArray<NodeState>) => ReadonlyArray<FaultPlan.Fault>
}

/** Exactly the timeline of a plan. */
export const scripted = ({ network = {}, timeline = [] }: FaultPlan.Plan): Source => {
  const faults = [...timeline].sort((a, b) => a.at - b.at)
  let place = 0
  return {
    network,
    next: (after) => {
      const fault = faults[place]
      return fault === undefined ? undefined : Math.max(after, fault.at)
    },
    take: (at) => {
      const taken: Array<FaultPlan.Fault> = []
      for (let fault = faults[place]; fault !== undefined && fault.at <= at; fault = faults[++place]) taken.push(fault)
      return taken
    },
  }
}

const microsPerMinute = 60_000_000

/** When the faults of one kind come. */
interface Process {
  readonly kind: Kind
  /** When the next one comes. */
  readonly at: () => number
  /** A generator for that one, which is then past. */
  readonly pass: () => Prng.Prng
}

/** A kind in one seed: none if the seed goes without it. */
const process = (kind: Kind, seed: number, off: number): ReadonlyArray<Process> => {
  const random = Prng.make(seed, `fault ${kind.kind}`)
  if (random.next() < off) return []
  const perMinute = Distribution.sample(kind.perMinute, random)
  if (perMinute === 0) return []
  const gap = (): number => Math.max(1, Math.round((-Math.log(1 - random.next()) * microsPerMinute) / perMinute))
  let at = gap()
  let count = 0
  return [
    {
      kind,
      at: () => at,
      pass: () => {
        at += gap()
        return Prng.make(seed, `fault ${kind.kind} ${count++}`)
      },
    },
  ]
}

/**
 * Faults by chance. Each kind comes by a generator of its own, and each fault is made by one, so that neither a kind that
 * is switched off nor a fault that hits nobody moves any other.
 */
export const swarming = ({ swarm }: FaultPlan.Swarm, seed: number): Source => {
  const processes = kindsOf(swarm).flatMap((kind) => process(kind, seed, swarm.off))
  const crowd = new Crowd(swarm.spare)
  return {
    network: conditions(swarm, seed),
    next: (after) =>
      processes.length === 0 ? undefined : Math.max(after, Math.min(...processes.map(({ at }) => at()))),
    take: (at, nodes) => {
      crowd.see(nodes)
      const taken: Array<FaultPlan.Fault> = []
      for (const process of processes) {
        while (process.at() <= at) taken.push(...process.kind.make({ at, random: process.pass(), crowd }))
      }
      return taken
    },
  }
}
