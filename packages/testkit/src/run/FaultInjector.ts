/**
 * Injection of the faults of a plan. The injector ends each fault when its time is over, and records the faults that
 * happened, so that a replay can inject them again.
 */
import * as Distribution from "../Distribution.ts"
import type * as FaultPlan from "../FaultPlan.ts"
import type { DiskTable } from "../disk/DiskTable.ts"
import type { FaultSource, NodeState } from "../faults/FaultSource.ts"
import * as Sentence from "../faults/sentence.ts"
import * as Microseconds from "../internal/Microseconds.ts"
import type { Draws } from "../kernel/Draws.ts"
import { rank, type ScheduledEvent } from "../kernel/EventQueue.ts"
import type { Kernel } from "../kernel/Kernel.ts"
import { toWhole } from "../network/Conditions.ts"
import type * as Engine from "../network/Engine.ts"
import type * as Trace from "../Trace.ts"
import type { Recorder } from "./Recorder.ts"
import type { SimNode, SlowStart } from "./SimNode.ts"

/**
 * Conditions of a network without faults: a short delay. Without a delay, an exchange of messages would take no time.
 */
export const calm: FaultPlan.Network = { delay: Microseconds.fromDuration("500 micros") }

/** Fault with a duration that has begun. */
interface ActiveFault {
  readonly end: () => void
  /** `true` if the fault blocks directions, so that healing the network ends it. */
  readonly blocks: boolean
}

type Cut = NonNullable<(typeof Trace.FaultEvent.Type)["cut"]>

/** Returns the sides that a fault keeps apart, for traces. */
const cutOf = (fault: FaultPlan.Fault): { readonly cut?: Cut } => {
  if (fault.kind === "partition") return { cut: { from: fault.from, to: fault.to, oneWay: fault.oneWay === true } }
  return fault.kind === "clog" ? { cut: { from: [fault.from], to: [fault.to], oneWay: true } } : {}
}

/** Kinds of faults that block directions. */
const blocking: ReadonlySet<string> = new Set(["partition", "clog", "swizzle"])

const nothing = (): void => undefined

const stateOf = (node: SimNode<never>): NodeState["state"] =>
  !node.isUp ? "down" : node.machine.paused ? "paused" : "up"

interface Options {
  readonly source: FaultSource
  readonly draws: Draws
  readonly kernel: Kernel
  readonly engine: Engine.Engine
  readonly disks: DiskTable
  readonly nodes: ReadonlyMap<string, SimNode<never>>
  readonly recorder: Recorder
  /** Returns `true` if nodes with these names exist. Otherwise ends the run. */
  readonly check: (names: ReadonlyArray<string>) => boolean
}

export class FaultInjector {
  private readonly options: Options
  private readonly happened: Array<FaultPlan.Fault> = []
  private readonly counts = new Map<string, number>()
  private readonly active = new Set<ActiveFault>()
  /** Task times of the faults that slow a node down. */
  private readonly taskTimes = new Map<SimNode<never>, Array<number>>()
  /** Number of faults that are not in a timeline: partitions by the scenario, and slow starts. */
  private unplanned = 0
  private isEnded = false
  private returns = (_node: string): boolean => true
  private next: ScheduledEvent | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** Conditions of the network in this run. */
  get network(): FaultPlan.Network {
    return this.options.source.network
  }

  /** Faults that have happened so far. */
  get timeline(): ReadonlyArray<FaultPlan.Fault> {
    return this.happened
  }

  /** Returns the number of faults that have happened, by kind. */
  fired(): Readonly<Record<string, number>> {
    const all = new Map(this.counts)
    const { disks, engine } = this.options
    for (const [kind, count] of Object.entries({ ...engine.fired(), ...disks.fired() })) {
      if (count > 0) all.set(kind, count)
    }
    return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Starts the injection. */
  begin(): void {
    this.scheduleNext(0)
  }

  /** Schedules the next fault. Only one fault is scheduled at any time, both for drawn and for planned faults. */
  private scheduleNext(after: number): void {
    const { kernel, nodes, source } = this.options
    const at = source.next(after)
    if (at === undefined) return
    this.next = kernel.events.schedule(
      at,
      () => {
        const states = [...nodes.values()].map((node) => ({ name: node.name, state: stateOf(node) }))
        for (const fault of source.take(at, states)) this.inject(fault)
        this.scheduleNext(at)
      },
      rank.fault,
    )
  }

  private inject(fault: FaultPlan.Fault): void {
    if (!this.options.check(Sentence.affected(fault))) return
    const undo = this.apply(fault)
    if (undo === undefined) return
    const place = this.happened.push(fault) - 1
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1)
    const record = (state: "began" | "over"): void =>
      this.record(state, () => ({
        fault: place,
        kind: fault.kind,
        nodes: Sentence.affected(fault),
        text: Sentence.sentence(fault),
        ...cutOf(fault),
      }))
    record("began")
    if (!("for" in fault)) return
    this.keep(fault.for, blocking.has(fault.kind), () => {
      undo()
      record("over")
    })
  }

  /** Records the beginning or the end of a fault. */
  private record(
    state: "began" | "over",
    fault: () => Omit<typeof Trace.FaultEvent.Type, "_tag" | "at" | "state">,
  ): void {
    const { kernel, recorder } = this.options
    if (recorder.enabled) recorder.add({ _tag: "Fault", at: kernel.now, state, ...fault() })
  }

  /** Keeps a fault active for a time, or until another call ends it. */
  private keep(micros: number | undefined, blocks: boolean, undo: () => void): void {
    const { events, now } = this.options.kernel
    const over = micros === undefined ? undefined : events.schedule(now + micros, () => fault.end(), rank.faultOver)
    const fault: ActiveFault = {
      blocks,
      end: () => {
        if (!this.active.delete(fault)) return
        over?.cancel()
        undo()
      },
    }
    this.active.add(fault)
  }

  private endActive(which: (fault: ActiveFault) => boolean): void {
    for (const fault of [...this.active]) if (which(fault)) fault.end()
  }

  /** Applies a fault. Returns a function that undoes the fault, or `undefined` if the fault is impossible now. */
  private apply(fault: FaultPlan.Fault): (() => void) | undefined {
    const { engine, nodes } = this.options
    switch (fault.kind) {
      case "partition":
        return fault.oneWay === true
          ? engine.partitionOneWay(fault.from, fault.to)
          : engine.partition(fault.from, fault.to)
      case "clog":
        return engine.clog(fault.from, fault.to)
      case "swizzle":
        return engine.swizzle(fault.nodes)
      case "reset":
        engine.reset(fault.from, fault.to)
        return nothing
      case "halfOpen":
        engine.halfOpen(fault.from, fault.to, fault.how)
        return nothing
      default: {
        const node = nodes.get(fault.node)
        return node === undefined ? undefined : this.applyTo(node, fault)
      }
    }
  }

  private applyTo(
    node: SimNode<never>,
    fault: Extract<FaultPlan.Fault, { readonly node: string }>,
  ): (() => void) | undefined {
    const life = node.lives
    switch (fault.kind) {
      case "crash":
        if (!node.isAlive) return undefined
        node.crash(fault.silent === true)
        return () => this.restart(node, life)
      case "stop":
        if (!node.isUp || node.machine.paused) return undefined
        node.stop()
        return () => this.restart(node, life)
      case "pause":
        if (!node.isUp || node.machine.paused) return undefined
        node.pause()
        return () => {
          if (node.lives === life) node.resume()
        }
      case "slow":
        return this.slow(node, fault.task)
      case "clock":
        node.setClock(fault.by)
        return nothing
      case "drift":
        node.drift(fault.ppm)
        return nothing
      case "diskFull": {
        const disk = this.options.disks.get(node.name)
        return disk.isUsed ? disk.fill() : undefined
      }
    }
  }

  /** Starts the node again if it is still down because of the fault. */
  private restart(node: SimNode<never>, life: number): void {
    if (node.lives === life && this.returns(node.name)) node.startWhenDown(() => !this.returns(node.name))
  }

  /** Slows a node down. If several faults slow it down at once, the slowest counts. */
  private slow(node: SimNode<never>, task: number): () => void {
    const tasks = this.taskTimes.get(node) ?? []
    this.taskTimes.set(node, tasks)
    tasks.push(task)
    node.slow(Math.max(0, ...tasks))
    return () => {
      tasks.splice(tasks.indexOf(task), 1)
      node.slow(Math.max(0, ...tasks))
    }
  }

  /** Draws the time between the layer of a node and the start of its application. After healing, the time is zero. */
  slowStart(node: string): SlowStart {
    const { draws, source } = this.options
    if (this.isEnded) return { micros: 0, over: nothing }
    const { startDelay = 0 } = source
    const micros = toWhole(
      draws.stream(`startDelay ${node}`).draw((random) => toWhole(Math.round(Distribution.sample(startDelay, random)))),
    )
    if (micros === 0) return { micros, over: nothing }
    const kind = "startDelay"
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    const fault = -++this.unplanned
    const text = `the application of ${node} starts ${Microseconds.show(micros)} after its layer`
    const record = (state: "began" | "over"): void => this.record(state, () => ({ fault, kind, nodes: [node], text }))
    record("began")
    return { micros, over: () => record("over") }
  }

  /** Makes a partition for the scenario. It lasts until {@link heal}. */
  partition(from: ReadonlyArray<string>, to: ReadonlyArray<string>, oneWay: boolean): void {
    const { engine } = this.options
    const undo = oneWay ? engine.partitionOneWay(from, to) : engine.partition(from, to)
    // Negative places, because the faults of the plan count from 0.
    const place = -++this.unplanned
    const record = (state: "began" | "over"): void =>
      this.record(state, () => ({
        fault: place,
        kind: "partition",
        nodes: [...from, ...to],
        text: `the scenario cuts off ${from.join(", ")} from ${to.join(", ")}${oneWay ? ", one way" : ""}`,
        cut: { from, to, oneWay },
      }))
    record("began")
    this.keep(undefined, true, () => {
      undo()
      record("over")
    })
  }

  /** Opens all directions that the plan or the scenario has blocked. */
  heal(): void {
    this.endActive(({ blocks }) => blocks)
    this.options.engine.heal()
  }

  /**
   * Ends the plan and all active faults, and sets the network to {@link calm}. A node that is down is started again
   * only if `returns` returns `true` for it.
   */
  end(returns: (node: string) => boolean): void {
    const { engine } = this.options
    this.returns = returns
    this.isEnded = true
    this.next?.cancel()
    engine.setConditions(calm)
    this.options.disks.heal()
    this.endActive(() => true)
    engine.heal()
  }
}
