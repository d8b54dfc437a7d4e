/** Draws faults from the rates of a swarm: the nodes that they hit and their parameters. */
import * as Distribution from "../Distribution.ts"
import type { Fault, Rates, Swarm } from "../FaultPlan.ts"
import type { Prng } from "../kernel/Prng.ts"
import { below, lasting, pick, shuffle } from "./chance.ts"
import type { NodeStates } from "./NodeStates.ts"
import { drawCuts, partitionFaults } from "./partitionShapes.ts"

/** Context of a fault that is due: its time, its generator and the nodes. */
export interface FaultContext {
  readonly at: number
  readonly random: Prng
  readonly nodes: NodeStates
}

type Make<K extends keyof Rates> = (rates: NonNullable<Rates[K]>, context: FaultContext) => ReadonlyArray<Fault>

const partition: Make<"partition"> = (rates, { at, nodes, random }) => {
  const duration = lasting(rates.for, random)
  const oneWay = random.next() < rates.oneWay
  const cuts = drawCuts(rates.shapes, nodes.in("up", "paused"), nodes.in("down"), random)
  return partitionFaults(cuts, { at, for: duration, oneWay })
}

/** Draws two different nodes that are not down. */
const pair = ({ nodes, random }: FaultContext): { readonly from: string; readonly to: string } | undefined => {
  const [from, to] = shuffle(nodes.in("up", "paused"), random)
  return from === undefined || to === undefined ? undefined : { from, to }
}

const clog: Make<"clog"> = (rates, context) => {
  const duration = lasting(rates.for, context.random)
  const both = pair(context)
  return both === undefined ? [] : [{ kind: "clog", at: context.at, for: duration, ...both }]
}

/** Isolates half of the nodes one by one in the first half of the time, and reconnects them in the second half. */
const swizzle: Make<"swizzle"> = (rates, { at, nodes, random }) => {
  const duration = lasting(rates.for, random)
  const names = nodes.in("up", "paused")
  if (names.length < 2) return []
  const half = Math.floor(duration / 2)
  const isolated = shuffle(names, random)
    .slice(0, Math.ceil(names.length / 2))
    .map((node) => ({ node, from: below(half, random), to: half + below(duration - half, random) }))
  return [{ kind: "swizzle", at, for: duration, nodes: isolated }]
}

const reset: Make<"reset"> = (_rates, context) => {
  const both = pair(context)
  return both === undefined ? [] : [{ kind: "reset", at: context.at, ...both }]
}

const halfOpen: Make<"halfOpen"> = (rates, context) => {
  const how = pick(rates.how, context.random)
  const both = pair(context)
  return both === undefined || how === undefined ? [] : [{ kind: "halfOpen", at: context.at, ...both, how }]
}

const crash: Make<"crash"> = (rates, { at, nodes, random }) => {
  const duration = lasting(rates.for, random)
  const silent = random.next() < rates.silent
  const node = pick(nodes.expendable("up", "paused"), random)
  if (node === undefined) return []
  nodes.set(node, "down")
  return [{ kind: "crash", at, for: duration, node, ...(silent ? { silent } : {}) }]
}

const stop: Make<"stop"> = (rates, { at, nodes, random }) => {
  const duration = lasting(rates.for, random)
  const node = pick(nodes.expendable("up"), random)
  if (node === undefined) return []
  nodes.set(node, "down")
  return [{ kind: "stop", at, for: duration, node }]
}

const pause: Make<"pause"> = (rates, { at, nodes, random }) => {
  const duration = lasting(rates.for, random)
  const node = pick(nodes.expendable("up"), random)
  if (node === undefined) return []
  nodes.set(node, "paused")
  return [{ kind: "pause", at, for: duration, node }]
}

const slow: Make<"slow"> = (rates, { at, nodes, random }) => {
  const duration = lasting(rates.for, random)
  const task = Math.max(1, Math.round(Distribution.sample(rates.task, random)))
  const quick = nodes.in("up", "paused").filter((name) => (nodes.slowUntil.get(name) ?? 0) <= at)
  const node = pick(quick, random)
  if (node === undefined) return []
  nodes.slowUntil.set(node, at + duration)
  return [{ kind: "slow", at, for: duration, node, task }]
}

/** Draws a whole number from `-upTo` to `upTo`, all equally likely. */
const eitherWay = (upTo: number, random: Prng): number => below(2 * upTo + 1, random) - upTo

/** Sets a clock to an offset within the range. The offset counts from the true time, so that jumps do not add up. */
const clock: Make<"clock"> = (rates, { at, nodes, random }) => {
  const offset = eitherWay(rates.upTo, random)
  const node = pick(nodes.in("up", "paused"), random)
  if (node === undefined) return []
  const by = offset - (nodes.offsets.get(node) ?? 0)
  if (by === 0) return []
  nodes.offsets.set(node, offset)
  return [{ kind: "clock", at, node, by }]
}

const drift: Make<"drift"> = (rates, { at, nodes, random }) => {
  const ppm = eitherWay(Math.floor(rates.upTo), random)
  const node = pick(nodes.in("up", "paused"), random)
  return node === undefined ? [] : [{ kind: "drift", at, node, ppm }]
}

const diskFull: Make<"diskFull"> = (rates, { at, nodes, random }) => {
  const duration = lasting(rates.for, random)
  const node = pick(nodes.in("up", "paused"), random)
  return node === undefined ? [] : [{ kind: "diskFull", at, for: duration, node }]
}

/** Kind of fault in a swarm. */
export interface Kind {
  readonly kind: keyof Rates
  readonly perMinute: Distribution.Distribution
  readonly make: (context: FaultContext) => ReadonlyArray<Fault>
}

const kind = <K extends keyof Rates>(name: K, rates: Rates[K], make: Make<K>): ReadonlyArray<Kind> =>
  rates === undefined ? [] : [{ kind: name, perMinute: rates.perMinute, make: (context) => make(rates, context) }]

/** Returns the kinds of a swarm, in the order in which they are applied at one instant. */
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
  ...kind("diskFull", faults.diskFull, diskFull),
]
