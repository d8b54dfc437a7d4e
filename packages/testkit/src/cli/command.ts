/** Command line of `coterie-sim`. The modules of `effect/cli` are unstable, so only this module uses them. */
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
import * as Replay from "./replay.ts"
import * as Report from "./report.ts"
import * as Scenarios from "./scenarios.ts"
import type { ThreadDied } from "./SimulationThread.ts"
import * as Swarm from "./swarm.ts"

/** Process of the command: its arguments, its output, its signals and its exit code. */
export interface Invocation {
  /** Program of the command and of its threads. */
  readonly bin: URL
  readonly version: string
  /** Text with which a user calls this command, for lines to copy. */
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** Prints a result. */
  readonly print: (text: string) => void
  /** Prints an error. */
  readonly printError: (text: string) => void
  /** Prints the progress of a swarm. On a terminal each line replaces the line before. */
  readonly progress: {
    readonly everyMillis: number
    readonly print: (line: string) => void
    readonly clear: () => void
  }
  readonly interrupt: Effect.Effect<void>
  readonly exit: (code: number) => void
}

/** Default seeds of a swarm. With so many, every configured kind of fault must have occurred. */
const defaultSeeds: Seeds.Seeds = { from: 1, to: 100 }

const wrong = (reason: SimulationError["reason"], message: string): SimulationError =>
  new SimulationError({ reason, message })

/** Parses a time such as `90s` or `10m`. Returns milliseconds. */
const readTime = (text: string): Result.Result<number, SimulationError> => {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? []
  const millis = Number(amount) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 0)
  return millis > 0
    ? Result.succeed(millis)
    : Result.fail(wrong("options", `--time ${text} is not a time: write 90s, 10m or 2h`))
}

const readCount = (name: string, value: number | undefined): Result.Result<number | undefined, SimulationError> =>
  value === undefined || value >= 1
    ? Result.succeed(value)
    : Result.fail(wrong("options", `--${name} ${value} is not valid: give a number from 1`))

/** Parses the seeds, and the time for which they run. */
const readSeeds = (flags: {
  readonly seeds: string | undefined
  readonly time: string | undefined
  readonly base: string | undefined
}): Result.Result<{ readonly seeds: Seeds.Seeds; readonly millis: number | undefined }, SimulationError> =>
  Result.gen(function* () {
    if (flags.seeds !== undefined && flags.time !== undefined) {
      return yield* Result.fail(
        wrong("options", "--seeds and --time exclude each other: give the seeds to run, or the time for which to run"),
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

/** Quotes a word for a shell. */
const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

const line = (...words: ReadonlyArray<string | undefined>): string =>
  words.flatMap((word) => (word === undefined ? [] : [quoted(word)])).join(" ")

const file = Argument.String("FILE").pipe(
  Argument.withDescription(
    `Module that exports the scenarios, directly or in arrays and records (default: ${Scenarios.defaultFiles.join(" or ")})`,
  ),
  Argument.optional,
)

const artifact = Argument.String("ARTIFACT").pipe(
  Argument.withDescription("File that was written when a scenario failed"),
)

const swarmFlags = {
  file,
  seeds: Flag.String("seeds").pipe(
    Flag.withMetavar("1..10000"),
    Flag.withDescription(`Range of seeds, or one seed (default: ${defaultSeeds.from}..${defaultSeeds.to})`),
    Flag.optional,
  ),
  time: Flag.String("time").pipe(
    Flag.withMetavar("10m"),
    Flag.withDescription("Run seeds for this time instead: 90s, 10m, 2h"),
    Flag.optional,
  ),
  base: Flag.String("base").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("Count the seeds from a base made from this text, such as the hash of a commit"),
    Flag.optional,
  ),
  workers: Flag.Int("workers").pipe(
    Flag.withDescription("Number of threads, which does not change the results (default: one per processor)"),
    Flag.optional,
  ),
  explore: Flag.Literals("explore", ["fifo", "random", "preempt"]).pipe(
    Flag.withDescription("Order in which ready tasks run (default: the order of the scenario, or by the seed)"),
    Flag.optional,
  ),
  shrink: Flag.Boolean("shrink").pipe(
    Flag.withDescription("Shrink failures to the faults and draws that they take"),
    Flag.withDefault(true),
  ),
  isolate: Flag.Boolean("isolate").pipe(
    Flag.withDescription("Run every seed in a thread of its own, without state of other runs; slower"),
    Flag.withDefault(false),
  ),
  out: Flag.String("out").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("Folder for artifacts and pictures of failures"),
    Flag.withDefault(Files.defaultDir),
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the summary as one JSON object"),
    Flag.withDefault(false),
  ),
  scenario: Flag.String("scenario").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Run only this scenario (default: each seed runs all scenarios)"),
    Flag.optional,
  ),
  stopAfter: Flag.Int("stop-after").pipe(Flag.withDescription("End after this number of failures"), Flag.optional),
}

type SwarmFlags = Command.Command.Config.Infer<typeof swarmFlags>

const runSwarm = (invocation: Invocation, given: SwarmFlags) =>
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
    const { progress } = invocation
    const report = yield* Swarm.run({
      bin: invocation.bin,
      file: located,
      scenario,
      explore,
      shrink: given.shrink,
      isolate: given.isolate,
      seeds,
      millis,
      workers,
      stopAfter,
      out: given.out,
      replay: (artifact) => `${invocation.program} ${line("replay", artifact, named)}`,
      again: (seed) =>
        seed === undefined
          ? `${invocation.program} ${invocation.args.map(quoted).join(" ")}`
          : `${invocation.program} ${line(
              "swarm",
              named,
              "--seeds",
              String(seed),
              ...(scenario === undefined ? [] : ["--scenario", scenario]),
              ...(explore === undefined ? [] : ["--explore", explore]),
              ...(given.isolate ? ["--isolate"] : []),
            )}`,
      interrupt: invocation.interrupt,
      everyMillis: progress.everyMillis,
      onProgress: (state) => progress.print(Report.progressLine(state)),
    }).pipe(Effect.ensuring(Effect.sync(() => progress.clear())))
    invocation.print(given.json ? `${JSON.stringify(report, undefined, 2)}\n` : Report.text(report))
    invocation.exit(report.failures.length > 0 ? exits.failures : report.interrupted ? exits.interrupted : exits.fine)
  })

const swarm = (invocation: Invocation) =>
  Command.make("swarm", swarmFlags, (given) => runSwarm(invocation, given)).pipe(
    Command.withDescription("Run scenarios over many seeds; exit code 1 if a scenario fails"),
    Command.withShortDescription("Run scenarios over many seeds"),
    Command.withExamples([
      { command: "coterie-sim swarm --seeds 1..10000", description: "All scenarios of coterie.sim.ts" },
      { command: "coterie-sim swarm test/lease.sim.ts --time 10m --base $(git rev-parse HEAD)", description: "In CI" },
    ]),
  )

const replay = (invocation: Invocation) =>
  Command.make("replay", { artifact, file }, (given) =>
    Effect.gen(function* () {
      const located = yield* Effect.fromResult(Scenarios.locate(Option.getOrUndefined(given.file)))
      const replayed = yield* Replay.run(invocation.bin, given.artifact, located)
      const { code, text } = Replay.verdict(replayed, given.artifact)
      invocation.print(text)
      invocation.exit(code)
    }),
  ).pipe(
    Command.withDescription(
      "Run an artifact again; exit code 1 if it fails as recorded, 0 if it does not fail any more, 3 otherwise",
    ),
    Command.withShortDescription("Run an artifact again"),
  )

const formats = {
  html: { ending: ".html", show: undefined },
  jsonl: { ending: ".jsonl", show: Trace.toJsonl },
  shiviz: { ending: ".shiviz.log", show: Trace.toShiViz },
} as const

const viz = (invocation: Invocation) =>
  Command.make(
    "viz",
    {
      artifact,
      file,
      out: Flag.String("out").pipe(
        Flag.withMetavar("FILE"),
        Flag.withDescription("File to write (default: beside the artifact)"),
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
        const { artifact, replayed } = yield* Replay.run(invocation.bin, given.artifact, located)
        const { ending, show } = formats[given.format]
        const { failure, trace, traceHash } = replayed
        const same = traceHash === artifact.traceHash
        // Keeps the picture of the recorded run, because `replay` needs its trace to find the first difference.
        const out = Option.getOrElse(given.out, () => Replay.beside(given.artifact, same ? ending : `-now${ending}`))
        const text =
          show === undefined
            ? Trace.toHtml(trace, {
                title: artifact.scenario,
                ...(failure === undefined ? {} : { failure: `${failure.tag}: ${failure.message}` }),
                replay: `${invocation.program} ${line("replay", given.artifact, named)}`,
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
        invocation.print(`${Files.shown(path.resolve(out))}\n`)
        if (!same) invocation.printError("The run differs from the recorded run; coterie-sim replay shows where.\n")
      }),
  ).pipe(
    Command.withDescription("Run an artifact again and draw the run; prints the name of the file"),
    Command.withShortDescription("Draw the run of an artifact"),
  )

/** Prints the errors of a command line without the whole help. */
const presenter = (invocation: Invocation) =>
  CliOutput.layerPresenter({
    present: (event) => {
      if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
      const { commandPath, errors } = event
      return Effect.map(CliOutput.Formatter, ({ formatErrors }) =>
        invocation.printError(`${formatErrors(errors).trim()}\n\nSee ${commandPath.join(" ")} --help.\n`),
      )
    },
  })

/** Makes the services that `effect/cli` needs, with the built-in flags that are useful here. */
const layer = (invocation: Invocation) =>
  Layer.mergeAll(
    NodeServices.layer,
    presenter(invocation),
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
  )

const refuse = (invocation: Invocation, code: number) => (error: SimulationError | ThreadDied) =>
  Effect.sync(() => {
    invocation.printError(`coterie-sim: ${error.message}\n`)
    invocation.exit(code)
  })

/** Runs the command that the arguments name, and sets the exit code. */
export const run = (invocation: Invocation): Effect.Effect<void> =>
  Command.make("coterie-sim").pipe(
    Command.withDescription("Runs simulations of distributed programs, replays their failures, and draws them"),
    Command.withSubcommands([swarm(invocation), replay(invocation), viz(invocation)]),
    (command) => Command.runWith(command, { version: invocation.version })(invocation.args),
    Effect.catchTags({
      SimulationError: refuse(invocation, exits.misuse),
      ThreadDied: refuse(invocation, exits.unclear),
    }),
    // The user asked for help, or the command line was invalid, which has been printed already.
    Effect.catch((error) =>
      Effect.sync(() =>
        invocation.exit(error._tag === "ShowHelp" && error.errors.length === 0 ? exits.fine : exits.misuse),
      ),
    ),
    Effect.provide(layer(invocation)),
  )
