/**
 * The source of the faults of a run: a timeline that stands in a plan, or chance, by the rates of a swarm. A source says
 * when the next fault comes, and at that time what it is, because the nodes that it can hit depend on who is up.
 */
import type * as Distribution from "../Distribution.ts"
import type * as FaultPlan from "../FaultPlan.ts"
import * as Prng from "../kernel/Prng.ts"
import { ArrivalProcess } from "./ArrivalProcess.ts"
import { drawConditions } from "./drawConditions.ts"
import { kindsOf } from "./drawFaults.ts"
import { type NodeState, NodeStates } from "./NodeStates.ts"

export type { NodeState }

/** The faults of one run. Callers ask in the order of time: {@link FaultSource.next}, then `take` at that time, and so on. */
export interface FaultSource {
  /** Conditions of the network in this run. */
  readonly network: FaultPlan.Network
  /** Time between the layer of a node and the start of its application; `undefined` if there is none in this run. */
  readonly startDelay: Distribution.Distribution | undefined
  /** Returns the time of the next fault in microseconds, never before `after`; `undefined` if no more come. */
  readonly next: (after: number) => number | undefined
  /**
   * Removes and returns the faults of that time. There may be none, if no node can be hit. A timeline returns its faults
   * whatever the states of the nodes are.
   */
  readonly take: (at: number, nodes: ReadonlyArray<NodeState>) => ReadonlyArray<FaultPlan.Fault>
}

class PlannedFaults implements FaultSource {
  readonly network: FaultPlan.Network
  readonly startDelay: FaultSource["startDelay"]
  private readonly faults: ReadonlyArray<FaultPlan.Fault>
  private place = 0

  constructor({ network = {}, startDelay, timeline = [] }: FaultPlan.Plan) {
    this.network = network
    this.startDelay = startDelay
    this.faults = [...timeline].sort((a, b) => a.at - b.at)
  }

  next(after: number): number | undefined {
    const fault = this.faults[this.place]
    return fault === undefined ? undefined : Math.max(after, fault.at)
  }

  take(at: number): ReadonlyArray<FaultPlan.Fault> {
    const from = this.place
    while ((this.faults[this.place]?.at ?? Number.POSITIVE_INFINITY) <= at) this.place++
    return this.faults.slice(from, this.place)
  }
}

class DrawnFaults implements FaultSource {
  readonly network: FaultPlan.Network
  readonly startDelay: FaultSource["startDelay"]
  private readonly arrivals: ReadonlyArray<ArrivalProcess>
  private readonly nodes: NodeStates

  constructor({ swarm }: FaultPlan.Swarm, seed: number) {
    this.network = drawConditions(swarm, seed)
    this.startDelay = Prng.make(seed, "startDelay").next() < swarm.off ? undefined : swarm.startDelay
    this.arrivals = kindsOf(swarm).flatMap((kind) => ArrivalProcess.make(kind, seed, swarm.off) ?? [])
    this.nodes = new NodeStates(swarm.spare)
  }

  next(after: number): number | undefined {
    return this.arrivals.length === 0 ? undefined : Math.max(after, Math.min(...this.arrivals.map(({ at }) => at)))
  }

  take(at: number, states: ReadonlyArray<NodeState>): ReadonlyArray<FaultPlan.Fault> {
    const { nodes } = this
    nodes.update(states)
    const taken: Array<FaultPlan.Fault> = []
    for (const arrival of this.arrivals) {
      while (arrival.at <= at) taken.push(...arrival.kind.make({ at, random: arrival.pass(), nodes }))
    }
    return taken
  }
}

/** Makes a source of exactly the timeline of a plan. */
export const planned = (plan: FaultPlan.Plan): FaultSource => new PlannedFaults(plan)

/**
 * Makes a source of faults by chance. Each kind comes by a generator of its own, and each fault is drawn from one, so that
 * neither a kind that is switched off nor a fault that hits no node moves any other fault.
 */
export const drawn = (swarm: FaultPlan.Swarm, seed: number): FaultSource => new DrawnFaults(swarm, seed)
