/** Messages between a runner and the process that started it, one JSON object per line. */
import * as Schema from "effect/Schema"

export const Options = Schema.Struct({
  name: Schema.String,
  seeds: Schema.Array(Schema.String),
  database: Schema.Struct({
    host: Schema.String,
    port: Schema.Int,
    username: Schema.String,
    database: Schema.String,
  }),
  /** First part of the names of the tables. */
  prefix: Schema.String,
  /**
   * - `coterie`: `CoterieCluster.layer`. `client`: `CoterieCluster.layerClientOnly`.
   * - `responder`: Effect's sockets, the health check and the responder of the peers.
   * - `health`: Effect's sockets and the health check of the peers.
   * - `ping`: Effect's sockets and Effect's health check.
   */
  mode: Schema.Literals(["coterie", "client", "responder", "health", "ping"]),
  /** Port of the runner, in the modes with sockets of Effect. */
  port: Schema.optionalKey(Schema.Int),
  sharding: Schema.Struct({
    shardLockExpiration: Schema.optionalKey(Schema.Finite),
    shardLockDisableAdvisory: Schema.optionalKey(Schema.Boolean),
    runnerHealthCheckInterval: Schema.optionalKey(Schema.Finite),
    refreshAssignmentsInterval: Schema.optionalKey(Schema.Finite),
  }),
})
export type Options = typeof Options.Type

/** Message of a runner on its standard output. `at` is in milliseconds of the monotonic clock, which all processes of a machine share on Linux. */
export const Report = Schema.Union([
  /** The engine runs. */
  Schema.TaggedStruct("Started", { address: Schema.String, runner: Schema.String }),
  /** Nodes of the entities, in the order of the command. An empty text is an entity that did not answer in time. */
  Schema.TaggedStruct("Places", { id: Schema.Int, at: Schema.Number, nodes: Schema.Array(Schema.String) }),
  /** A deposit is done: the node that carried it out, or the error. */
  Schema.TaggedStruct("Done", { deposit: Schema.String, result: Schema.String }),
  /** A deposit was carried out here. */
  Schema.TaggedStruct("CarriedOut", { deposit: Schema.String }),
  /** `true` if this runner checks the health of the others. */
  Schema.TaggedStruct("Holder", { id: Schema.Int, holds: Schema.Boolean }),
])
export type Report = typeof Report.Type

/** Message to a runner on its standard input. */
export const Command = Schema.Union([
  /** Calls entities, each at most for a time in milliseconds. */
  Schema.TaggedStruct("Locate", { id: Schema.Int, entities: Schema.Array(Schema.String), within: Schema.Int }),
  /** Makes a persisted deposit. */
  Schema.TaggedStruct("Deposit", { deposit: Schema.String, entity: Schema.String }),
  Schema.TaggedStruct("AskHolder", { id: Schema.Int }),
])
export type Command = typeof Command.Type

export const encodeReport = Schema.encodeSync(Schema.fromJsonString(Report))
export const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))
export const encodeCommand = Schema.encodeSync(Schema.fromJsonString(Command))
export const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))
export const encodeOptions = Schema.encodeSync(Schema.fromJsonString(Options))
export const decodeOptions = Schema.decodeUnknownSync(Schema.fromJsonString(Options))
