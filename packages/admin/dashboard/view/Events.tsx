import { useState } from "preact/hooks"
import type { EventLine } from "../model/eventLine.ts"
import { TableHead } from "./TableHead.tsx"

const matches = (line: EventLine, filter: string): boolean =>
  `${line.event} ${line.peer} ${line.reason}`.toLowerCase().includes(filter.toLowerCase())

/** The latest events of the asked node. */
export const Events = ({ events }: { readonly events: ReadonlyArray<EventLine> }) => {
  const [filter, setFilter] = useState("")
  const [paused, setPaused] = useState<ReadonlyArray<EventLine>>()
  const lines = (paused ?? events).filter((line) => matches(line, filter))
  return (
    <section aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      <div class="tools">
        <label>
          Filter
          <input type="search" value={filter} onInput={({ currentTarget }) => setFilter(currentTarget.value)} />
        </label>
        <button
          type="button"
          aria-pressed={paused !== undefined}
          onClick={() => setPaused(paused === undefined ? events : undefined)}
        >
          Pause
        </button>
      </div>
      {/* The table scrolls, so the keyboard must reach it. */}
      <div class="scroll log" tabIndex={0} role="group" aria-label="Table of events">
        <table>
          <TableHead columns={["time", "event", "peer", "reason"]} />
          <tbody>
            {lines.map((line) => (
              <tr key={line.key}>
                <td>{line.time}</td>
                <td>{line.event}</td>
                <td>{line.peer}</td>
                <td class="text">{line.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
