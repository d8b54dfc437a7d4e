/**
 * What events and times read like, wherever a trace is shown: in the picture, to a screen reader, and in ShiViz.
 *
 * Everything is inside of one function without imports, because the page gets its text: see `html.ts`.
 */
import type { Event } from "../Trace.ts"

type Sent = Extract<Event, { readonly _tag: "Sent" }>

export interface Words {
  /** A moment: `12.345678 s`. */
  readonly moment: (at: number) => string
  /** A length of time: `3.2 ms`. */
  readonly duration: (micros: number) => string
  readonly size: (bytes: number) => string
  /** `3 nodes`, `1 node`. */
  readonly count: (number: number, noun: string) => string
  /** The kinds of messages in what was sent, each once: `Vote, Heartbeat`. */
  readonly kinds: (sent: Sent) => string
  /** Tells of an event in one line. `sent` is what it arrived with, lost or dropped, where that is known. */
  readonly event: (event: Event, sent: Sent | undefined) => string
}

export const words = (): Words => {
  const moment: Words["moment"] = (at) => `${(at / 1_000_000).toFixed(6)} s`

  const trim = (number: number): string => {
    const digits = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2
    return String(Number(number.toFixed(digits)))
  }

  const duration: Words["duration"] = (micros) => {
    if (Math.abs(micros) < 1_000) return `${micros} µs`
    if (Math.abs(micros) < 1_000_000) return `${trim(micros / 1_000)} ms`
    if (Math.abs(micros) < 120_000_000) return `${trim(micros / 1_000_000)} s`
    return `${trim(micros / 60_000_000)} min`
  }

  const count: Words["count"] = (number, noun) => `${number.toLocaleString("en-GB")} ${noun}${number === 1 ? "" : "s"}`

  const size: Words["size"] = (bytes) => (bytes < 10_000 ? count(bytes, "byte") : `${trim(bytes / 1_000)} kB`)

  const kinds: Words["kinds"] = ({ messages = [], size: bytes }) =>
    messages.length === 0 ? size(bytes) : [...new Set(messages.map(({ kind }) => kind))].join(", ")

  const node = ({ life, node, state, text }: Extract<Event, { readonly _tag: "Node" }>): string => {
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
        return `${node} stands still${more}`
      case "resumed":
        return `${node} goes on${more}`
      default:
        return `${node} ${state}${more}`
    }
  }

  const connection = ({ by, from, state, to }: Extract<Event, { readonly _tag: "Connection" }>): string => {
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
        return `${side} hears the end of its connection with ${other}`
      case "reset":
        return `${side} loses its connection with ${other}: reset`
      default:
        return `${side} loses its connection with ${other} unnoticed`
    }
  }

  const event: Words["event"] = (event, sent) => {
    const what = sent === undefined ? "what was sent before" : kinds(sent)
    const way = sent === undefined ? "" : ` from ${sent.from} to ${sent.to}`
    switch (event._tag) {
      case "Node":
        return node(event)
      case "Sent":
        return `${event.from} sends to ${event.to}: ${kinds(event)}`
      case "Arrived":
        if (sent === undefined) return `${what} arrives`
        return `${sent.to} receives from ${sent.from}: ${what}, after ${duration(event.at - sent.at)}`
      case "Lost":
        return `${what}${way} is lost ${event.times === 1 ? "once" : `${event.times} times`} and sent again`
      case "Dropped":
        return `${what}${way} never arrives: ${event.why}`
      case "Connection":
        return connection(event)
      case "Fault":
        return event.state === "began" ? `fault: ${event.text}` : `over: ${event.text}`
      case "Note":
        if (event.kind === "log")
          return event.node === undefined ? `log: ${event.text}` : `${event.node}: ${event.text}`
        return event.node === undefined ? event.text : `${event.node}: ${event.text}`
      case "Failed":
        return `failed: ${event.text}`
    }
  }

  return { moment, duration, size, count, kinds, event }
}
