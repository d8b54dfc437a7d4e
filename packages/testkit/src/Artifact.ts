/**
 * A failure as a file: what it takes to see it again, also when other seeds mean something else by now. It is JSON
 * that people read and compare: one fault per line, and one line for the draws of each stream.
 *
 * ```json
 * "deviations": {
 *   "delay a>b": [[0,1200,900,1100],[7,300]],
 *   "loss a>b": [[2,1]]
 * }
 * ```
 *
 * Each list begins with the place of its first draw in the stream, counted from 0; the values from there on follow.
 * What is in no list was benign.
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
 * The form of the file. Another form is another number.
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

/** A place, and the values from there on. */
const Run = Schema.TupleWithRest(Schema.Tuple([Count]), [Value]).check(
  Schema.isMinLength(2, { expected: "a place and the values from there on" }),
)

/** The draws of one stream: in the file runs of them, since most streams have either few draws or no gaps. */
const Stream = Schema.Array(Run).pipe(
  Schema.decodeTo(
    Schema.Record(Schema.String, Schema.Int),
    SchemaTransformation.transformEffect({
      decode: (runs: ReadonlyArray<readonly [number, ...ReadonlyArray<number>]>, options) => {
        const draws: Record<string, number> = {}
        let next = 0
        for (const [first, ...values] of runs) {
          if (first < next) {
            const expected = `draws in their order, each once; place ${first} comes after place ${next - 1}`
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
        // Keys that are whole numbers are in their order by themselves.
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
 * A failure that can be replayed.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Artifact = Schema.Struct({
  version: Schema.Literal(version),
  /** The version of the testkit that wrote it. */
  testkit: Schema.String,
  /** The name of the scenario. */
  scenario: Schema.String,
  /** Of the scenario's name and options: tells whether they have changed since. */
  fingerprint: Schema.String,
  seed: Count,
  explore: Explore,
  /** Of the run that these faults and draws give. */
  traceHash: Schema.String,
  failure: Failure,
  /** What is left after shrinking, for people. */
  sentences: Schema.optionalKey(Schema.Array(Schema.String)),
  /** How much there was before it was shrunk, in how many runs, and whether everything was tried. */
  shrunk: Schema.optionalKey(
    Schema.Struct({ from: Schema.Struct({ faults: Count, draws: Count }), runs: Count, minimal: Schema.Boolean }),
  ),
  /** What the network was like: it says which draws are made. */
  network: FaultPlan.Network,
  /** The faults as they happened, in the order of time. */
  timeline: Schema.Array(FaultPlan.Fault),
  /** The draws that were not benign, by stream and place. */
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
 * The text of the file: the same for the same failure, whatever the order in which it was put together.
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

/** How deep values get lines of their own. */
const broken = 2

/** JSON, with a line for each part down to {@link broken}; below that a value stays on its line. */
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
  // Numbers stand close: there may be a hundred thousand of them.
  if (Array.isArray(value))
    return `[${value.map(line).join(value.some((item) => typeof item === "string") ? ", " : ",")}]`
  if (!isRecord(value)) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${line(item)}`)
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`
}

const wrong = (message: string): SimulationError => new SimulationError({ reason: "artifact", message })

/**
 * Reads the text of a file.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (text: string): Result.Result<Artifact, SimulationError> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause) =>
      wrong(
        `the artifact is not JSON (${cause instanceof Error ? cause.message : String(cause)}): it was cut off, or is ` +
          "another file. Give the file as the simulation wrote it, or run the seed again to get it anew.",
      ),
  }).pipe(Result.flatMap(decodeJson))

const decodeJson = (json: unknown): Result.Result<Artifact, SimulationError> => {
  if (!isRecord(json) || json["version"] === undefined) {
    return Result.fail(
      wrong(
        "the file is JSON, but no artifact: an artifact has a version. Give the file that the simulation wrote when it " +
          "failed.",
      ),
    )
  }
  if (json["version"] !== version) return Result.fail(wrong(otherVersion(json)))
  return Result.mapError(fromJson(json), ({ message }) =>
    wrong(
      `the artifact cannot be read: ${message.replaceAll(/\s*\n\s*/g, " ")}. Correct it if it was edited, or ` +
        `${again(json)} to get it anew.`,
    ),
  )
}

const otherVersion = (json: Readonly<Record<string, unknown>>): string => {
  const wrote = typeof json["testkit"] === "string" ? `@coterie/testkit ${json["testkit"]}` : "the testkit"
  return (
    `the artifact has version ${JSON.stringify(json["version"])} and this testkit reads version ${version}. Replay it with ` +
    `${wrote}, which wrote it; or ${again(json)}: often the seed alone still finds the failure.`
  )
}

/** How to get there without the artifact, from whatever can be read of it. */
const again = ({ explore, scenario, seed }: { readonly [key: string]: unknown }): string =>
  [
    typeof scenario === "string" ? `run "${scenario}" again` : "run the scenario again",
    ...(isSeed(seed) ? [`with seed ${seed}`] : []),
    ...(isExplore(explore) ? [`and explore "${explore}"`] : []),
  ].join(" ")

/**
 * Whether the artifact is of this scenario, and the scenario still the same.
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
      wrong(`the artifact is of the scenario "${artifact.scenario}" and not of "${scenario}": replay it with that one`),
    )
  }
  if (artifact.fingerprint !== fingerprint) {
    return Result.fail(
      wrong(
        `the options of the scenario "${scenario}" have changed since the artifact was written, so its faults and draws ` +
          `mean something else now. Replay it with the sources of that time; or ${again(artifact)}: often the seed ` +
          "alone still finds the failure.",
      ),
    )
  }
  return Result.void
}
