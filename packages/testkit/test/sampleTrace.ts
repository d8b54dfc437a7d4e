/**
 * Invented trace of a run, for tests that read traces: a small cluster elects the holder of a lease under network
 * faults. It has every kind of event, and is the same for the same options.
 */
import type { Trace } from "@coterie/testkit/Trace"
import { type Cut, SampleCluster, second } from "./SampleCluster.ts"

export interface Options {
  readonly nodes?: ReadonlyArray<string>
  /** Number of virtual seconds. Each has a round of heartbeats. */
  readonly seconds?: number
  /** Number of last events to keep. Keeps all events by default. */
  readonly limit?: number
  /** Text that goes into the messages and the failure. */
  readonly words?: string
}

interface Fault {
  readonly number: number
  readonly kind: string
  readonly at: number
  readonly lasts: number
  readonly nodes: ReadonlyArray<string>
  readonly text: string
  readonly began?: () => void
  readonly over?: () => void
  readonly cut?: Cut
}

const scheduleFault = (
  cluster: SampleCluster,
  { at, began, cut, kind, lasts, nodes, number, over, text }: Fault,
): void => {
  const sides = cut === undefined ? {} : { cut: { ...cut, oneWay: false } }
  const event = { _tag: "Fault", fault: number, kind, nodes, text, ...sides } as const
  cluster.schedule(at, () => {
    cluster.add({ ...event, at: cluster.now, state: "began" })
    began?.()
  })
  if (lasts === 0) return
  cluster.schedule(at + lasts, () => {
    cluster.add({ ...event, at: cluster.now, state: "over" })
    over?.()
  })
}

/** Inputs of the script: the cluster, its first three nodes, and the length of the run. */
interface Script {
  readonly cluster: SampleCluster
  readonly a: string
  readonly b: string
  readonly c: string
  readonly seconds: number
  /** Length of the run in microseconds. */
  readonly span: number
}

const startNodes = ({ cluster, seconds }: Script): void => {
  const { nodes } = cluster
  for (const node of nodes) cluster.schedule(0, () => cluster.start(node))
  for (const [index, from] of nodes.entries()) {
    for (const to of nodes.slice(index + 1)) {
      cluster.schedule(8_000 + cluster.random(4_000), () => cluster.dial(from, to))
    }
  }
  for (let round = 0; round < seconds; round++) {
    cluster.schedule(40_000 + round * second + cluster.random(20_000), () => cluster.beat(round))
  }
}

const isolateFirst = ({ a, b, cluster, seconds, span }: Script): void => {
  const others = cluster.nodes.filter((name) => name !== a)
  const cut: Cut = { from: [a], to: others }
  scheduleFault(cluster, {
    number: 0,
    kind: "partition",
    at: span * 0.2,
    lasts: span * 0.18,
    nodes: cluster.nodes,
    text: `${a} is cut off from ${others.join(", ")} for ${Math.round(seconds * 18) / 100} seconds`,
    cut,
    began: () => {
      cluster.cut = cut
    },
    over: () => {
      cluster.cut = undefined
    },
  })
  cluster.schedule(span * 0.2 + 1.4 * second, () => cluster.elect(b))
}

const crashThird = ({ b, c, cluster, seconds, span }: Script): void =>
  scheduleFault(cluster, {
    number: 1,
    kind: "crash",
    at: span * 0.45,
    lasts: span * 0.1,
    nodes: [c],
    text: `${c} crashes and is back after ${Math.round(seconds * 10) / 100} seconds`,
    began: () => {
      cluster.crash(c)
      cluster.schedule(cluster.now + 40_000, () => cluster.dial(b, c))
    },
    over: () => {
      cluster.start(c)
      cluster.schedule(cluster.now + 30_000, () => cluster.dial(b, c))
    },
  })

const disturbMachines = ({ a, b, c, cluster, seconds, span }: Script): void => {
  scheduleFault(cluster, {
    number: 2,
    kind: "pause",
    at: span * 0.62,
    lasts: span * 0.06,
    nodes: [b],
    text: `${b} is paused for ${Math.round(seconds * 6) / 100} seconds`,
    began: () => {
      cluster.paused.add(b)
      cluster.addNode(b, "paused")
    },
    over: () => {
      cluster.paused.delete(b)
      cluster.addNode(b, "resumed")
    },
  })
  scheduleFault(cluster, {
    number: 3,
    kind: "slow",
    at: span * 0.72,
    lasts: span * 0.1,
    nodes: [a],
    text: `${a} takes 2 ms for every task`,
    began: () => cluster.addNode(a, "slow", "2 ms a task"),
    over: () => cluster.addNode(a, "slow", "full speed"),
  })
  scheduleFault(cluster, {
    number: 4,
    kind: "clock",
    at: span * 0.76,
    lasts: 0,
    nodes: [c],
    text: `the clock of ${c} is set forward by 4 seconds`,
    began: () => cluster.addNode(c, "clock", "forth by 4 seconds"),
  })
}

const endConnections = ({ a, c, cluster, span }: Script): void => {
  cluster.schedule(span * 0.8, () => {
    const connection = cluster.connection(a, c) ?? 0
    const { now: at } = cluster
    cluster.add({ _tag: "Connection", at, connection, from: a, to: c, state: "vanished", by: c })
    cluster.add({ _tag: "Connection", at, connection, from: a, to: c, state: "end", by: a })
  })
  const victim = cluster.nodes.at(-1) ?? c
  cluster.schedule(span * 0.82, () => {
    if (cluster.nodes.length < 4) return
    cluster.addNode(victim, "stopping")
    cluster.schedule(cluster.now + 4_000, () => {
      cluster.up.delete(victim)
      cluster.addNode(victim, "stopped")
    })
  })
}

const isolateSecond = ({ a, b, cluster, span }: Script): void => {
  const cut: Cut = { from: [b], to: cluster.nodes.filter((name) => name !== b) }
  scheduleFault(cluster, {
    number: 5,
    kind: "clog",
    at: span * 0.9,
    lasts: span,
    nodes: [a, b],
    text: `nothing passes between ${b} and the others`,
    cut,
    began: () => {
      cluster.cut = cut
    },
  })
}

const finish = ({ a, b, c, cluster, span }: Script): void => {
  const { nodes } = cluster
  const note = (at: number, text: () => string, kind: "mark" | "history" | "healed", node?: string): void =>
    cluster.schedule(at, () =>
      cluster.add({ _tag: "Note", at: cluster.now, ...(node === undefined ? {} : { node }), kind, text: text() }),
    )
  note(span * 0.86, () => "the holder crashed", "mark")
  note(span * 0.87, () => `acquire -> ok, term ${cluster.term}`, "history", b)
  note(span * 0.88, () => "everything is healed", "healed")
  cluster.schedule(span * 0.9 + 0.6 * second, () => cluster.elect(c))
  cluster.schedule(span - 60_000, () => cluster.send(a, b, "Renew", "lease: 7"))
  cluster.schedule(span - 30_000, () => {
    if (nodes.length > 3) cluster.addNode(nodes.at(-2) ?? c, "died", "its layer failed")
  })
}

export const sampleTrace = ({
  limit = Infinity,
  nodes = ["a", "b", "c"],
  seconds = 20,
  words = "",
}: Options = {}): Trace => {
  const [a = "a", b = "b", c = "c"] = nodes
  const cluster = new SampleCluster(nodes, words)
  const script: Script = { cluster, a, b, c, seconds, span: seconds * second }
  startNodes(script)
  isolateFirst(script)
  crashThird(script)
  disturbMachines(script)
  endConnections(script)
  isolateSecond(script)
  finish(script)

  cluster.runUntil(script.span)
  cluster.send(a, c, "Renew", "lease: 8")
  const text = `"at most one holder" was violated: ${b} and ${c} hold the lease${words === "" ? "" : ` ${words}`}`
  const { events } = cluster
  cluster.add({ _tag: "Failed", at: cluster.now, node: c, text })

  const skipped = Math.max(0, events.length - limit)
  return { scenario: "at most one lease holder", seed: 1729, nodes, skipped, events: events.slice(skipped) }
}
