/**
 * Failure as a file. It holds the faults and draws of the run, so that a replay works even if the seed gives another
 * run in a later version. The file is JSON for people to read and compare: one fault per line, and one line for the
 * draws of each stream.
 *
 * ```json
 * "deviations": {
 *   "delay a>b": [[0,1200,900,1100],[7,300]],
 *   "loss a>b": [[2,1]]
 * }
 * ```
 *
 * Each list begins with the place of its first draw in the stream, counted from 0. The values from that place on
 * follow. Draws that are in no list were benign.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as FaultPlan from "./FaultPlan.ts"
import { Failure, SimulationError } from "./SimulationError.ts"

/**
 * Version of the file format.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = 1

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Explore = Schema.Literals(["fifo", "random", "preempt"])

const Value = Schema.Int.check(
  Schema.isGreaterThanOrEqualTo(1, { expected: "1 or more, because benign draws are left out" }),
)

/** Place of a draw, and the values from that place on. */
const Run = Schema.TupleWithRest(Schema.Tuple([Count]), [Value]).check(
  Schema.isMinLength(2, { expected: "a place and the values from there on" }),
)

/** Draws of one stream. The file has runs of draws, since most streams have either few draws or no gaps. */
const Stream = Schema.Array(Run).pipe(
  Schema.decodeTo(
    Schema.Record(Schema.String, Schema.Int),
    SchemaTransformation.transformEffect({
      decode: (runs: ReadonlyArray<readonly [number, ...ReadonlyArray<number>]>, options) => {
        const draws: Record<string, number> = {}
        let next = 0
        for (const [first, ...values] of runs) {
          if (first < next) {
            const expected = `draws in ascending order, each once, but place ${first} follows place ${next - 1}`
            return Effect.fail(new SchemaIssue.InvalidValue({ expected }, runs, options))
          }
          next = first
          for (const value of values) draws[next++] = value
        }
        return Effect.succeed(draws)
      },
      encode: (draws: { readonly [place: string]: number }) => {
        const runs: Array<[number, ...Array<number>]> = []
        let run: [number, ...Array<number>] | undefined
        let next = -1
        // JavaScript keeps keys that are whole numbers in ascending order.
        for (const place of Object.keys(draws).map(Number)) {
          const value = draws[place] ?? 0
          if (value === 0) continue
          if (run === undefined || place !== next) {
            run = [place]
            runs.push(run)
          }
          run.push(value)
          next = place + 1
        }
        return Effect.succeed(runs)
      },
    }),
  ),
)

/**
 * Schema of a failure that can be replayed.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Artifact = Schema.Struct({
  version: Schema.Literal(version),
  /** Version of the testkit that wrote the artifact. */
  testkit: Schema.String,
  /** Name of the scenario. */
  scenario: Schema.String,
  /** Hash of the scenario's name and options. A replay compares it to detect changes. */
  fingerprint: Schema.String,
  seed: Count,
  explore: Explore,
  /** Trace hash of the run that these faults and draws give. */
  traceHash: Schema.String,
  failure: Failure,
  /** Faults and draws as sentences, after shrinking. */
  sentences: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Size before shrinking, number of runs, and `true` if nothing more can be left out. */
  shrunk: Schema.optionalKey(
    Schema.Struct({ from: Schema.Struct({ faults: Count, draws: Count }), runs: Count, minimal: Schema.Boolean }),
  ),
  /** Conditions of the network. They determine which draws are made. */
  network: FaultPlan.Network,
  /** Faults as they happened, in the order of time. */
  timeline: Schema.Array(FaultPlan.Fault),
  /** Draws that were not benign, by stream and place. */
  deviations: Schema.Record(Schema.String, Stream),
})
/**
 * Failure that can be replayed.
 *
 * @category models
 * @since 0.1.0
 */
export type Artifact = typeof Artifact.Type

const toJson = Schema.encodeSync(Artifact)
const fromJson = Schema.decodeUnknownResult(Artifact)
const isSeed = Schema.is(Count)
const isExplore = Schema.is(Explore)

/**
 * Encodes an artifact as the text of a file. Equal failures give equal texts, whatever the order of their keys.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (artifact: Artifact): string => {
  const json = toJson(artifact)
  const streams = Object.entries(json.deviations).filter(([, runs]) => runs.length > 0)
  const deviations = Object.fromEntries(streams.sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${lines({ ...json, deviations }, "")}\n`
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Depth down to which each value has a line of its own. */
const broken = 2

/**
 * Formats JSON with one line per value down to the depth {@link broken}. Deeper values stay on the line of their
 * parent.
 */
const lines = (value: unknown, indent: string): string => {
  if (indent.length / 2 < broken) {
    const inner = `${indent}  `
    const among = (parts: ReadonlyArray<string>): string => `\n${inner}${parts.join(`,\n${inner}`)}\n${indent}`
    if (Array.isArray(value) && value.length > 0) return `[${among(value.map((item) => lines(item, inner)))}]`
    if (isRecord(value) && Object.keys(value).length > 0) {
      return `{${among(Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${lines(item, inner)}`))}}`
    }
  }
  return line(value)
}

const line = (value: unknown): string => {
  // Lists of numbers have no spaces, since they may have a hundred thousand items.
  if (Array.isArray(value))
    return `[${value.map(line).join(value.some((item) => typeof item === "string") ? ", " : ",")}]`
  if (!isRecord(value)) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${line(item)}`)
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`
}

const wrong = (message: string): SimulationError => new SimulationError({ reason: "artifact", message })

/**
 * Decodes the text of a file. Fails with `SimulationError` and the reason `artifact` if the text is not JSON, is not an
 * artifact, or has another version.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (text: string): Result.Result<Artifact, SimulationError> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause) =>
      wrong(
        `the artifact is not JSON (${cause instanceof Error ? cause.message : String(cause)}): it is truncated, or is ` +
          "another file. Use the file as the simulation wrote it, or run the seed again to write a new one.",
      ),
  }).pipe(Result.flatMap(decodeJson))

const decodeJson = (json: unknown): Result.Result<Artifact, SimulationError> => {
  if (!isRecord(json) || json["version"] === undefined) {
    return Result.fail(
      wrong(
        "the file is JSON but not an artifact, because it has no version. Use the file that the simulation wrote when it " +
          "failed.",
      ),
    )
  }
  if (json["version"] !== version) return Result.fail(wrong(otherVersion(json)))
  return Result.mapError(fromJson(json), ({ message }) =>
    wrong(
      `the artifact cannot be read: ${message.replaceAll(/\s*\n\s*/g, " ")}. Correct it if it was edited, or ` +
        `${again(json)} to write a new one.`,
    ),
  )
}

const otherVersion = (json: Readonly<Record<string, unknown>>): string => {
  const wrote = typeof json["testkit"] === "string" ? `@coterie/testkit ${json["testkit"]}` : "the testkit"
  return (
    `the artifact has version ${JSON.stringify(json["version"])} and this testkit reads version ${version}. Replay it with ` +
    `${wrote}, which wrote it; or ${again(json)}: often the seed alone still reproduces the failure.`
  )
}

/** Returns the advice to run the scenario again, with the seed and order if the artifact has them. */
const again = ({ explore, scenario, seed }: { readonly [key: string]: unknown }): string =>
  [
    typeof scenario === "string" ? `run "${scenario}" again` : "run the scenario again",
    ...(isSeed(seed) ? [`with seed ${seed}`] : []),
    ...(isExplore(explore) ? [`and explore "${explore}"`] : []),
  ].join(" ")

/**
 * Checks that the artifact belongs to this scenario, and that the options of the scenario have not changed. Otherwise
 * fails with `SimulationError` and the reason `artifact`.
 *
 * @category guards
 * @since 0.1.0
 */
export const matches = (
  artifact: Artifact,
  scenario: string,
  fingerprint: string,
): Result.Result<void, SimulationError> => {
  if (artifact.scenario !== scenario) {
    return Result.fail(
      wrong(
        `the artifact belongs to the scenario "${artifact.scenario}" and not to "${scenario}": replay it with its own scenario`,
      ),
    )
  }
  if (artifact.fingerprint !== fingerprint) {
    return Result.fail(
      wrong(
        `the options of the scenario "${scenario}" have changed since the artifact was written, so its faults and draws ` +
          `have another meaning now. Replay it with the sources of that time; or ${again(artifact)}: often the seed ` +
          "alone still reproduces the failure.",
      ),
    )
  }
  return Result.void
}
