/**
 * Reports of nodes, as the HTTP API and the requests between nodes carry them, and the report of the cluster. Each type has
 * a schema with the same name.
 *
 * Nodes of different versions read the reports of each other. Unknown fields are ignored, new fields are optional, and a
 * word of a set that may grow is read as any text.
 *
 * @since 0.1.0
 */
import { compareNames } from "@coterie/core/Peer"
import * as Schema from "effect/Schema"

/**
 * Number of incompatible changes of the reports. A node with another number is answered as far as it understands the
 * fields.
 *
 * @category constants
 * @since 0.1.0
 */
export const schemaVersion = 1

/**
 * Maximum number of peers in a row. It is the number of members that a node accepts into its view, with room for those
 * that have failed.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxRowPeers = 4_096

/**
 * Maximum length of a row as JSON, in UTF-16 code units. A row of 300 peers has about 11,000.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxRowLength = 256 * 1_024

/**
 * Maximum length of the report of another node as JSON, in UTF-16 code units. It has room for 300 peers with 8 KiB of
 * metadata each.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxNodeReportLength = 4 * 1_024 * 1_024

/** A word of a set that a later version may extend. */
const open = <const Words extends ReadonlyArray<string>>(words: Words) =>
  Schema.Union([Schema.Literals(words), Schema.String])

// ---- one node ----

const Queue = Schema.Struct({ name: Schema.String, size: Schema.Number, limit: Schema.Number })

const Dial = Schema.Struct({
  address: Schema.String,
  /** Reason in one word, as in the event `SeedUnavailable`. */
  reason: Schema.String,
  message: Schema.String,
  agoMillis: Schema.Number,
  attempts: Schema.Number,
})

const RoundTrip = Schema.Struct({
  lastMillis: Schema.Number,
  minMillis: Schema.Number,
  medianMillis: Schema.Number,
  maxMillis: Schema.Number,
  samples: Schema.Number,
  agoMillis: Schema.Number,
})

const Link = Schema.Struct({
  dialedBy: open(["thisNode", "peer"]),
  remoteHost: Schema.String,
  observedHost: Schema.optionalKey(Schema.String),
  /** Identity that the peer proved, without any secret. */
  identity: Schema.optionalKey(Schema.Json),
  openForMillis: Schema.Number,
  session: Schema.Number,
  heardAgoMillis: Schema.Number,
  /** Absent in the report of a node of an early version. */
  heartbeatMillis: Schema.optionalKey(Schema.Number),
  roundTrip: Schema.optionalKey(RoundTrip),
  peerLagMillis: Schema.optionalKey(Schema.Number),
  /** Hash of the peer's view in hex. */
  peerViewHash: Schema.String,
  bytesIn: Schema.Number,
  bytesOut: Schema.Number,
  queues: Schema.Array(Queue),
})

/**
 * A peer as one node sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerReport extends Schema.Schema.Type<typeof PeerReport> {}

/**
 * Schema of a peer as one node sees it. The fields have the meaning of `Inspection.PeerInspection` of `@coterie/core`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PeerReport = Schema.Struct({
  name: Schema.String,
  generation: Schema.Number,
  incarnation: Schema.Number,
  addresses: Schema.Array(Schema.String),
  metadata: Schema.Record(Schema.String, Schema.String),
  status: open(["alive", "suspect", "failed", "disconnected"]),
  link: open(["up", "indirect", "down"]),
  through: Schema.optionalKey(Schema.String),
  suspicion: Schema.optionalKey(Schema.Struct({ forMillis: Schema.Number, accusers: Schema.Array(Schema.String) })),
  failedForMillis: Schema.optionalKey(Schema.Number),
  dial: Schema.optionalKey(Dial),
  connection: Schema.optionalKey(Link),
})

const Status = Schema.Struct({
  /** Tag of the status in lower case. */
  phase: open(["starting", "alone", "member", "leaving", "stopped"]),
  reason: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
})

const FailureDetector = Schema.Struct({
  heartbeatMillis: Schema.Number,
  /** Absent in the report of a node of an early version, like `watchers`. */
  idleHeartbeatMillis: Schema.optionalKey(Schema.Number),
  watchers: Schema.optionalKey(Schema.Number),
  linkTimeoutMillis: Schema.Number,
  probeTimeoutMillis: Schema.Number,
  suspicionMinMillis: Schema.Number,
  suspicionMaxMillis: Schema.Number,
})

const AddressReport = Schema.Struct({
  address: Schema.String,
  source: open(["seed", "join", "discovery"]),
  state: open(["linked", "self", "failing", "answered", "untried"]),
  peer: Schema.optionalKey(Schema.String),
  checkedAgoMillis: Schema.optionalKey(Schema.Number),
  dial: Schema.optionalKey(Dial),
})

/**
 * State of one node.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeReport extends Schema.Schema.Type<typeof NodeReport> {}

/**
 * Schema of the state of one node. The fields have the meaning of `Inspection.Inspection` of `@coterie/core`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const NodeReport = Schema.Struct({
  schema: Schema.Number,
  /** Version of the package `@coterie/admin` of the node. */
  version: Schema.String,
  /** Name of the cluster. Absent in the report of a node of an early version, like `failureDetector`. */
  cluster: Schema.optionalKey(Schema.String),
  name: Schema.String,
  generation: Schema.Number,
  incarnation: Schema.Number,
  addresses: Schema.Array(Schema.String),
  metadata: Schema.Record(Schema.String, Schema.String),
  observedHosts: Schema.Array(Schema.String),
  protocol: Schema.Struct({ min: Schema.Number, max: Schema.Number }),
  features: Schema.Array(Schema.String),
  status: Status,
  startedAt: Schema.Number,
  uptimeMillis: Schema.Number,
  wallTime: Schema.Number,
  everLinked: Schema.Boolean,
  isolated: Schema.Boolean,
  partition: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Hash of the view in hex. */
  viewHash: Schema.String,
  viewVersion: Schema.Number,
  localHealth: Schema.Number,
  lagMillis: Schema.Number,
  failureDetector: Schema.optionalKey(FailureDetector),
  queues: Schema.Array(Queue),
  peers: Schema.Array(PeerReport),
  addressesDialed: Schema.Array(AddressReport),
})

// ---- the components of a node ----

/**
 * Part of the state of a node to report. Without a field, nothing is left out.
 *
 * @category options
 * @since 0.1.0
 */
export interface StateFilter {
  /** Kind of the components, such as `map`. */
  readonly kind?: string | undefined
  /** Name of the components. */
  readonly name?: string | undefined
  /** Maximum number of rows of each component. With 0, a report has the facts alone. */
  readonly rows?: number | undefined
}

/**
 * Maximum number of components in a report, and of the rows of all of them. A node with 100 maps and 100 peers has as many
 * rows. A report has at most some megabytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const stateBounds = { components: 1_000, rows: 10_000 } as const

/** Facts by name, as in `NodeComponents.Facts` of `@coterie/core`. */
const Facts = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number, Schema.Boolean]))

/**
 * A component of a node, such as an owned map: its sizes and states, and contents only if the application shows them.
 *
 * @category models
 * @since 0.1.0
 */
export interface ComponentReport extends Schema.Schema.Type<typeof ComponentReport> {}

/**
 * Schema of a component of a node. The packages that add components choose the names of the facts.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ComponentReport = Schema.Struct({
  /** Kind in one word, such as `map`, `presence` or `values`. */
  kind: Schema.String,
  name: Schema.String,
  facts: Facts,
  /** One row for each of the things of which the component has many, such as peers. */
  rows: Schema.Array(Facts),
  /** Number of further rows, which are not in the report. Absent if there are none. */
  omittedRows: Schema.optionalKey(Schema.Number),
})

/**
 * State that one node shares with others, as the node sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface StateReport extends Schema.Schema.Type<typeof StateReport> {}

/**
 * Schema of the state that one node shares with others.
 *
 * @category schemas
 * @since 0.1.0
 */
export const StateReport = Schema.Struct({
  schema: Schema.Number,
  name: Schema.String,
  generation: Schema.Number,
  /** Wall clock of the node, in milliseconds since 1970. */
  at: Schema.Number,
  components: Schema.Array(ComponentReport),
  /**
   * Number of components that are beyond {@link stateBounds}, and of rows that are beyond them or beyond the `rows` that the
   * report was asked for. They are not in the report.
   */
  omitted: Schema.Struct({ components: Schema.Number, rows: Schema.Number }),
})

// ---- the row of a node, and the cluster ----

/** Values of a node itself, in its row. */
const scalars = {
  schema: Schema.Number,
  name: Schema.String,
  generation: Schema.Number,
  version: Schema.String,
  phase: open(["starting", "alone", "member", "leaving", "stopped"]),
  /** Wall clock of the node when it made the row, in milliseconds since 1970. */
  at: Schema.Number,
  uptimeMillis: Schema.Number,
  /** Time since the last change of the view of the node. */
  unchangedMillis: Schema.Number,
  /** `true` if the node has lost all its members. */
  isolated: Schema.Boolean,
  /** Names of the lost members while the node suspects a partition. */
  partition: Schema.optionalKey(Schema.Array(Schema.String).check(Schema.isMaxLength(maxRowPeers))),
  viewHash: Schema.String,
  localHealth: Schema.Number,
  lagMillis: Schema.Number,
}

const RowDial = Schema.Struct({
  address: Schema.String,
  reason: Schema.String,
  agoMillis: Schema.Number,
  attempts: Schema.Number,
})

/** Values that few peers have, by the position of the peer in the row. */
const sparse = <S extends Schema.Top>(schema: S) => Schema.Record(Schema.String, schema)

/** Columns with one entry for each peer, in the order of the peers of the row. */
const columns = {
  /** One letter for each peer: `a` alive, `s` suspect, `f` failed, `d` disconnected. */
  status: Schema.String,
  /** One letter for each peer: `u` up, `i` indirect, `d` down. */
  link: Schema.String,
  /** Median round-trip time in microseconds; -1 without a measurement or a link. */
  roundTripMicros: Schema.Array(Schema.Number),
  /** Time since the last bytes of the peer, in milliseconds; -1 without a link. */
  heardMillis: Schema.Array(Schema.Number),
  /** Name of the member that last reported a link to the peer, while the link is indirect. */
  through: sparse(Schema.String),
  /** Last failed dial of a peer without a link. */
  dial: sparse(RowDial),
  /** Time since the peer failed. */
  failedMillis: sparse(Schema.Number),
}

/**
 * A node and its peers, by columns: the entries of all columns have the order of `names`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row extends Schema.Schema.Type<typeof Row> {}

/**
 * Schema of a node and its peers, by columns.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Row = Schema.Struct({
  ...scalars,
  names: Schema.Array(Schema.String).check(Schema.isMaxLength(maxRowPeers)),
  generations: Schema.Array(Schema.Number),
  ...columns,
})

/**
 * Reason why a member did not answer:
 *
 * - `timeout`: no answer before the deadline.
 * - `notServing`: the member runs without the admin service, or with a version that does not answer the request.
 * - `noLink`: neither the asking node nor a node that could relay the request has a link to the member.
 * - `lost`: the link ended during the request, or the member cannot take another request now.
 * - `unreadable`: the answer is too large or is not a report.
 *
 * @category models
 * @since 0.1.0
 */
export type UnansweredReason = "timeout" | "notServing" | "noLink" | "lost" | "unreadable"

/**
 * A member that did not answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unanswered extends Schema.Schema.Type<typeof Unanswered> {}

/**
 * Schema of a member that did not answer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Unanswered = Schema.Struct({
  name: Schema.String,
  reason: open(["timeout", "notServing", "noLink", "lost", "unreadable"]),
  message: Schema.String,
})

/**
 * Result of the comparison of all rows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict extends Schema.Schema.Type<typeof Verdict> {}

/**
 * Schema of the result of the comparison of all rows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Verdict = Schema.Struct({
  level: Schema.Literals(["ok", "warning", "critical"]),
  /** One sentence that names the most important problem. */
  sentence: Schema.String,
  /** Further observations, one per line. */
  details: Schema.Array(Schema.String),
  /** `true` for a warning that may be part of a change that just happened, such as a join. */
  settling: Schema.Boolean,
})

const ReportRow = Schema.Struct({ ...scalars, peers: Schema.Array(Schema.Number), ...columns })

/**
 * The cluster as all members see it. The rows refer to members by their positions in `members`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterReport extends Schema.Schema.Type<typeof ClusterReport> {}

/**
 * Schema of the cluster as all members see it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ClusterReport = Schema.Struct({
  schema: Schema.Number,
  /** Name of the node that asked all members. */
  askedBy: Schema.String,
  /** Wall clock of that node at the end of the question, in milliseconds since 1970. */
  at: Schema.Number,
  tookMillis: Schema.Number,
  members: Schema.Array(Schema.Struct({ name: Schema.String, generation: Schema.Number })),
  rows: Schema.Array(ReportRow),
  unanswered: Schema.Array(Unanswered),
  verdict: Verdict,
})

/**
 * Returns the rows of a report, with the names and generations of their peers.
 *
 * @category getters
 * @since 0.1.0
 */
export const rows = ({ members, rows }: ClusterReport): ReadonlyArray<Row> =>
  rows.map(({ peers, ...row }) => ({
    ...row,
    names: peers.map((index) => members[index]?.name ?? ""),
    generations: peers.map((index) => members[index]?.generation ?? 0),
  }))

/**
 * Returns the newest row of each name: the row with the highest generation and then the newest time. Use it to merge the
 * reports of several nodes, for example of both sides of a partition.
 *
 * @category combinators
 * @since 0.1.0
 */
export const newest = (rows: Iterable<Row>): ReadonlyArray<Row> => {
  const byName = new Map<string, Row>()
  for (const row of rows) {
    const known = byName.get(row.name)
    if (known === undefined || row.generation > known.generation) byName.set(row.name, row)
    else if (row.generation === known.generation && row.at > known.at) byName.set(row.name, row)
  }
  return [...byName.values()]
}

/**
 * Makes a report of the cluster from rows. Both rows of a link have the same round-trip time: that of the lower name, which
 * measures with every heartbeat. The other side measures only on request, so its time counts only if the lower name has none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClusterReport = (options: {
  readonly askedBy: string
  readonly at: number
  readonly tookMillis: number
  readonly rows: ReadonlyArray<Row>
  readonly unanswered: ReadonlyArray<Unanswered>
  readonly verdict: Verdict
}): ClusterReport => {
  const members = new MemberIndex()
  const peers = options.rows.map(({ generations, names }) =>
    names.map((name, i) => members.indexOf(name, generations[i] ?? 0)),
  )
  const measured = new RoundTrips(options.rows)
  const rows = options.rows.map(({ generations: _generations, names, ...row }, i) => ({
    ...row,
    peers: peers[i] ?? [],
    roundTripMicros: names.map((name, j) =>
      row.link[j] === "u" ? measured.of(row.name, name, row.roundTripMicros[j] ?? -1) : -1,
    ),
  }))
  return { schema: schemaVersion, ...options, members: members.list, rows }
}

/** Positions of the members in a report. */
class MemberIndex {
  readonly list: Array<{ readonly name: string; readonly generation: number }> = []
  /** Positions of the lives of a name, which nearly always are one. */
  private readonly byName = new Map<string, Array<number>>()

  indexOf(name: string, generation: number): number {
    const lives = this.byName.get(name)
    const known = lives?.find((index) => this.list[index]?.generation === generation)
    if (known !== undefined) return known
    const index = this.list.push({ name, generation }) - 1
    if (lives === undefined) this.byName.set(name, [index])
    else lives.push(index)
    return index
  }
}

/** Measured round-trip times of links by the positions of both rows. */
class RoundTrips {
  private readonly positions: ReadonlyMap<string, number>
  private readonly micros: Float64Array

  constructor(rows: ReadonlyArray<Row>) {
    this.positions = new Map(rows.map(({ name }, i) => [name, i]))
    this.micros = new Float64Array(rows.length * rows.length).fill(-1)
    for (const [i, { link, names, roundTripMicros }] of rows.entries()) {
      for (const [k, name] of names.entries()) {
        const j = this.positions.get(name)
        if (j !== undefined && link[k] === "u") this.micros[i * rows.length + j] = roundTripMicros[k] ?? -1
      }
    }
  }

  /** Returns the time of the link between a node and its peer, of which the node itself has measured `own`, or -1. */
  of(node: string, peer: string, own: number): number {
    const other = this.between(peer, node)
    const [lower, higher] = compareNames(node, peer) < 0 ? [own, other] : [other, own]
    return lower >= 0 ? lower : higher
  }

  /** Returns the time that one node has measured to another, or -1. */
  private between(from: string, to: string): number {
    const [i, j] = [this.positions.get(from), this.positions.get(to)]
    return i === undefined || j === undefined ? -1 : (this.micros[i * this.positions.size + j] ?? -1)
  }
}

// ---- events ----

/**
 * Event of the stream `/v1/events`. `data` has the encoded `ClusterEvent` of `@coterie/core` and the wall clock at which the
 * node published it. An event `heartbeat` keeps the connection open.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeEvent extends Schema.Schema.Type<typeof NodeEvent> {}

/**
 * Schema of an event of the stream `/v1/events`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const NodeEvent = Schema.Struct({
  /** Generation of the node and number of the event, such as `1767225600000-12`. Absent for a heartbeat. */
  id: Schema.optionalKey(Schema.String),
  /** Tag of the `ClusterEvent`, or `heartbeat`. */
  event: Schema.String,
  data: Schema.Struct({
    /** Wall clock of the node, in milliseconds since 1970. */
    at: Schema.Number,
    /** The event; absent for a heartbeat. */
    event: Schema.optionalKey(Schema.Json),
  }),
})
