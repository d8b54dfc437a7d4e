/**
 * Lets the faults of a plan happen, undoes them when their time is over, and keeps what really happened, so that it
 * can be run again.
 */
import type * as FaultPlan from "../FaultPlan.ts"
import type * as Generator from "../faults/Generator.ts"
import * as Sentence from "../faults/sentence.ts"
import * as Micros from "../internal/Micros.ts"
import * as Agenda from "../kernel/Agenda.ts"
import type * as Engine from "../network/Engine.ts"
import * as Nodes from "./Nodes.ts"
import type * as Trace from "../Trace.ts"
import type * as Recorder from "./Recorder.ts"

export interface Faults {
  /** What the network is like in this run. */
  readonly network: FaultPlan.Network
  /** Lets them begin. */
  readonly begin: () => void
  /**
   * No more faults: those that last are undone, and the network is at its best. Of the nodes that are down, some may come
   * back; the others never do by themselves.
   */
  readonly end: (returns: (node: string) => boolean) => void
  /** A partition that the scenario makes; it ends with {@link Faults.heal}. */
  readonly cut: (from: ReadonlyArray<string>, to: ReadonlyArray<string>, oneWay: boolean) => void
  /** Ends whatever lets nothing pass, from the plan or from the scenario. */
  readonly heal: () => void
  /** What happened so far. */
  readonly timeline: () => ReadonlyArray<FaultPlan.Fault>
  /** How often each kind happened. */
  readonly fired: () => Readonly<Record<string, number>>
}

/** The network at its best: near, and nothing else. Without any delay an exchange would take no time at all. */
export const calm: FaultPlan.Network = { delay: Micros.fromDuration("500 micros") }

/** Something that lasts. */
interface Active {
  readonly over: () => void
  /** Whether it lets nothing pass, so that healing the network ends it. */
  readonly closes: boolean
}

/** Between whom nothing passes, for traces. */
const cutOf = (fault: FaultPlan.Fault): { readonly cut?: Cut } => {
  if (fault.kind === "partition") return { cut: { from: fault.from, to: fault.to, oneWay: fault.oneWay === true } }
  return fault.kind === "clog" ? { cut: { from: [fault.from], to: [fault.to], oneWay: true } } : {}
}

/** The kinds that let nothing pass. */
const closing: ReadonlySet<string> = new Set(["partition", "clog", "swizzle"])

interface Cut {
  readonly from: ReadonlyArray<string>
  readonly to: ReadonlyArray<string>
  readonly oneWay: boolean
}

interface Options {
  readonly source: Generator.Source
  readonly host: Nodes.Host
  readonly engine: Engine.Engine
  readonly nodes: ReadonlyMap<string, Nodes.NodeState<never>>
  readonly recorder: Recorder.Recorder
  /** Whether there are nodes with these names; if not, the run ends. */
  readonly check: (names: ReadonlyArray<string>) => boolean
}

export const make = ({ check, engine, host, nodes, recorder, source }: Options): Faults => {
  const { agenda } = host.kernel
  const timeline: Array<FaultPlan.Fault> = []
  const counts = new Map<string, number>()
  /** Those that last, and how to end them before their time. */
  const active = new Set<Active>()
  const slowed = new Map<Nodes.NodeState<never>, Array<number>>()
  let cuts = 0
  let returning = (_node: string): boolean => true
  let pending: Agenda.Entry | undefined

  /** Keeps something that lasts, for so long or until it is ended. */
  const last = (micros: number | undefined, closes: boolean, undo: () => void): void => {
    const entry =
      micros === undefined ? undefined : agenda.add(host.kernel.now + micros, () => item.over(), Agenda.rank.faultOver)
    const item: Active = {
      closes,
      over: () => {
        if (!active.delete(item)) return
        entry?.cancel()
        undo()
      },
    }
    active.add(item)
  }

  const end = (which: (item: Active) => boolean): void => {
    for (const item of [...active]) if (which(item)) item.over()
  }

  const heal = (): void => {
    end(({ closes }) => closes)
    engine.heal()
  }

  /** Brings the node back, if it is still down from this. */
  const startAgain = (node: Nodes.NodeState<never>, life: number): void => {
    if (node.lives === life && returning(node.name)) Nodes.startAgain(host, node, () => !returning(node.name))
  }

  /** Does it; gives what undoes it, if it lasts. `undefined` if it cannot be done now. */
  const apply = (fault: FaultPlan.Fault): (() => void) | undefined => {
    const nothing = (): void => undefined
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
        return node === undefined ? undefined : applyTo(node, fault)
      }
    }
  }

  /** Of several that slow a node down at a time the worst counts. */
  const slow = (node: Nodes.NodeState<never>, task: number): (() => void) => {
    const tasks = slowed.get(node) ?? []
    slowed.set(node, tasks)
    const set = (): void => Nodes.slow(host, node, Math.max(0, ...tasks))
    tasks.push(task)
    set()
    return () => {
      tasks.splice(tasks.indexOf(task), 1)
      set()
    }
  }

  const applyTo = (
    node: Nodes.NodeState<never>,
    fault: Extract<FaultPlan.Fault, { readonly node: string }>,
  ): (() => void) | undefined => {
    const life = node.lives
    switch (fault.kind) {
      case "crash":
        if (!Nodes.isAlive(node)) return undefined
        Nodes.crash(host, node, fault.silent === true)
        return () => startAgain(node, life)
      case "stop":
        if (!Nodes.isUp(node) || node.machine.paused) return undefined
        Nodes.stop(host, node)
        return () => startAgain(node, life)
      case "pause":
        if (!Nodes.isUp(node) || node.machine.paused) return undefined
        Nodes.pause(host, node)
        return () => {
          if (node.lives === life) Nodes.resume(host, node)
        }
      case "slow":
        return slow(node, fault.task)
      case "clock":
        Nodes.setClock(host, node, fault.by)
        return () => undefined
      case "drift":
        Nodes.drift(host, node, fault.ppm)
        return () => undefined
    }
  }

  /** Tells the trace when something begins, and when it is over. */
  const teller =
    (what: () => Omit<typeof Trace.FaultEvent.Type, "_tag" | "at" | "state">) =>
    (state: "began" | "over"): void => {
      if (recorder.enabled) recorder.add({ _tag: "Fault", at: host.kernel.now, state, ...what() })
    }

  const take = (fault: FaultPlan.Fault): void => {
    if (!check(Sentence.affected(fault))) return
    const undo = apply(fault)
    if (undo === undefined) return
    const place = timeline.push(fault) - 1
    counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1)
    const tell = teller(() => ({
      fault: place,
      kind: fault.kind,
      nodes: Sentence.affected(fault),
      text: Sentence.sentence(fault),
      ...cutOf(fault),
    }))
    tell("began")
    if (!("for" in fault)) return
    last(fault.for, closing.has(fault.kind), () => {
      undo()
      tell("over")
    })
  }

  const stateOf = (node: Nodes.NodeState<never>): Generator.NodeState["state"] =>
    !Nodes.isUp(node) ? "down" : node.machine.paused ? "paused" : "up"

  /** Waits for the next. Only one is ahead at any time, whether it was drawn or stood in a plan. */
  const arm = (after: number): void => {
    const at = source.next(after)
    if (at === undefined) return
    pending = agenda.add(
      at,
      () => {
        const states = [...nodes.values()].map((node) => ({ name: node.name, state: stateOf(node) }))
        for (const fault of source.take(at, states)) take(fault)
        arm(at)
      },
      Agenda.rank.fault,
    )
  }

  const finish: Faults["end"] = (returns) => {
    returning = returns
    pending?.cancel()
    engine.setConditions(calm)
    end(() => true)
    engine.heal()
  }

  return {
    network: source.network,
    begin: () => arm(0),
    end: finish,
    cut: (from, to, oneWay) => {
      const undo = oneWay ? engine.partitionOneWay(from, to) : engine.partition(from, to)
      // Beside those of the plan, which count from 0.
      const place = -++cuts
      const tell = teller(() => ({
        fault: place,
        kind: "partition",
        nodes: [...from, ...to],
        text: `the scenario cuts off ${from.join(", ")} from ${to.join(", ")}${oneWay ? ", one way" : ""}`,
        cut: { from, to, oneWay },
      }))
      tell("began")
      last(undefined, true, () => {
        undo()
        tell("over")
      })
    },
    heal,
    timeline: () => timeline,
    fired: () => {
      const all = new Map(counts)
      for (const [kind, count] of Object.entries(engine.fired())) if (count > 0) all.set(kind, count)
      return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)))
    },
  }
}
