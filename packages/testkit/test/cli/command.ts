/**
 * Runs of the command, in a separate process and in this process.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { pathToFileURL } from "node:url"
import * as Command from "../../src/cli/command.ts"

export const bin = path.join(import.meta.dirname, "../../src/cli/bin.ts")

/** Returns the path of a module with scenarios. */
export const fixture = (name: string): string => path.join(import.meta.dirname, `fixtures/${name}.sim.ts`)

/** Exit code and output of a process. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Options {
  readonly cwd?: string
  /** Mode of the fixture (broken.sim.ts). */
  readonly echo?: string
  /** Text on the standard error after which the process gets SIGINT. */
  readonly interruptAt?: string
  /** Program to run. Defaults to the sources of the command. */
  readonly program?: string
}

/** Runs the command and waits for its end. */
export const coterieSim = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const { cwd = import.meta.dirname, echo = "", interruptAt, program = bin } = options
    const child = spawn(process.execPath, [program, ...args], {
      cwd,
      env: { ...process.env, ECHO: echo, NODE_OPTIONS: "" },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let out = ""
    let err = ""
    let interrupted = false
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text
      if (interruptAt === undefined || interrupted || !err.includes(interruptAt)) return
      interrupted = true
      child.kill("SIGINT")
    })
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** Runs an effect while a variable of the environment, which new threads copy, has a value. */
const withEcho = <A>(echo: string, use: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.env["ECHO"] ?? ""
      process.env["ECHO"] = echo
      return before
    }),
    () => use,
    (before) =>
      Effect.sync(() => {
        process.env["ECHO"] = before
      }),
  )

/** Runs the command in this process, which is faster. Its threads are real. Runs with a mode must not overlap. */
export const inProcess = (args: ReadonlyArray<string>, { echo }: Pick<Options, "echo"> = {}): Effect.Effect<Ended> =>
  Effect.suspend(() => {
    let out = ""
    let err = ""
    let code = 0
    const run = Command.run({
      bin: pathToFileURL(bin),
      version: "0.0.0",
      program: "npx coterie-sim",
      args,
      print: (text) => {
        out += text
      },
      printError: (text) => {
        err += text
      },
      progress: { everyMillis: 60_000, print: () => undefined, clear: () => undefined },
      interrupt: Effect.never,
      exit: (value) => {
        code = value
      },
    })
    const ended = Effect.map(run, () => ({ code, out, err }))
    return echo === undefined ? ended : withEcho(echo, ended)
  })

/** Makes a folder that is deleted with the scope. */
export const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "coterie-sim-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true })),
)

const Counts = {
  runs: Schema.Int,
  steps: Schema.Int,
  virtualSeconds: Schema.Finite,
  traceHash: Schema.String,
  faultsFired: Schema.Record(Schema.String, Schema.Int),
  marks: Schema.Record(Schema.String, Schema.Boolean),
}

/** Schema of the object that `--json` prints, with exactly these keys. */
const Summary = Schema.Struct({
  ...Counts,
  file: Schema.String,
  seeds: Schema.Int,
  failures: Schema.Array(
    Schema.Struct({
      scenario: Schema.String,
      seed: Schema.optionalKey(Schema.Int),
      explore: Schema.optionalKey(Schema.Literals(["fifo", "random", "preempt"])),
      failure: Schema.String,
      message: Schema.String,
      sentences: Schema.Array(Schema.String),
      artifact: Schema.optionalKey(Schema.String),
      picture: Schema.optionalKey(Schema.String),
      replay: Schema.String,
    }),
  ),
  seedsPerSecond: Schema.Finite,
  wallSeconds: Schema.Finite,
  workers: Schema.Int,
  interrupted: Schema.Boolean,
  unfinished: Schema.Array(Schema.Int),
  scenarios: Schema.Array(Schema.Struct({ name: Schema.String, ...Counts })),
})
export type Summary = typeof Summary.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Summary), { onExcessProperty: "error" })

/**
 * Returns the summary that a process printed as JSON. Throws with the output if the standard output has anything else.
 */
export const summary = ({ code, err, out }: Ended): Summary => {
  try {
    return decode(out)
  } catch (cause) {
    throw new Error(`no summary; exit code ${code}\n${out}\n${err}`, { cause })
  }
}

/** Returns the parts of a summary that must be equal for equal seeds. */
export const deterministic = ({ file: _1, seedsPerSecond: _2, wallSeconds: _3, workers: _4, ...rest }: Summary) => rest
