/**
 * Log of a trace for ShiViz, with vector clocks. ShiViz requires that each host counts its own entry 1, 2, 3 and so on.
 */
import type { Event, Trace } from "../internal/traceEvents.ts"
import { causalityOf } from "./causality.ts"
import { describeEvent, formatTime } from "./format.ts"
import { simulationLane, unknownLane } from "./lanes.ts"

/** Pattern with which ShiViz parses an event: the first line of the log. ShiViz adds the anchors. */
const parser = "(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)"

/** Pattern of the line that names the run: the second line of the log. */
const delimiter = "=== (?<trace>.*) ==="

/** Replaces line breaks, because ShiViz ends the text of an event at the end of its line. */
const oneLine = (text: string): string => text.replace(/[\r\n\u2028\u2029]+/g, " ⏎ ")

/** Returns names of hosts for ShiViz: without white space, and distinct. */
const hostNames = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const used = new Set<string>()
  return names.map((name) => {
    // `\s` matches exactly the characters that `\S` of the parser does not match.
    const plain = name.replace(/\s/g, "_")
    // ShiViz keeps hosts in plain objects, which inherit some names from their prototype.
    let host = plain === "" || plain in {} ? `${plain}_` : plain
    while (used.has(host)) host += "'"
    used.add(host)
    return host
  })
}

/** Host of the events without a node. It receives the clocks of nodes, and no node receives its clock. */
const observer = "simulation"

/** Encodes a trace as a log for ShiViz. */
export const shiviz = (trace: Trace): string => {
  const { events } = trace
  const { causes, laneOf, lanes } = causalityOf(trace)
  const hosts = hostNames([...lanes, observer])
  const observerHost = lanes.length

  const sent = new Map<number, Extract<Event, { readonly _tag: "Sent" }>>()
  /** Vector clock of each event, by host. */
  const clocks: Array<ReadonlyMap<number, number>> = []
  const latest = hosts.map((): ReadonlyMap<number, number> => new Map())
  const lines = [parser, delimiter, `=== ${oneLine(trace.scenario)} seed ${trace.seed} ===`]
  for (const [index, event] of events.entries()) {
    if (event._tag === "Sent") sent.set(event.id, event)
    const lane = laneOf[index] ?? unknownLane
    if (lane === unknownLane) {
      clocks.push(new Map())
      continue
    }
    const host = lane <= simulationLane ? observerHost : lane
    const clock = new Map(latest[host])
    for (const cause of causes[index] ?? []) {
      // A fault influences nodes, but the other events of the observer before the fault do not.
      if (host !== observerHost && (laneOf[cause] ?? unknownLane) <= simulationLane) continue
      for (const [other, time] of clocks[cause] ?? []) clock.set(other, Math.max(clock.get(other) ?? 0, time))
    }
    clock.set(host, (clock.get(host) ?? 0) + 1)
    latest[host] = clock
    clocks.push(clock)
    const entries = [...clock].map(([other, time]) => [hosts[other] ?? "", time] as const)
    const text = describeEvent(event, "id" in event ? sent.get(event.id) : undefined)
    lines.push(`${hosts[host] ?? ""} ${JSON.stringify(Object.fromEntries(entries))}`)
    lines.push(`${formatTime(event.at)}  ${oneLine(text)}`)
  }
  return `${lines.join("\n")}\n`
}
