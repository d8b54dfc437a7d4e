/** Faults and draws as sentences, for the reader of a failure. */
import type { Fault } from "../FaultPlan.ts"
import { retransmission } from "../network/Delivery.ts"

/** Returns the names of the nodes that a fault affects, each once. */
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

/** Formats a time in seconds, milliseconds or microseconds. */
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
      return `these nodes are cut off from all others, each for some time: ${fault.nodes
        .map(({ from, node, to }) => `${node} from ${time(fault.at + from)} to ${time(fault.at + to)}`)
        .join(", ")}`
    case "reset":
      return `the connections between ${fault.from} and ${fault.to} are reset`
    case "halfOpen":
      return halves(fault)
    case "crash":
      return `${fault.node} ${fault.silent === true ? "loses power" : "is killed"} and is started again ${time(fault.for)} later`
    case "stop":
      return `${fault.node} is stopped with its finalizers and is started again ${time(fault.for)} later`
    case "pause":
      return `${fault.node} is paused for ${time(fault.for)}`
    case "slow":
      return `${fault.node} is slow for ${time(fault.for)}: each task takes ${time(fault.task)}`
    case "diskFull":
      return `the disk of ${fault.node} is full for ${time(fault.for)}`
    case "clock":
      return `the clock of ${fault.node} is set ${fault.by < 0 ? "back" : "forward"} by ${time(Math.abs(fault.by))}`
    case "drift":
      return fault.ppm === 0
        ? `the clock of ${fault.node} runs at its true rate`
        : `the clock of ${fault.node} runs ${fault.ppm < 0 ? "slow" : "fast"} by ${Math.abs(fault.ppm)} ppm`
  }
}

const halves = ({ from, how, to }: Extract<Fault, { readonly kind: "halfOpen" }>): string => {
  switch (how) {
    case "gone":
      return `the connections from ${from} to ${to} are gone at ${to}, and ${from} does not notice`
    case "deaf":
      return `the connections from ${from} to ${to} go deaf: nothing that ${from} writes arrives any more`
    case "dead":
      return `the connections between ${from} and ${to} go dead: nothing arrives in either direction any more`
    case "closed":
      return `the connections from ${from} to ${to} are closed in one direction: ${to} reads the end, and ${from} continues to write`
  }
}

/** Formats a fault as a sentence: `at 5.000 s a is cut off from b and c for 20.000 s`. */
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

/** Parses the direction of a stream: `a>b`. */
const endsOf = (subject: string): readonly [string, string] | undefined => {
  const parts = subject.split(">")
  const [from, to] = parts
  return parts.length === 2 && from !== undefined && to !== undefined && from !== "" && to !== ""
    ? [from, to]
    : undefined
}

/**
 * Parses the pair of hosts of a stream: `a-b`. If the names contain dashes, the pair is ambiguous and stays as it is.
 */
const pairOf = (subject: string): string => {
  const parts = subject.split("-")
  return parts.length === 2 ? list(parts) : `the hosts ${subject}`
}

type Words = (place: string, value: number, from: string, to: string) => string

/** Words for the streams of a direction, by kind. `place` is the place of the draw in its stream, counted from 1. */
const directionWords: Readonly<Record<string, Words>> = {
  loss: (place, value, from, to) =>
    `the ${place} segment from ${from} to ${to} is lost ${times(value)} and sent again ${time(retransmission(0, value))} later`,
  delay: (place, value, from, to) => `the ${place} segment from ${from} to ${to} is delayed by ${time(value)}`,
  split: (place, value, from, to) => `the ${place} write from ${from} to ${to} is cut after ${bytes(value)}`,
  lossRate: (_place, value, from, to) => `${percent(value)} of the segments from ${from} to ${to} are lost, on average`,
  splitRate: (_place, value, from, to) => `${percent(value)} of the writes from ${from} to ${to} are cut, on average`,
  bandwidth: (_place, value, from, to) => `${bytes(value)} a second pass from ${from} to ${to}`,
  queue: (_place, value, from, to) => `${bytes(value)} from ${from} to ${to} may wait for bandwidth`,
  sendBuffer: (place, value, from, to) =>
    `the ${place} connection between ${from} and ${to} holds ${bytes(value)} from ${from} to ${to}`,
}

/**
 * Formats a draw that is not benign as a sentence: `the 3rd segment from a to b is lost once and sent again 200 ms
 * later`. `index` is the place of the draw in its stream, counted from 0.
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
  if (kind === "disk" && subject !== "") {
    return value === 1
      ? `${subject} loses a write when it loses power: the ${place} that was not synchronized`
      : `${subject} keeps only ${bytes(value - 1)} of a write when it loses power: the ${place} that was not synchronized`
  }
  if (kind === "diskNames" && subject !== "") {
    return `${subject} loses the last ${value === 1 ? "change" : `${value} changes`} of file names when it loses power, at its ${place} loss`
  }
  if (kind === "pick") return `the ${ordinal(value + 1)} of the ready tasks runs out of turn, at the ${place} choice`
  if (kind === "preempt" && subject !== "") {
    return `${subject} is interrupted between two operations, in its ${place} block of operations`
  }
  return `the ${place} decision of "${stream}" is ${value} and not 0`
}
