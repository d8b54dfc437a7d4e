/**
 * Source of the faults of a run: the timeline of a plan, or random draws by the rates of a swarm. A source returns the
 * time of the next fault first, and the fault itself only at that time, because the nodes that a fault can hit depend
 * on their states at that moment.
 */
import type * as Distribution from "../Distribution.ts"
import type * as FaultPlan from "../FaultPlan.ts"
import * as Prng from "../kernel/Prng.ts"
import { ArrivalProcess } from "./ArrivalProcess.ts"
import { drawConditions } from "./drawConditions.ts"
import { kindsOf } from "./drawFaults.ts"
import { type NodeState, NodeStates } from "./NodeStates.ts"

export type { NodeState }

/** Faults of one run. Callers alternate in the order of time: {@link FaultSource.next}, then `take` at that time. */
export interface FaultSource {
  /** Conditions of the network in this run. */
  readonly network: FaultPlan.Network
  /** Conditions of the disks in this run. */
  readonly disk: FaultPlan.Disk
  /** Time between the layer of a node and the start of its application. `undefined` if this run has no delay. */
  readonly startDelay: Distribution.Distribution | undefined
  /**
   * Returns the time of the next fault in microseconds, not before `after`. Returns `undefined` if no fault is left.
   */
  readonly next: (after: number) => number | undefined
  /**
   * Removes and returns the faults of that time. The list is empty if no node can be hit. A timeline returns its faults
   * regardless of the states of the nodes.
   */
  readonly take: (at: number, nodes: ReadonlyArray<NodeState>) => ReadonlyArray<FaultPlan.Fault>
}

class PlannedFaults implements FaultSource {
  readonly network: FaultPlan.Network
  readonly disk: FaultPlan.Disk
  readonly startDelay: FaultSource["startDelay"]
  private readonly faults: ReadonlyArray<FaultPlan.Fault>
  private place = 0

  constructor({ disk = {}, network = {}, startDelay, timeline = [] }: FaultPlan.Plan) {
    this.network = network
    this.disk = disk
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
  readonly disk: FaultPlan.Disk
  readonly startDelay: FaultSource["startDelay"]
  private readonly arrivals: ReadonlyArray<ArrivalProcess>
  private readonly nodes: NodeStates

  constructor({ swarm }: FaultPlan.Swarm, seed: number) {
    this.network = drawConditions(swarm, seed)
    this.disk = drawDisk(swarm, seed)
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

/** Draws whether the seed has each condition of the disks. */
const drawDisk = ({ disk = {}, off }: FaultPlan.Swarm["swarm"], seed: number): FaultPlan.Disk => {
  const { lost, torn } = disk
  const isOff = (kind: string) => Prng.make(seed, `disk ${kind}`).next() < off
  return {
    ...(lost === undefined || isOff("lost") ? {} : { lost }),
    ...(torn === undefined || isOff("torn") ? {} : { torn }),
  }
}

/** Makes a source that returns exactly the timeline of a plan. */
export const planned = (plan: FaultPlan.Plan): FaultSource => new PlannedFaults(plan)

/**
 * Makes a source of random faults. Each kind has a generator of its own for its times, and each fault has one for its
 * parameters. A kind that is switched off or a fault that hits no node therefore changes no other fault.
 */
export const drawn = (swarm: FaultPlan.Swarm, seed: number): FaultSource => new DrawnFaults(swarm, seed)
