/** Opens a presence on a node. */
import { Cluster } from "@coterie/core/Cluster"
import type { NodeMetrics } from "@coterie/core/NodeMetrics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { NotEncodable, StateError } from "../../StateError.ts"
import { addComponent } from "../addComponent.ts"
import { entryRows } from "../contents.ts"
import { roleOf } from "../MapRole.ts"
import { maxNameBytes } from "../names.ts"
import { openAs } from "../openMap.ts"
import { mapLabel } from "../mapMetrics.ts"
import { boundsOf, checkName, laneNameOf, millisOf } from "../options.ts"
import { Overrides } from "../Overrides.ts"
import { PresenceFeed } from "./PresenceFeed.ts"
import { encodeKey, keyOf, type PresenceTable, separator } from "./PresenceTable.ts"
import type { Options, Presence } from "./Service.ts"

/** Prefix of the names of the maps of presences. */
const mapPrefix = "presence/"

/** A user who reloads a page or changes to another node is back within this time, in milliseconds. */
const defaultGrace = 5_000

/** Keys of the map: a key, the separator, and the number of the meta. */
const MetaKey = Schema.String.check(
  Schema.isPattern(/^[^\0]*\0[1-9]\d{0,14}$/, { description: "a key, the character NUL, and a number" }),
)

/** Adds the gauges of the keys until the scope closes. */
const observe = <A>(metrics: NodeMetrics, map: string, table: PresenceTable<A>) => {
  const description = "Keys that are present at any node, as this node knows, by state."
  const gauge = (state: string, read: () => number) =>
    metrics.observe({ id: "coterie_state_presence_keys", description, labels: { map, state }, read })
  return Effect.acquireRelease(
    Effect.sync(() => [
      gauge("present", () => table.size - table.leavingSize),
      gauge("leaving", () => table.leavingSize),
    ]),
    (removals) =>
      Effect.sync(() => {
        for (const remove of removals) remove()
      }),
  )
}

export const open = Effect.fnUntraced(function* <A>(
  name: string,
  { grace = defaultGrace, limits, showContents = false, value }: Options<A>,
) {
  const mapName = `${mapPrefix}${name}`
  yield* checkName("presence", name, maxNameBytes - mapPrefix.length)
  const role = roleOf({ kind: "presence", name }, keyOf)
  const { limits: nodeLimits, metrics } = yield* Cluster
  const { changeBuffer } = yield* boundsOf(limits, nodeLimits.messageBytes)
  const { makePresenceTable } = yield* Overrides
  const table = makePresenceTable<A>(yield* millisOf("grace", grace))
  const feed = new PresenceFeed({ table, clock: yield* Clock.Clock, capacity: changeBuffer })
  yield* Effect.addFinalizer(() => Effect.sync(feed.onClosed))
  const { claim, contents, service } = yield* openAs(role, mapName, { key: MetaKey, value, limits }, feed)
  const { deadLetters, owners, synced } = service()
  yield* Effect.forkScoped(feed.run)
  yield* observe(metrics, mapLabel(metrics, laneNameOf(mapName), mapName), table)
  const rows = showContents ? entryRows(contents, value, keyOf) : () => undefined
  yield* addComponent({
    kind: "presence",
    name,
    describe: () => ({ facts: { keys: table.size, leaving: table.leavingSize }, rows: rows() }),
  })
  let tracks = 0
  const presence: Presence<A> = {
    name,
    track: (key, value) =>
      Effect.suspend(() => {
        if (!key.includes(separator))
          return Effect.map(claim(encodeKey(key, ++tracks), value), ({ set }) => ({ update: set }))
        const message = "the key of a presence must not contain the character NUL"
        return Effect.fail(new StateError({ subject: role.subject, reason: new NotEncodable({ message }) }))
      }),
    get: (key) => Effect.sync(() => Option.fromUndefinedOr(feed.settled().get(key))),
    list: Effect.sync(() => feed.settled().list()),
    count: Effect.sync(() => feed.settled().size),
    changes: feed.changes,
    owners,
    synced,
    deadLetters,
  }
  return presence
})
