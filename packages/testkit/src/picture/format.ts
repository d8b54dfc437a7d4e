/**
 * Text for events, times, sizes and counts. The viewer, its accessible labels, the ShiViz log and the difference of two
 * runs share it.
 */
import type { Event } from "../internal/traceEvents.ts"

type Sent = Extract<Event, { readonly _tag: "Sent" }>

/** Formats a point in virtual time: `12.345678 s`. */
export const formatTime = (at: number): string => `${(at / 1_000_000).toFixed(6)} s`

/** Rounds a number to about three digits. */
const round = (number: number): string => {
  const digits = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2
  return String(Number(number.toFixed(digits)))
}

/** Formats a length of time: `3.2 ms`. */
export const formatDuration = (micros: number): string => {
  if (Math.abs(micros) < 1_000) return `${micros} µs`
  if (Math.abs(micros) < 1_000_000) return `${round(micros / 1_000)} ms`
  if (Math.abs(micros) < 120_000_000) return `${round(micros / 1_000_000)} s`
  return `${round(micros / 60_000_000)} min`
}

/** Formats a number with its noun: `3 nodes`, `1 node`. */
export const formatCount = (number: number, noun: string): string =>
  `${number.toLocaleString("en-GB")} ${noun}${number === 1 ? "" : "s"}`

/** Formats a number of bytes: `9,999 bytes`, `12.3 kB`. */
export const formatSize = (bytes: number): string =>
  bytes < 10_000 ? formatCount(bytes, "byte") : `${round(bytes / 1_000)} kB`

/** Lists the kinds of the messages in one send, each once: `Vote, Heartbeat`. Undecoded bytes are listed by size. */
const formatKinds = ({ messages = [], size }: Sent): string =>
  messages.length === 0 ? formatSize(size) : [...new Set(messages.map(({ kind }) => kind))].join(", ")

const describeNode = ({ life, node, state, text }: Extract<Event, { readonly _tag: "Node" }>): string => {
  const more = text === undefined ? "" : `: ${text}`
  switch (state) {
    case "starting":
      return `${node} is starting${life > 1 ? `, life ${life}` : ""}${more}`
    case "running":
      return `${node} is running${more}`
    case "stopping":
      return `${node} is stopping${more}`
    case "slow":
      return `${node} changes its speed${more}`
    case "clock":
      return `${node} changes its clock${more}`
    case "stopped":
      return `${node} has stopped${more}`
    case "paused":
      return `${node} is paused${more}`
    case "resumed":
      return `${node} is resumed${more}`
    default:
      return `${node} ${state}${more}`
  }
}

const describeConnection = ({ by, from, state, to }: Extract<Event, { readonly _tag: "Connection" }>): string => {
  const side = by ?? from
  const other = side === from ? to : from
  switch (state) {
    case "dialed":
      return `${from} dials ${to}`
    case "accepted":
      return `${to} accepts ${from}`
    case "refused":
      return `${to} refuses ${from}`
    case "end":
      return `${side} reads the end of its connection with ${other}`
    case "reset":
      return `${side} loses its connection with ${other}: reset`
    default:
      return `${side} loses its connection with ${other} unnoticed`
  }
}

/**
 * Describes an event in one line. `sent` is the send of an `Arrived`, `Lost` or `Dropped` event, or `undefined` if the
 * trace no longer has it.
 */
export const describeEvent = (event: Event, sent: Sent | undefined): string => {
  const what = sent === undefined ? "an earlier segment" : formatKinds(sent)
  const way = sent === undefined ? "" : ` from ${sent.from} to ${sent.to}`
  switch (event._tag) {
    case "Node":
      return describeNode(event)
    case "Sent":
      return `${event.from} sends to ${event.to}: ${formatKinds(event)}`
    case "Arrived":
      if (sent === undefined) return `${what} arrives`
      return `${sent.to} receives from ${sent.from}: ${what}, after ${formatDuration(event.at - sent.at)}`
    case "Lost":
      return `${what}${way} is lost ${event.times === 1 ? "once" : `${event.times} times`} and sent again`
    case "Dropped":
      return `${what}${way} never arrives: ${event.why}`
    case "Connection":
      return describeConnection(event)
    case "Fault":
      return event.state === "began" ? `fault: ${event.text}` : `over: ${event.text}`
    case "Note":
      if (event.kind === "log") return event.node === undefined ? `log: ${event.text}` : `${event.node}: ${event.text}`
      return event.node === undefined ? event.text : `${event.node}: ${event.text}`
    case "Failed":
      return `failed: ${event.text}`
  }
}
