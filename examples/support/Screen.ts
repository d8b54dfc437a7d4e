/**
 * Input and output of lines. On a terminal, a printed line does not break the line that the user types.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Readline from "node:readline"

export interface Screen {
  readonly print: (line: string) => Effect.Effect<void>
  /** Typed lines. The stream ends at Ctrl-C, at Ctrl-D, and at the end of piped input. */
  readonly typed: Stream.Stream<string>
}

export const make = (prompt: string) =>
  Effect.gen(function* () {
    const { stdin: input, stdout: output } = process
    const isTerminal = input.isTTY === true && output.isTTY === true
    const lines = yield* Queue.unbounded<string, Cause.Done>()
    const readline = yield* Effect.acquireRelease(
      Effect.sync(() => Readline.createInterface({ input, output, prompt, terminal: isTerminal })),
      (readline) => Effect.sync(() => readline.close()),
    )
    const show = (): void => {
      if (isTerminal) readline.prompt(true)
    }
    readline.on("line", (line) => {
      Queue.offerUnsafe(lines, line)
      show()
    })
    // On a terminal, Ctrl-C arrives as this event instead of a signal.
    readline.on("SIGINT", () => readline.close())
    // The output has no reader any more, as after `| head`.
    output.once("error", () => readline.close())
    readline.on("close", () => {
      if (isTerminal) output.write("\n")
      Queue.endUnsafe(lines)
    })
    show()
    const screen: Screen = {
      print: (line) =>
        Effect.sync(() => {
          if (isTerminal) {
            Readline.clearLine(output, 0)
            Readline.cursorTo(output, 0)
          }
          // Control characters of others must not control this terminal.
          output.write(`${line.replace(/\p{Cc}/gu, " ")}\n`)
          show()
        }),
      typed: Stream.fromQueue(lines),
    }
    return screen
  })
