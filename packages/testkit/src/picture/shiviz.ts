/**
 * A trace as a log for ShiViz, with vector clocks. ShiViz wants of each host that its own clock is 1, 2, 3 and so on.
 */
import type { Event, Trace } from "../Trace.ts"
import { geometry } from "./geometry.ts"
import { words } from "./words.ts"

/** How ShiViz is to read an event: the first line of the log. It adds the anchors by itself. */
const parser = "(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)"

/** What names the run: the second line says how to find it. */
const delimiter = "=== (?<trace>.*) ==="

/** In ShiViz the end of a line is the end of the text. */
const oneLine = (text: string): string => text.replace(/[\r\n\u2028\u2029]+/g, " ⏎ ")

/** The names that ShiViz gets: without white space, and still different from each other. */
const hostNames = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const used = new Set<string>()
  return names.map((name) => {
    // Everything that `\S` is not.
    const plain = name.replace(/\s/g, "_")
    // ShiViz keeps hosts in plain objects, which have some names already.
    let host = plain === "" || plain in {} ? `${plain}_` : plain
    while (used.has(host)) host += "'"
    used.add(host)
    return host
  })
}

/** What belongs to no node is told by a host of its own, which hears of the nodes and which they do not hear of. */
const observer = "simulation"

export const shiviz = (trace: Trace): string => {
  const { beside, link, nowhere } = geometry()
  const { event: tell, moment } = words()
  const { events } = trace
  const { causes, lane, lanes } = link(trace)
  const hosts = hostNames([...lanes, observer])
  const watching = lanes.length

  const sent = new Map<number, Extract<Event, { readonly _tag: "Sent" }>>()
  /** Per event: its clock, by host. */
  const clocks: Array<ReadonlyMap<number, number>> = []
  const latest = hosts.map((): ReadonlyMap<number, number> => new Map())
  const lines = [parser, delimiter, `=== ${oneLine(trace.scenario)} seed ${trace.seed} ===`]
  for (const [index, event] of events.entries()) {
    if (event._tag === "Sent") sent.set(event.id, event)
    const place = lane[index] ?? nowhere
    if (place === nowhere) {
      clocks.push(new Map())
      continue
    }
    const host = place <= beside ? watching : place
    const clock = new Map(latest[host])
    for (const cause of causes[index] ?? []) {
      // A fault reaches nodes, and what else the simulation saw before it did not.
      if (host !== watching && (lane[cause] ?? nowhere) <= beside) continue
      for (const [other, time] of clocks[cause] ?? []) clock.set(other, Math.max(clock.get(other) ?? 0, time))
    }
    clock.set(host, (clock.get(host) ?? 0) + 1)
    latest[host] = clock
    clocks.push(clock)
    const entries = [...clock].map(([other, time]) => [hosts[other] ?? "", time] as const)
    const text = tell(event, "id" in event ? sent.get(event.id) : undefined)
    lines.push(`${hosts[host] ?? ""} ${JSON.stringify(Object.fromEntries(entries))}`)
    lines.push(`${moment(event.at)}  ${oneLine(text)}`)
  }
  return `${lines.join("\n")}\n`
}
