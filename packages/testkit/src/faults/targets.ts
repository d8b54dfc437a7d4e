/** Which faults chance makes, out of the rates of a swarm: whom they hit, and how. */
import * as Distribution from "../Distribution.ts"
import type { Fault, Rates, Swarm } from "../FaultPlan.ts"
import type { Prng } from "../kernel/prng.ts"
import { below, lasting, pick, shuffle } from "./chance.ts"
import { cuts, partitions } from "./partitions.ts"

/** A node, and whether it can be hit. `paused` is up, and stands still. */
export interface NodeState {
  readonly name: string
  readonly state: "up" | "down" | "paused"
}

/** The nodes, with what the faults of this moment have done to them already. */
export class Crowd {
  private readonly spare: number
  private readonly states = new Map<string, NodeState["state"]>()
  /** How far each wall clock is off. */
  readonly offsets = new Map<string, number>()
  /** Until when each node is slow. A second fault would end with the first. */
  readonly slowUntil = new Map<string, number>()

  constructor(spare: number) {
    this.spare = spare
  }

  /** The nodes as they are now. */
  see(nodes: ReadonlyArray<NodeState>): void {
    this.states.clear()
    for (const { name, state } of nodes) this.states.set(name, state)
  }

  hit(name: string, state: NodeState["state"]): void {
    this.states.set(name, state)
  }

  in(...states: ReadonlyArray<NodeState["state"]>): ReadonlyArray<string> {
    return [...this.states].flatMap(([name, state]) => (states.includes(state) ? [name] : []))
  }

  /** Those that may go: the ones that are up only if enough others are. */
  expendable(...states: ReadonlyArray<NodeState["state"]>): ReadonlyArray<string> {
    const enough = this.in("up").length > this.spare
    return this.in(...states.filter((state) => enough || state !== "up"))
  }
}

/** One fault that is due: when, by which chance, and among whom. */
export interface Moment {
  readonly at: number
  readonly random: Prng
  readonly crowd: Crowd
}

type Make<K extends keyof Rates> = (rates: NonNullable<Rates[K]>, moment: Moment) => ReadonlyArray<Fault>

const partition: Make<"partition"> = (rates, { at, crowd, random }) => {
  const duration = lasting(rates.for, random)
  const oneWay = random.next() < rates.oneWay
  const found = cuts(rates.shapes, crowd.in("up", "paused"), crowd.in("down"), random)
  return partitions(found, { at, for: duration, oneWay })
}

/** Two different nodes that are not down. */
const pair = ({ crowd, random }: Moment): { readonly from: string; readonly to: string } | undefined => {
  const [from, to] = shuffle(crowd.in("up", "paused"), random)
  return from === undefined || to === undefined ? undefined : { from, to }
}

const clog: Make<"clog"> = (rates, moment) => {
  const duration = lasting(rates.for, moment.random)
  const both = pair(moment)
  return both === undefined ? [] : [{ kind: "clog", at: moment.at, for: duration, ...both }]
}

/** A half of the nodes goes in the first half of the time and is back in the second. */
const swizzle: Make<"swizzle"> = (rates, { at, crowd, random }) => {
  const duration = lasting(rates.for, random)
  const names = crowd.in("up", "paused")
  if (names.length < 2) return []
  const half = Math.floor(duration / 2)
  const nodes = shuffle(names, random)
    .slice(0, Math.ceil(names.length / 2))
    .map((node) => ({ node, from: below(half, random), to: half + below(duration - half, random) }))
  return [{ kind: "swizzle", at, for: duration, nodes }]
}

const reset: Make<"reset"> = (_rates, moment) => {
  const both = pair(moment)
  return both === undefined ? [] : [{ kind: "reset", at: moment.at, ...both }]
}

const halfOpen: Make<"halfOpen"> = (rates, moment) => {
  const how = pick(rates.how, moment.random)
  const both = pair(moment)
  return both === undefined || how === undefined ? [] : [{ kind: "halfOpen", at: moment.at, ...both, how }]
}

const crash: Make<"crash"> = (rates, { at, crowd, random }) => {
  const duration = lasting(rates.for, random)
  const silent = random.next() < rates.silent
  const node = pick(crowd.expendable("up", "paused"), random)
  if (node === undefined) return []
  crowd.hit(node, "down")
  return [{ kind: "crash", at, for: duration, node, ...(silent ? { silent } : {}) }]
}

const stop: Make<"stop"> = (rates, { at, crowd, random }) => {
  const duration = lasting(rates.for, random)
  const node = pick(crowd.expendable("up"), random)
  if (node === undefined) return []
  crowd.hit(node, "down")
  return [{ kind: "stop", at, for: duration, node }]
}

const pause: Make<"pause"> = (rates, { at, crowd, random }) => {
  const duration = lasting(rates.for, random)
  const node = pick(crowd.expendable("up"), random)
  if (node === undefined) return []
  crowd.hit(node, "paused")
  return [{ kind: "pause", at, for: duration, node }]
}

const slow: Make<"slow"> = (rates, { at, crowd, random }) => {
  const duration = lasting(rates.for, random)
  const task = Math.max(1, Math.round(Distribution.sample(rates.task, random)))
  const quick = crowd.in("up", "paused").filter((name) => (crowd.slowUntil.get(name) ?? 0) <= at)
  const node = pick(quick, random)
  if (node === undefined) return []
  crowd.slowUntil.set(node, at + duration)
  return [{ kind: "slow", at, for: duration, node, task }]
}

/** From zero, and evenly to both sides of it. */
const eitherWay = (upTo: number, random: Prng): number => below(2 * upTo + 1, random) - upTo

/** The clock jumps to somewhere within the range, so that jumps do not add up. */
const clock: Make<"clock"> = (rates, { at, crowd, random }) => {
  const offset = eitherWay(rates.upTo, random)
  const node = pick(crowd.in("up", "paused"), random)
  if (node === undefined) return []
  const by = offset - (crowd.offsets.get(node) ?? 0)
  if (by === 0) return []
  crowd.offsets.set(node, offset)
  return [{ kind: "clock", at, node, by }]
}

const drift: Make<"drift"> = (rates, { at, crowd, random }) => {
  const ppm = eitherWay(Math.floor(rates.upTo), random)
  const node = pick(crowd.in("up", "paused"), random)
  return node === undefined ? [] : [{ kind: "drift", at, node, ppm }]
}

/** A kind of fault that a swarm has. */
export interface Kind {
  readonly kind: keyof Rates
  readonly perMinute: Distribution.Distribution
  readonly make: (moment: Moment) => ReadonlyArray<Fault>
}

const kind = <K extends keyof Rates>(name: K, rates: Rates[K], make: Make<K>): ReadonlyArray<Kind> =>
  rates === undefined ? [] : [{ kind: name, perMinute: rates.perMinute, make: (moment) => make(rates, moment) }]

/** The kinds of a swarm. Where several come at one instant, in this order. */
export const kindsOf = ({ faults = {} }: Swarm["swarm"]): ReadonlyArray<Kind> => [
  ...kind("partition", faults.partition, partition),
  ...kind("clog", faults.clog, clog),
  ...kind("swizzle", faults.swizzle, swizzle),
  ...kind("reset", faults.reset, reset),
  ...kind("halfOpen", faults.halfOpen, halfOpen),
  ...kind("crash", faults.crash, crash),
  ...kind("stop", faults.stop, stop),
  ...kind("pause", faults.pause, pause),
  ...kind("slow", faults.slow, slow),
  ...kind("clock", faults.clock, clock),
  ...kind("drift", faults.drift, drift),
]
