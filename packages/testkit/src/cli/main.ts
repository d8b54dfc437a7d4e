/** Runs the command in the current process. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Command from "./command.ts"
import { exits } from "./exits.ts"

/** Milliseconds between two lines of progress: short on a terminal, and long in a log, so that the log stays short. */
const everyMillis = { terminal: 250, log: 10_000 }

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** Reads the version. The package.json has the same relative path from the sources and from the built modules. */
const version = (): string =>
  Schema.decodeUnknownSync(Manifest)(fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version

/** Returns the text that calls the command: its name where it is installed, and its path in its own repository. */
const callOf = (program: string): string =>
  program.split(path.sep).includes("node_modules") ? "npx coterie-sim" : `node ${path.relative(process.cwd(), program)}`

/** Effect that completes with the first SIGINT or SIGTERM. A second signal ends the process at once. */
const interrupt = Effect.callback<void>((resume) => {
  const end = (): void => {
    stop()
    resume(Effect.void)
  }
  const stop = (): void => {
    process.off("SIGINT", end)
    process.off("SIGTERM", end)
  }
  process.on("SIGINT", end)
  process.on("SIGTERM", end)
  return Effect.sync(stop)
})

/** Width of a terminal that does not report its width. */
const unknownWidth = 80

const progress = (): Command.Invocation["progress"] => {
  const { stderr } = process
  if (!stderr.isTTY) {
    return { everyMillis: everyMillis.log, print: (line) => void stderr.write(`${line}\n`), clear: () => undefined }
  }
  const clear = (): void => void stderr.write("\r\u001b[2K")
  return {
    everyMillis: everyMillis.terminal,
    print: (line) => {
      clear()
      stderr.write(line.slice(0, (stderr.columns || unknownWidth) - 1))
    },
    clear,
  }
}

/** Runs the command. Sets the exit code and lets the process end by itself, so that all output is written. */
export const main = (bin: URL): void => {
  const [, program = "coterie-sim", ...args] = process.argv
  const run = Command.run({
    bin,
    version: version(),
    program: callOf(program),
    args,
    print: (text) => void process.stdout.write(text),
    printError: (text) => void process.stderr.write(text),
    progress: progress(),
    interrupt,
    exit: (code) => {
      process.exitCode = code
    },
  })
  Effect.runFork(run).addObserver((exit) => {
    if (Exit.isSuccess(exit)) return
    process.stderr.write(`coterie-sim failed with an unexpected error: ${Cause.pretty(exit.cause)}\n`)
    process.exitCode = exits.unclear
  })
}
