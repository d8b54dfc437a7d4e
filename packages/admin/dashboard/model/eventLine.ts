import { shownText } from "./shownText.ts"

/** One event of the stream, as the page shows it. All texts are printable. */
export interface EventLine {
  /** Number of the line, which is unique in the page. */
  readonly key: number
  readonly time: string
  readonly event: string
  readonly peer: string
  readonly reason: string
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const field = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined)

/** Returns text, cut and without characters that are not visible. Any other value becomes an empty text. */
const text = (value: unknown): string => {
  if (typeof value === "number") return String(value)
  return typeof value === "string" ? shownText(value) : ""
}

const namesOf = (value: unknown): string =>
  Array.isArray(value) ? text(value.map((each) => text(field(each, "name"))).join(" ")) : ""

/** Returns the part of an event beside the peer. */
const reasonOf = (tag: string, event: unknown): string => {
  switch (tag) {
    case "Snapshot": {
      const peers = field(field(event, "view"), "peers")
      const count = Array.isArray(peers) ? peers.length : 0
      return `${count} ${count === 1 ? "peer" : "peers"}`
    }
    case "Lagged":
      return `${text(field(event, "missed")) || "an unknown number of"} events were missed`
    case "PartitionSuspected":
      return `lost: ${namesOf(field(event, "lost"))}`
    case "PartitionHealed":
      return `returned: ${namesOf(field(event, "returned"))}; missing: ${namesOf(field(event, "missing"))}`
    case "Joined":
    case "Unreachable":
      return `link ${text(field(field(event, "peer"), "link"))}`
    case "SlowPeer":
      return `lane "${text(field(event, "lane"))}"`
    default:
      return [text(field(event, "reason")), text(field(event, "message"))].filter((part) => part !== "").join(": ")
  }
}

/** Makes the line of an event from its tag and its data, which may be anything. */
export const eventLine = (key: number, tag: string, data: string): EventLine => {
  let parsed: unknown
  try {
    parsed = JSON.parse(data)
  } catch {
    return { key, time: "", event: text(tag), peer: "", reason: "not readable" }
  }
  const at = field(parsed, "at")
  const event = field(parsed, "event")
  const time = typeof at === "number" && Math.abs(at) < 8.64e15 ? new Date(at).toLocaleTimeString("en-GB") : ""
  const peer = text(field(field(event, "peer"), "name")) || text(field(event, "address"))
  return { key, time, event: text(tag), peer, reason: reasonOf(tag, event) }
}
