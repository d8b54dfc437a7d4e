/** Faults and draws in words, for people who read what a failure takes. */
import type { Fault } from "../FaultPlan.ts"
import { retransmission } from "../network/Delivery.ts"

/** Returns the names of the nodes that a fault is about, each once. */
export const affected = (fault: Fault): Array<string> => {
  switch (fault.kind) {
    case "partition":
      return [...new Set([...fault.from, ...fault.to])]
    case "clog":
    case "reset":
    case "halfOpen":
      return [fault.from, fault.to]
    case "swizzle":
      return [...new Set(fault.nodes.map(({ node }) => node))]
    default:
      return [fault.node]
  }
}

/** Writes a time in seconds, milliseconds or microseconds. */
const time = (micros: number): string => {
  if (micros >= 1_000_000 || micros === 0) return `${(micros / 1_000_000).toFixed(3)} s`
  if (micros >= 1_000) return `${Number((micros / 1_000).toFixed(1))} ms`
  return `${micros} µs`
}

const list = (names: ReadonlyArray<string>): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`

const are = (names: ReadonlyArray<string>): string => `${list(names)} ${names.length === 1 ? "is" : "are"}`

const happening = (fault: Fault): string => {
  switch (fault.kind) {
    case "partition":
      return fault.oneWay === true
        ? `nothing passes from ${list(fault.from)} to ${list(fault.to)} for ${time(fault.for)}`
        : `${are(fault.from)} cut off from ${list(fault.to)} for ${time(fault.for)}`
    case "clog":
      return `nothing passes from ${fault.from} to ${fault.to} for ${time(fault.for)}`
    case "swizzle":
      return `these are cut off from all others, each for a while: ${fault.nodes
        .map(({ from, node, to }) => `${node} from ${time(fault.at + from)} to ${time(fault.at + to)}`)
        .join(", ")}`
    case "reset":
      return `the connections between ${fault.from} and ${fault.to} are reset`
    case "halfOpen":
      return halves(fault)
    case "crash":
      return `${fault.node} ${fault.silent === true ? "loses power" : "is killed"} and is started again ${time(fault.for)} later`
    case "stop":
      return `${fault.node} is stopped in good order and is started again ${time(fault.for)} later`
    case "pause":
      return `${fault.node} stands still for ${time(fault.for)}`
    case "slow":
      return `${fault.node} is slow for ${time(fault.for)}: each task takes ${time(fault.task)}`
    case "clock":
      return `the clock of ${fault.node} is set ${fault.by < 0 ? "back" : "forth"} by ${time(Math.abs(fault.by))}`
    case "drift":
      return fault.ppm === 0
        ? `the clock of ${fault.node} runs true`
        : `the clock of ${fault.node} runs ${fault.ppm < 0 ? "slow" : "fast"} by ${Math.abs(fault.ppm)} ppm`
  }
}

const halves = ({ from, how, to }: Extract<Fault, { readonly kind: "halfOpen" }>): string => {
  switch (how) {
    case "gone":
      return `the connections from ${from} to ${to} are gone at ${to}, and ${from} does not know`
    case "deaf":
      return `the connections from ${from} to ${to} go deaf: nothing that ${from} writes arrives any more`
    case "dead":
      return `the connections between ${from} and ${to} go dead: nothing arrives any more, either way`
    case "closed":
      return `the connections from ${from} to ${to} are closed in one direction: ${to} hears the end, and ${from} goes on writing`
  }
}

/** Writes a fault as a sentence: `at 5.000 s a is cut off from b and c for 20.000 s`. */
export const sentence = (fault: Fault): string => `at ${time(fault.at)} ${happening(fault)}`

const ordinal = (n: number): string => {
  const teen = n % 100 >= 11 && n % 100 <= 13
  const ending = ["th", "st", "nd", "rd"][teen ? 0 : n % 10] ?? "th"
  return `${n}${ending}`
}

const times = (count: number): string => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`)

const bytes = (count: number): string => {
  if (count < 1_000) return `${count} ${count === 1 ? "byte" : "bytes"}`
  const [size, unit] =
    count < 1_000_000 ? [count / 1_000, "KB"] : count < 1e9 ? [count / 1e6, "MB"] : [count / 1e9, "GB"]
  return `${Number(size.toPrecision(3))} ${unit}`
}

const percent = (millionths: number): string => `${Number((millionths / 10_000).toPrecision(3))} %`

/** Reads the direction that a stream is about: `a>b`. */
const endsOf = (subject: string): readonly [string, string] | undefined => {
  const parts = subject.split(">")
  const [from, to] = parts
  return parts.length === 2 && from !== undefined && to !== undefined && from !== "" && to !== ""
    ? [from, to]
    : undefined
}

/** Reads the pair of hosts that a stream is about: `a-b`. The names may have dashes of their own; then the pair is unclear. */
const pairOf = (subject: string): string => {
  const parts = subject.split("-")
  return parts.length === 2 ? list(parts) : `the hosts ${subject}`
}

type Words = (place: string, value: number, from: string, to: string) => string

/** Streams of a direction, by their kind. `place` is the place of the draw in its stream, counted from 1. */
const directionWords: Readonly<Record<string, Words>> = {
  loss: (place, value, from, to) =>
    `the ${place} segment from ${from} to ${to} is lost ${times(value)} and sent again ${time(retransmission(0, value))} later`,
  delay: (place, value, from, to) => `the ${place} segment from ${from} to ${to} is delayed by ${time(value)}`,
  split: (place, value, from, to) => `the ${place} write from ${from} to ${to} is cut after ${bytes(value)}`,
  lossRate: (_place, value, from, to) => `${percent(value)} of the segments from ${from} to ${to} are to be lost`,
  splitRate: (_place, value, from, to) => `${percent(value)} of the writes from ${from} to ${to} are to be cut`,
  bandwidth: (_place, value, from, to) => `${bytes(value)} a second pass from ${from} to ${to}`,
  queue: (_place, value, from, to) => `${bytes(value)} from ${from} to ${to} may wait for bandwidth`,
  sendBuffer: (place, value, from, to) =>
    `the ${place} connection between ${from} and ${to} holds ${bytes(value)} from ${from} to ${to}`,
}

/**
 * Writes a draw that is not benign as a sentence: `the 3rd segment from a to b is lost once and sent again 200 ms later`. `index` is its place
 * in the stream, counted from 0.
 */
export const drawSentence = (stream: string, index: number, value: number): string => {
  const space = stream.indexOf(" ")
  const kind = space < 0 ? stream : stream.slice(0, space)
  const subject = space < 0 ? "" : stream.slice(space + 1)
  const place = ordinal(index + 1)
  const ends = endsOf(subject)
  const words = Object.hasOwn(directionWords, kind) ? directionWords[kind] : undefined
  if (words !== undefined && ends !== undefined) return words(place, value, ...ends)
  if (kind === "distance" && subject !== "") return `${pairOf(subject)} are ${time(value)} apart, one way`
  if (kind === "startDelay" && subject !== "") {
    return `${subject} is slow at its ${place} start: the application starts ${time(value)} after its layer`
  }
  if (kind === "pick")
    return `of the ready tasks the ${ordinal(value + 1)} is taken out of turn, at the ${place} choice`
  if (kind === "preempt" && subject !== "") {
    return `${subject} is interrupted between two operations, in the ${place} block of them`
  }
  return `the ${place} decision of "${stream}" is ${value} and not 0`
}
