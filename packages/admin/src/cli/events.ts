/** `coterie events`: the events of one node. */
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { parseEventId, writeEventId } from "../internal/events/eventIds.ts"
import type { NodeEvent } from "../Report.ts"
import type { AdminClient } from "./AdminClient.ts"
import { type CommandError, misuse, noAnswer } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { listNames, printable, time } from "./text.ts"

export interface Flags {
  readonly follow: boolean
  /** Tags of events; empty for all. */
  readonly only: ReadonlyArray<string>
  readonly since: string | undefined
}

/** Number of kept events that is asked for first: the default of the service. Half of it is next, if so many are not kept. */
const mostKept = 1_024

const heartbeat = "heartbeat"

const decode = Schema.decodeUnknownOption(Schema.toCodecJson(ClusterEvent.ClusterEvent))

const named = (names: ReadonlyArray<{ readonly name: string }>): string => listNames(names.map(({ name }) => name))

/** Returns the peer and the details of an event. */
const describe = (event: ClusterEvent.ClusterEvent): string => {
  switch (event._tag) {
    case "Snapshot":
      return `${event.view.peers.size} peers${event.view.peers.size === 0 ? "" : `: ${listNames([...event.view.peers.keys()])}`}`
    case "Lagged":
      return `${event.missed} events missed`
    case "SeedUnavailable":
      return `${printable(event.address)} ${event.reason}: ${printable(event.message)}`
    case "SlowPeer":
      return `${printable(event.peer.name)}, lane "${printable(event.lane)}", ${Duration.toMillis(event.waited)} ms`
    case "PartitionSuspected":
      return `lost ${named(event.lost)}`
    case "PartitionHealed":
      return `returned ${named(event.returned) || "none"}, missing ${named(event.missing) || "none"}`
    case "Diagnostic":
      return printable(event.message)
    case "SelfChanged":
      return printable(event.self.name)
    case "Isolated":
    case "Reconnected":
    case "Superseded":
      return ""
    default:
      return printable(event.peer.name)
  }
}

/** Returns the line of an event. An event of a later version is shown as JSON. */
export const eventLine = ({ data, event, id }: NodeEvent): string => {
  const details = Option.match(decode(data.event), {
    onNone: () => printable(JSON.stringify(data.event) ?? ""),
    onSome: describe,
  })
  return [time(data.at), id === undefined ? "" : printable(id), printable(event), details].filter(Boolean).join("  ")
}

const lost = ({ url }: AdminClient, last?: string): CommandError =>
  noAnswer(
    `the event stream of ${printable(url)} has ended; --since ${last === undefined ? "ID" : printable(last)} continues it`,
  )

/** Opens the event stream after an id. */
const open = Effect.fnUntraced(function* (client: AdminClient, after: string | undefined) {
  const events = yield* client.open((api) =>
    api.node.events({ headers: after === undefined ? {} : { "last-event-id": after } }),
  )
  return events.pipe(
    Stream.map(({ data, event, id }): NodeEvent => ({ ...(id === undefined ? {} : { id }), event, data })),
    Stream.mapError(() => lost(client)),
  )
})

/** Returns the id of the newest event. */
const newest = Effect.fnUntraced(function* (client: AdminClient) {
  const first = yield* Stream.runHead(yield* open(client, undefined))
  const id = parseEventId(Option.getOrUndefined(first)?.id ?? "")
  if (id === undefined) return yield* Effect.fail(noAnswer(`${printable(client.url)} sent no snapshot`))
  return id
})

/** Reads the events after one number and up to another. */
const readUntil = Effect.fnUntraced(function* (client: AdminClient, after: string, last: number) {
  const events = yield* open(client, after)
  return yield* Stream.runCollect(Stream.takeUntil(events, ({ id }) => (parseEventId(id ?? "")?.number ?? -1) >= last))
})

/** Returns the kept events, or those after an id. */
const kept = Effect.fnUntraced(function* (client: AdminClient, since: string | undefined) {
  const { life, number } = yield* newest(client)
  if (since !== undefined) {
    const from = parseEventId(since)
    return from?.life === life && from.number >= number ? [] : yield* readUntil(client, since, number)
  }
  for (let count = Math.min(mostKept, number); count >= 1; count = Math.floor(count / 2)) {
    const events = yield* readUntil(client, writeEventId(life, number - count), number)
    if (events[0]?.event !== "Lagged") return events
  }
  return []
})

/** Returns the events that a node keeps, oldest first. */
export const history = (
  session: Session,
  client: AdminClient,
  since?: string,
): Effect.Effect<ReadonlyArray<NodeEvent>, CommandError> =>
  Effect.timeoutOrElse(
    Effect.map(kept(client, since), (events) => events.filter(({ event }) => event !== heartbeat)),
    {
      duration: Duration.millis(session.timeout),
      orElse: () => Effect.fail(noAnswer(`${printable(client.url)} did not send its events in time (--timeout)`)),
    },
  )

/** Time between two attempts to open a stream that has ended. */
const reopenInterval = Duration.millis(500)

/** Time without an event after which a stream has ended: the service sends a heartbeat every 15 seconds. */
const silence = Duration.seconds(45)

/** Opens the stream again after the last event. Fails with `error` if the service does not answer in time. */
const reopen = ({ timeout }: Session, client: AdminClient, last: string | undefined, error: CommandError) =>
  Effect.delay(open(client, last), reopenInterval).pipe(
    Effect.retry({ while: ({ exit }) => exit === exits.noAnswer }),
    Effect.timeoutOrElse({ duration: Duration.millis(timeout), orElse: () => Effect.fail(error) }),
  )

const follow = Effect.fnUntraced(function* (
  session: Session,
  client: AdminClient,
  since: string | undefined,
  isWanted: (event: NodeEvent) => boolean,
) {
  let last = since
  let events = yield* Effect.timeoutOrElse(open(client, since), {
    duration: Duration.millis(session.timeout),
    orElse: () => Effect.fail(noAnswer(`${printable(client.url)} did not answer in time (--timeout)`)),
  })
  while (true) {
    const read = Stream.runForEach(Stream.timeout(events, silence), (event) => {
      const shown = isWanted(event) ? output(session, { schema: 1, ...event }, () => [eventLine(event)]) : Effect.void
      return Effect.tap(shown, () => Effect.sync(() => (last = event.id ?? last)))
    })
    yield* Effect.ignore(read)
    const error = lost(client, last)
    yield* session.note(`coterie: ${error.message}; trying again`)
    events = yield* reopen(session, client, last, error)
  }
})

export const run = Effect.fnUntraced(function* (
  session: Session,
  flags: Flags,
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const { only, since } = flags
  if (since !== undefined && parseEventId(since) === undefined) {
    return yield* Effect.fail(misuse(`--since ${printable(since)} is not the id of an event, such as 1767225600000-12`))
  }
  const unknown = only.filter((tag) => !(tag in ClusterEvent.ClusterEvent.cases))
  if (unknown.length > 0) {
    const tags = Object.keys(ClusterEvent.ClusterEvent.cases).join(", ")
    return yield* Effect.fail(misuse(`--only: ${listNames(unknown)} is no event; there are ${tags}`))
  }
  const isWanted = ({ event }: NodeEvent) => event !== heartbeat && (only.length === 0 || only.includes(event))
  if (flags.follow) return yield* follow(session, client, since, isWanted)
  const events = (yield* history(session, client, since)).filter(isWanted)
  yield* output(session, { schema: 1, events }, () => events.map(eventLine))
  return exits.yes
})
