/**
 * Schemas of the JSON documents that the command `coterie` prints with `--json`. A program that runs the command decodes
 * its output with them. Unknown fields are ignored, because a later version may add some.
 *
 * `coterie info` prints a `Report.NodeReport`, `coterie state` a `Report.StateReport`, and `coterie cluster` a
 * `Report.ClusterReport`.
 *
 * **Example** (Decode the output of `coterie health --json`)
 *
 * ```ts
 * import { CommandOutput } from "@coterie/admin"
 * import { Schema } from "effect"
 *
 * const isReady = (output: string) =>
 *   Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Health))(output).status === "ok"
 * ```
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Report from "./Report.ts"

/** Number of incompatible changes of the documents. */
const schema = Schema.Literal(1)

/** A word of a set that a later version may extend. */
const open = <const Words extends ReadonlyArray<string>>(words: Words) =>
  Schema.Union([Schema.Literals(words), Schema.String])

/**
 * Schema of the output of `coterie members`: a node, and its peers as it sees them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Members = Schema.Struct({
  schema,
  node: Schema.Struct({
    name: Schema.String,
    generation: Schema.Number,
    addresses: Schema.Array(Schema.String),
    metadata: Schema.Record(Schema.String, Schema.String),
  }),
  members: Schema.Array(Report.PeerReport),
})

const Dial = Schema.Struct({
  address: Schema.String,
  /** Reason in one word, as in the event `SeedUnavailable`. */
  reason: Schema.String,
  agoMillis: Schema.Number,
  attempts: Schema.Number,
})

/**
 * One side of a pair of members without a link.
 *
 * @category models
 * @since 0.1.0
 */
export interface PairSide extends Schema.Schema.Type<typeof PairSide> {}

/**
 * Schema of one side of a pair of members without a link.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PairSide = Schema.Struct({
  name: Schema.String,
  /** `true` if the member answered. */
  answered: Schema.Boolean,
  /** Status that the member gives the other. Absent if the member did not answer, or does not list the other. */
  status: Schema.optionalKey(open(["alive", "suspect", "failed", "disconnected"])),
  /** State of the link to the other member. Absent if the member did not answer, or does not list the other. */
  link: Schema.optionalKey(open(["up", "indirect", "down"])),
  /** Member that last reported a link to the other member, while the link is indirect. */
  through: Schema.optionalKey(Schema.String),
  /** Last failed dial of the other member. */
  dial: Schema.optionalKey(Dial),
})

/**
 * A pair of members that have no link, or a link of which only one side knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnlinkedPair extends Schema.Schema.Type<typeof UnlinkedPair> {}

/**
 * Schema of a pair of members that have no link, or a link of which only one side knows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UnlinkedPair = Schema.Struct({
  a: PairSide,
  b: PairSide,
  /** Sentences that say what to try. */
  advice: Schema.Array(Schema.String),
})

/**
 * Schema of the output of `coterie reachability`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reachability = Schema.Struct({
  schema,
  pairs: Schema.Array(UnlinkedPair),
  unanswered: Schema.Array(Report.Unanswered),
})

/**
 * Round-trip times of one link.
 *
 * @category models
 * @since 0.1.0
 */
export interface PairRoundTrip extends Schema.Schema.Type<typeof PairRoundTrip> {}

/**
 * Schema of the round-trip times of one link. The times are in milliseconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PairRoundTrip = Schema.Struct({
  a: Schema.String,
  b: Schema.String,
  /** `true` if the pair has a link. */
  linked: Schema.Boolean,
  /** Absent without a link or a measurement. */
  medianMillis: Schema.optionalKey(Schema.Number),
  /** Present for a single pair, like `maxMillis` and `samples`. */
  minMillis: Schema.optionalKey(Schema.Number),
  maxMillis: Schema.optionalKey(Schema.Number),
  samples: Schema.optionalKey(Schema.Number),
})

/**
 * Schema of the output of `coterie rtt`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RoundTrips = Schema.Struct({ schema, pairs: Schema.Array(PairRoundTrip) })

/**
 * Schema of the output of `coterie events`: the events that the node keeps.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Events = Schema.Struct({ schema, events: Schema.Array(Report.NodeEvent) })

/**
 * Schema of a line of `coterie events --follow`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Struct({ schema, ...Report.NodeEvent.fields })

/**
 * Schema of the output of `coterie health`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Health = Schema.Struct({
  schema,
  check: Schema.Literals(["started", "live", "ready"]),
  status: Schema.Literals(["ok", "unavailable"]),
  reason: Schema.String,
})

/**
 * Schema of the output of `coterie wait`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Wait = Schema.Struct({
  schema,
  /** `true` if the condition held in time. */
  reached: Schema.Boolean,
  /** Description of the last answer. */
  state: Schema.String,
})

/**
 * Schema of the output of `coterie join`. `peer` is the name of the peer that answered; it is absent while the node still
 * dials the address.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Join = Schema.Struct({
  schema,
  status: Schema.Literals(["joined", "pending"]),
  address: Schema.String,
  peer: Schema.optionalKey(Schema.String),
})

/**
 * Schema of the output of `coterie leave`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Leave = Schema.Struct({ schema, status: Schema.Literals(["leaving", "left"]) })

/**
 * Schema of the output of `coterie disconnect`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Disconnect = Schema.Struct({ schema, status: Schema.Literal("disconnected"), name: Schema.String })

/**
 * Schema of the output of `coterie metadata get` and `coterie metadata set`: the metadata of the node.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Metadata = Schema.Struct({
  schema,
  name: Schema.String,
  metadata: Schema.Record(Schema.String, Schema.String),
})

/** A step of the dial of a probe, with its time in milliseconds. */
const Step = Schema.Union([
  /** The host of the address has these IP addresses. */
  Schema.Struct({ step: Schema.Literal("resolved"), millis: Schema.Number, hosts: Schema.Array(Schema.String) }),
  /** The connection is open. */
  Schema.Struct({ step: Schema.Literal("connected"), millis: Schema.Number, host: Schema.String }),
  /** The handshake of TLS is complete. */
  Schema.Struct({
    step: Schema.Literal("secured"),
    millis: Schema.Number,
    protocol: Schema.String,
    cipher: Schema.String,
  }),
])

/**
 * Schema of the output of `coterie probe`. `status` is `unanswered` if no peer answered; then `step` is the step that
 * failed, `connect` or `answer`. All times are in milliseconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Probe = Schema.Struct({
  schema,
  status: Schema.Literals(["accepted", "refused", "unanswered"]),
  address: Schema.String,
  step: Schema.optionalKey(open(["connect", "answer"])),
  /** Reason of a refusal or failure in one word, as in the event `SeedUnavailable`. */
  reason: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
  retryAfterMillis: Schema.optionalKey(Schema.Number),
  remoteHost: Schema.optionalKey(Schema.String),
  /** Proof of the peer; absent over plain TCP. */
  identity: Schema.optionalKey(Schema.Json),
  connectMillis: Schema.optionalKey(Schema.Number),
  answerMillis: Schema.optionalKey(Schema.Number),
  /** Steps of the dial that succeeded. */
  steps: Schema.Array(Step),
  peer: Schema.optionalKey(
    Schema.Struct({
      name: Schema.String,
      generation: Schema.Number,
      incarnation: Schema.Number,
      addresses: Schema.Array(Schema.String),
      metadata: Schema.Record(Schema.String, Schema.String),
    }),
  ),
  /** Version of the protocol that the peer chose. */
  version: Schema.optionalKey(Schema.Number),
  protocol: Schema.optionalKey(Schema.Struct({ min: Schema.Number, max: Schema.Number })),
  features: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Hash of the peer's view in hex. */
  viewHash: Schema.optionalKey(Schema.String),
  /** Host of this process as the peer sees it. */
  observedHost: Schema.optionalKey(Schema.String),
  linkTimeoutMillis: Schema.optionalKey(Schema.Number),
})

/**
 * Schema of the output of `coterie debug`. `missing` has the members without a report and the reason.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Debug = Schema.Struct({
  schema,
  /** Version of the package `@coterie/admin` of the command. */
  version: Schema.String,
  /** Wall clock of the command, in milliseconds since 1970. */
  at: Schema.Number,
  cluster: Report.ClusterReport,
  nodes: Schema.Array(Report.NodeReport),
  missing: Schema.Array(Schema.Struct({ name: Schema.String, message: Schema.String })),
  events: Schema.Array(Report.NodeEvent),
})

/**
 * A finding of `coterie doctor`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finding extends Schema.Schema.Type<typeof Finding> {}

/**
 * Schema of a finding of `coterie doctor`.
 *
 * - `ok`: the check found no problem.
 * - `warn`: something that can be intended, or that may become a problem.
 * - `fail`: a problem.
 * - `skipped`: the check needs something that was not given; `message` says what.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Finding = Schema.Struct({
  /** Name of the check in one word, such as `clocks`. */
  check: Schema.String,
  level: Schema.Literals(["ok", "warn", "fail", "skipped"]),
  /** One sentence. */
  message: Schema.String,
  /** One or more sentences that say what to do. */
  advice: Schema.optionalKey(Schema.String),
})

/**
 * Schema of the output of `coterie doctor`. `level` is the worst level of the findings.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Doctor = Schema.Struct({
  schema,
  level: Schema.Literals(["ok", "warn", "fail"]),
  findings: Schema.Array(Finding),
})
