/**
 * What can be said on the command line. The modules of `effect/cli` are not promised to stay as they are, so this is the
 * only one that uses them.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Files from "../node/files.ts"
import * as Seeds from "../Seeds.ts"
import { SimulationError } from "../SimulationError.ts"
import * as Trace from "../Trace.ts"
import { exits } from "./exits.ts"
import type { ThreadDied } from "./pool.ts"
import * as Replay from "./replay.ts"
import * as Scenarios from "./scenarios.ts"
import * as Summary from "./summary.ts"
import * as Swarm from "./swarm.ts"

/** What the command knows of the process that it is. */
export interface Process {
  /** The program, which threads run as well. */
  readonly bin: URL
  readonly version: string
  /** How this command is called, for lines to copy. */
  readonly self: string
  readonly args: ReadonlyArray<string>
  /** Says what was asked for. */
  readonly print: (text: string) => void
  /** Says what is wrong. */
  readonly complain: (text: string) => void
  /** Says where a swarm is, over what was said before if that is a terminal. */
  readonly progress: { readonly everyMillis: number; readonly say: (line: string) => void; readonly clear: () => void }
  readonly interrupt: Effect.Effect<void>
  readonly exit: (code: number) => void
}

/** Seeds of a swarm where nobody says which: as many as it takes until every kind of fault must have come. */
const defaultSeeds: Seeds.Seeds = { from: 1, to: 100 }

const wrong = (reason: SimulationError["reason"], message: string): SimulationError =>
  new SimulationError({ reason, message })

/** Reads a time such as `90s` or `10m`, in milliseconds. */
const readTime = (text: string): Result.Result<number, SimulationError> => {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? []
  const millis = Number(amount) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 0)
  return millis > 0
    ? Result.succeed(millis)
    : Result.fail(wrong("options", `--time ${text} is no time: write 90s, 10m or 2h`))
}

const readCount = (name: string, value: number | undefined): Result.Result<number | undefined, SimulationError> =>
  value === undefined || value >= 1
    ? Result.succeed(value)
    : Result.fail(wrong("options", `--${name} ${value} is none: give a number from 1`))

/** Which seeds, and for how long. */
const readSeeds = (flags: {
  readonly seeds: string | undefined
  readonly time: string | undefined
  readonly base: string | undefined
}): Result.Result<{ readonly seeds: Seeds.Seeds; readonly millis: number | undefined }, SimulationError> =>
  Result.gen(function* () {
    if (flags.seeds !== undefined && flags.time !== undefined) {
      return yield* Result.fail(
        wrong("options", "--seeds and --time exclude each other: the one says which seeds, the other for how long"),
      )
    }
    const base = flags.base === undefined ? 0 : Seeds.base(flags.base)
    if (flags.time !== undefined) {
      const millis = yield* readTime(flags.time)
      return { seeds: yield* Seeds.make(base + 1, Number.MAX_SAFE_INTEGER), millis }
    }
    const { from, to } = flags.seeds === undefined ? defaultSeeds : yield* Seeds.parse(flags.seeds)
    return { seeds: yield* Seeds.make(base + from, base + to), millis: undefined }
  })

/** A word as a shell reads it. */
const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

const line = (...words: ReadonlyArray<string | undefined>): string =>
  words.flatMap((word) => (word === undefined ? [] : [quoted(word)])).join(" ")

const file = Argument.String("FILE").pipe(
  Argument.withDescription(
    `The module that exports the scenarios, also in arrays and records (default: ${Scenarios.defaultFiles.join(" or ")})`,
  ),
  Argument.optional,
)

const artifact = Argument.String("ARTIFACT").pipe(
  Argument.withDescription("The file that was written when a scenario failed"),
)

const swarm = (self: Process) =>
  Command.make(
    "swarm",
    {
      file,
      seeds: Flag.String("seeds").pipe(
        Flag.withMetavar("1..10000"),
        Flag.withDescription(`The seeds, or one (default: ${defaultSeeds.from}..${defaultSeeds.to})`),
        Flag.optional,
      ),
      time: Flag.String("time").pipe(
        Flag.withMetavar("10m"),
        Flag.withDescription("Run seeds for so long instead: 90s, 10m, 2h"),
        Flag.optional,
      ),
      base: Flag.String("base").pipe(
        Flag.withMetavar("TEXT"),
        Flag.withDescription("Count the seeds from a place of this text's own, such as the hash of a commit"),
        Flag.optional,
      ),
      workers: Flag.Int("workers").pipe(
        Flag.withDescription("Threads, which change nothing but the time it takes (default: one per processor)"),
        Flag.optional,
      ),
      explore: Flag.Literals("explore", ["fifo", "random", "preempt"]).pipe(
        Flag.withDescription("The order in which what is ready runs (default: that of the scenario, or by the seed)"),
        Flag.optional,
      ),
      shrink: Flag.Boolean("shrink").pipe(
        Flag.withDescription("Look for the least that still fails"),
        Flag.withDefault(true),
      ),
      out: Flag.String("out").pipe(
        Flag.withMetavar("DIR"),
        Flag.withDescription("The folder for artifacts and pictures of failures"),
        Flag.withDefault(Files.defaultDir),
      ),
      json: Flag.Boolean("json").pipe(
        Flag.withDescription("Print the summary as one JSON object"),
        Flag.withDefault(false),
      ),
      scenario: Flag.String("scenario").pipe(
        Flag.withMetavar("NAME"),
        Flag.withDescription("Only this scenario (default: each seed runs all of them)"),
        Flag.optional,
      ),
      stopAfter: Flag.Int("stop-after").pipe(
        Flag.withDescription("End with the seed of so many failures"),
        Flag.optional,
      ),
    },
    (given) =>
      Effect.gen(function* () {
        const scenario = Option.getOrUndefined(given.scenario)
        const explore = Option.getOrUndefined(given.explore)
        const named = Option.getOrUndefined(given.file)
        const { millis, seeds } = yield* Effect.fromResult(
          readSeeds({
            seeds: Option.getOrUndefined(given.seeds),
            time: Option.getOrUndefined(given.time),
            base: Option.getOrUndefined(given.base),
          }),
        )
        const workers = yield* Effect.fromResult(readCount("workers", Option.getOrUndefined(given.workers)))
        const stopAfter = yield* Effect.fromResult(readCount("stop-after", Option.getOrUndefined(given.stopAfter)))
        const located = yield* Effect.fromResult(Scenarios.locate(named))
        const { progress } = self
        const summary = yield* Swarm.run({
          bin: self.bin,
          file: located,
          scenario,
          explore,
          shrink: given.shrink,
          seeds,
          millis,
          workers,
          stopAfter,
          out: given.out,
          replay: (artifact) => `${self.self} ${line("replay", artifact, named)}`,
          again: (seed) =>
            seed === undefined
              ? `${self.self} ${self.args.map(quoted).join(" ")}`
              : `${self.self} ${line(
                  "swarm",
                  named,
                  "--seeds",
                  String(seed),
                  ...(scenario === undefined ? [] : ["--scenario", scenario]),
                  ...(explore === undefined ? [] : ["--explore", explore]),
                )}`,
          interrupt: self.interrupt,
          everyMillis: progress.everyMillis,
          tell: (state) => progress.say(Summary.progress(state)),
        }).pipe(Effect.ensuring(Effect.sync(progress.clear)))
        self.print(given.json ? `${JSON.stringify(summary, undefined, 2)}\n` : Summary.text(summary))
        self.exit(summary.failures.length > 0 ? exits.failures : summary.interrupted ? exits.interrupted : exits.fine)
      }),
  ).pipe(
    Command.withDescription("Run scenarios over many seeds; exit code 1 if one of them fails"),
    Command.withShortDescription("Run scenarios over many seeds"),
    Command.withExamples([
      { command: "coterie-sim swarm --seeds 1..10000", description: "All scenarios of coterie.sim.ts" },
      { command: "coterie-sim swarm test/lease.sim.ts --time 10m --base $(git rev-parse HEAD)", description: "In CI" },
    ]),
  )

const replay = (self: Process) =>
  Command.make("replay", { artifact, file }, (given) =>
    Effect.gen(function* () {
      const located = yield* Effect.fromResult(Scenarios.locate(Option.getOrUndefined(given.file)))
      const again = yield* Replay.run(self.bin, given.artifact, located)
      const { code, text } = Replay.verdict(again, given.artifact)
      self.print(text)
      self.exit(code)
    }),
  ).pipe(
    Command.withDescription(
      "Run an artifact again; exit code 1 if it fails as recorded, 0 if it does not fail any more, 3 if it cannot be told",
    ),
    Command.withShortDescription("Run an artifact again"),
  )

const formats = {
  html: { ending: ".html", show: undefined },
  jsonl: { ending: ".jsonl", show: Trace.toJsonl },
  shiviz: { ending: ".shiviz.log", show: Trace.toShiViz },
} as const

const viz = (self: Process) =>
  Command.make(
    "viz",
    {
      artifact,
      file,
      out: Flag.String("out").pipe(
        Flag.withMetavar("FILE"),
        Flag.withDescription("Where to write it (default: beside the artifact)"),
        Flag.optional,
      ),
      format: Flag.Literals("format", ["html", "jsonl", "shiviz"]).pipe(
        Flag.withDescription("A page, lines of JSON, or a log for ShiViz"),
        Flag.withDefault("html" as const),
      ),
    },
    (given) =>
      Effect.gen(function* () {
        const named = Option.getOrUndefined(given.file)
        const located = yield* Effect.fromResult(Scenarios.locate(named))
        const { artifact, replayed } = yield* Replay.run(self.bin, given.artifact, located)
        const { ending, show } = formats[given.format]
        const { failure, trace, traceHash } = replayed
        const same = traceHash === artifact.traceHash
        // The picture of the recorded run stays: it alone can tell where this one parts from it.
        const out = Option.getOrElse(given.out, () => Replay.beside(given.artifact, same ? ending : `-now${ending}`))
        const text =
          show === undefined
            ? Trace.toHtml(trace, {
                title: artifact.scenario,
                ...(failure === undefined ? {} : { failure: `${failure.tag}: ${failure.message}` }),
                replay: `${self.self} ${line("replay", given.artifact, named)}`,
                ...(same ? { sentences: artifact.sentences } : {}),
              })
            : show(trace)
        yield* Effect.try({
          try: () => {
            fs.mkdirSync(path.dirname(path.resolve(out)), { recursive: true })
            fs.writeFileSync(out, text)
          },
          catch: (cause) => wrong("options", `${out} cannot be written: ${String(cause)}`),
        })
        self.print(`${Files.shown(path.resolve(out))}\n`)
        if (!same) self.complain("The run is not the recorded one; coterie-sim replay tells more.\n")
      }),
  ).pipe(
    Command.withDescription("Run an artifact again and draw what happens; prints the name of the file"),
    Command.withShortDescription("Draw the run of an artifact"),
  )

/** Says what is wrong, and not the whole help with it. */
const presenter = (self: Process) =>
  CliOutput.layerPresenter({
    present: (event) => {
      if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
      const { commandPath, errors } = event
      return Effect.map(CliOutput.Formatter, ({ formatErrors }) =>
        self.complain(`${formatErrors(errors).trim()}\n\n${commandPath.join(" ")} --help tells more.\n`),
      )
    },
  })

/** What `effect/cli` asks for, and of what it brings along only what is of use here. */
const layer = (self: Process) =>
  Layer.mergeAll(
    NodeServices.layer,
    presenter(self),
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
  )

const refuse = (self: Process, code: number) => (error: SimulationError | ThreadDied) =>
  Effect.sync(() => {
    self.complain(`coterie-sim: ${error.message}\n`)
    self.exit(code)
  })

/** Runs what the arguments say, and sets the exit code. */
export const run = (self: Process): Effect.Effect<void> =>
  Command.make("coterie-sim").pipe(
    Command.withDescription("Simulates distributed programs: over many seeds, again, and as a picture"),
    Command.withSubcommands([swarm(self), replay(self), viz(self)]),
    (command) => Command.runWith(command, { version: self.version })(self.args),
    Effect.catchTags({
      SimulationError: refuse(self, exits.misuse),
      ThreadDied: refuse(self, exits.unclear),
    }),
    // The command line was wrong, which has been told; or help was asked for.
    Effect.catch((error) =>
      Effect.sync(() => self.exit(error._tag === "ShowHelp" && error.errors.length === 0 ? exits.fine : exits.misuse)),
    ),
    Effect.provide(layer(self)),
  )
