/** Replays an artifact, and tells whether the failure is still the recorded one. */
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

/** An artifact and the result of its replay. */
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

/** Returns the file beside an artifact with another ending. */
export const beside = (artifactFile: string, ending: string): string =>
  path.join(path.dirname(artifactFile), `${path.basename(artifactFile, ".json")}${ending}`)

const Data = Schema.fromJsonString(Schema.Struct({ trace: Trace.Trace }))
const decodeData = Schema.decodeUnknownOption(Data)

/** Reads the trace that a picture shows. */
export const traceOf = (html: string): Option.Option<Trace.Trace> => {
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1]
  return Option.map(decodeData(data), ({ trace }) => trace)
}

/** Reads the recorded trace from the picture, if it is still there: an artifact has only the hash. */
const recorded = (artifactFile: string): Option.Option<Trace.Trace> => {
  const picture = beside(artifactFile, ".html")
  return fs.existsSync(picture) ? traceOf(fs.readFileSync(picture, "utf8")) : Option.none()
}

/** Describes the first difference between the replay and the recorded run. */
const differences = ({ artifact, replayed }: ArtifactReplay, artifactFile: string): ReadonlyArray<string> =>
  replayed.traceHash === artifact.traceHash
    ? []
    : [
        `The run is not the recorded one: its trace hash is ${replayed.traceHash}, and ${artifact.traceHash} was recorded. ` +
          "The program, the testkit or Effect has changed since.",
        Option.match(recorded(artifactFile), {
          onNone: () =>
            `Where they part is not known: the picture with the recorded trace is not beside the artifact any more.`,
          onSome: (trace) => {
            const first = Difference.difference(trace, replayed.trace)
            return first === undefined
              ? "Their events are the same; what differs is the bytes that were sent, or the steps in between."
              : `Recorded (the one) and now (the other): ${first.sentence}.`
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
      `${what} does not fail any more: ${artifact.failure._tag} was recorded, and now everything holds.`,
      ...(changes.length === 0
        ? ["The run is the same, step by step: it is the check that has changed."]
        : [
            changes[0] ?? "",
            "To see whether it is mended or only moved, run the seed again and others: coterie-sim swarm.",
          ]),
    )
  }
  const told = [
    `${failure.tag} in ${what}`,
    ...indent(failure.message),
    ...(failure.stack === undefined ? [] : indent(failure.stack)),
    ...(sentences.length === 0 ? [] : ["  What it takes:", ...sentences.map((sentence) => `    - ${sentence}`)]),
    "",
  ]
  if (asRecorded) {
    return say(
      exits.failures,
      ...told,
      ...(changes.length === 0
        ? ["It fails as recorded, step by step."]
        : ["It still fails the same check.", ...changes]),
    )
  }
  return say(
    exits.unclear,
    ...told,
    ...(failure.tag === "NonDeterministic"
      ? ["Two replays of the artifact are not the same, so it cannot be told whether it fails as recorded."]
      : [`It fails, but not as recorded, which was ${artifact.failure._tag}: ${artifact.failure.message}`, ...changes]),
  )
}
