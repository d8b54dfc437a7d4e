/** Replay of an artifact, and comparison with the recorded failure. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Artifact from "../Artifact.ts"
import * as Difference from "../Difference.ts"
import { SimulationError } from "../SimulationError.ts"
import * as Trace from "../Trace.ts"
import * as SimulationThread from "./SimulationThread.ts"
import type { Replayed } from "./protocol.ts"
import { exits } from "./exits.ts"

/** Artifact with the result of its replay. */
export interface ArtifactReplay {
  readonly artifact: Artifact.Artifact
  readonly replayed: Replayed
}

/** Replays an artifact in a thread of its own. */
export const run = (
  bin: URL,
  artifactFile: string,
  file: string,
): Effect.Effect<ArtifactReplay, SimulationError | SimulationThread.ThreadDied> =>
  Effect.gen(function* () {
    const text = yield* Effect.try({
      try: () => fs.readFileSync(artifactFile, "utf8"),
      catch: (cause) =>
        new SimulationError({
          reason: "artifact",
          message: `the artifact "${artifactFile}" cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
        }),
    })
    const artifact = yield* Effect.fromResult(Artifact.decode(text))
    const { thread } = yield* SimulationThread.open(bin, {
      file,
      scenario: undefined,
      explore: undefined,
      shrink: false,
      isolate: false,
    })
    return { artifact, replayed: yield* thread.replay(text) }
  }).pipe(Effect.scoped)

/** Returns the path of a file beside an artifact, with another ending. */
export const beside = (artifactFile: string, ending: string): string =>
  path.join(path.dirname(artifactFile), `${path.basename(artifactFile, ".json")}${ending}`)

const Data = Schema.fromJsonString(Schema.Struct({ trace: Trace.Trace }))
const decodeData = Schema.decodeUnknownOption(Data)

/** Decodes the trace in a picture. */
export const traceOf = (html: string): Option.Option<Trace.Trace> => {
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1]
  return Option.map(decodeData(data), ({ trace }) => trace)
}

/** Reads the recorded trace from the picture beside the artifact, if it exists. An artifact has only the hash. */
const recorded = (artifactFile: string): Option.Option<Trace.Trace> => {
  const picture = beside(artifactFile, ".html")
  return fs.existsSync(picture) ? traceOf(fs.readFileSync(picture, "utf8")) : Option.none()
}

/** Describes the first difference between the replay and the recorded run. */
const differences = ({ artifact, replayed }: ArtifactReplay, artifactFile: string): ReadonlyArray<string> =>
  replayed.traceHash === artifact.traceHash
    ? []
    : [
        `The run differs from the recorded run: its trace hash is ${replayed.traceHash}, and ${artifact.traceHash} was recorded. ` +
          "The program, the testkit or Effect has changed since.",
        Option.match(recorded(artifactFile), {
          onNone: () =>
            `The first difference is not known, because the picture with the recorded trace is not beside the artifact.`,
          onSome: (trace) => {
            const first = Difference.difference(trace, replayed.trace)
            return first === undefined
              ? "Their events are the same. The bytes that were sent, or the steps between the events, differ."
              : `Comparing the recorded run (the one) with this run (the other), ${first.sentence}.`
          },
        }),
      ]

const indent = (text: string): ReadonlyArray<string> => text.split("\n").map((line) => `  ${line}`)

/** Returns the text to print, and the exit code. */
export const verdict = (
  replay: ArtifactReplay,
  artifactFile: string,
): { readonly text: string; readonly code: number } => {
  const { artifact, replayed } = replay
  const { asRecorded, failure } = replayed
  const { explore, scenario, seed, sentences = [] } = artifact
  const changes = differences(replay, artifactFile)
  const say = (code: number, ...lines: ReadonlyArray<string>) => ({ code, text: `${lines.join("\n")}\n` })
  const what = `"${scenario}", seed ${seed} (${explore})`

  if (failure === undefined) {
    return say(
      exits.fine,
      `${what} does not fail any more: ${artifact.failure._tag} was recorded, and now all checks hold.`,
      ...(changes.length === 0
        ? ["The run is the same, step by step, so the check has changed."]
        : [
            changes[0] ?? "",
            "The fault may be corrected, or may occur with other seeds. Run this seed and others: coterie-sim swarm.",
          ]),
    )
  }
  const description = [
    `${failure.tag} in ${what}`,
    ...indent(failure.message),
    ...(failure.stack === undefined ? [] : indent(failure.stack)),
    ...(sentences.length === 0 ? [] : ["  What it takes:", ...sentences.map((sentence) => `    - ${sentence}`)]),
    "",
  ]
  if (asRecorded) {
    return say(
      exits.failures,
      ...description,
      ...(changes.length === 0
        ? ["It fails as recorded, step by step."]
        : ["It still fails the same check.", ...changes]),
    )
  }
  return say(
    exits.unclear,
    ...description,
    ...(failure.tag === "NonDeterministic"
      ? ["Two replays of the artifact differ, so they cannot be compared with the recorded failure."]
      : [
          `It fails, but not as recorded. The recorded failure was ${artifact.failure._tag}: ${artifact.failure.message}`,
          ...changes,
        ]),
  )
}
