/** Runs the command in the current process. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { version } from "../internal/version.ts"
import * as Command from "./command.ts"
import { exits } from "./exits.ts"

/** Exit code of a defect of the command. */
const defect = 70

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

/** Runs the command. Sets the exit code and lets the process end by itself, so that all output is written. */
export const main = (): void => {
  // A reader such as `head` may close the pipe. There is nobody left to print for.
  for (const output of [process.stdout, process.stderr]) {
    output.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error
      process.exit(process.exitCode ?? exits.yes)
    })
  }
  const run = Command.run({
    version,
    args: process.argv.slice(2),
    print: (text) => void process.stdout.write(text),
    printError: (text) => void process.stderr.write(text),
    showsColors: process.stdout.isTTY && !process.env["NO_COLOR"],
    interrupt,
    exit: (code) => {
      process.exitCode = code
    },
  })
  Effect.runFork(run).addObserver((exit) => {
    if (Exit.isSuccess(exit)) return
    process.stderr.write(`coterie failed with an unexpected error: ${Cause.pretty(exit.cause)}\n`)
    process.exitCode = defect
  })
}
