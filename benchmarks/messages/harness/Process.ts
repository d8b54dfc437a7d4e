/** A child process, seen from the parent: started on a core, asked, and ended with the scope. */
import * as Child from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Setup } from "../systems/Driver.ts"
import type { Answer, Calls, Request } from "./Calls.ts"
import * as Children from "./children.ts"
import { pinned } from "./cores.ts"

/** A measurement that gave nothing. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

/** How much of what a child says is kept for the case that it fails. */
const wordsKept = 4_096

/** How long an answer may take beyond the time that the question asks for. */
const patienceMillis = 20_000

/** How long a child that was let go may take to end by itself, which is what writes its CPU profile. */
const graceMillis = 2_000

export interface Process {
  readonly call: <Name extends keyof Calls>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ) => Effect.Effect<Awaited<ReturnType<Calls[Name]>>, Failed>
  /** Makes it stand still. */
  readonly stop: Effect.Effect<void>
  /** Fails if it has ended, with what it said. */
  readonly alive: Effect.Effect<void, Failed>
}

/** Starts a child on a core that plays a part of the system. */
export const start = (core: number | undefined, setup: Setup): Effect.Effect<Process, Failed, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Children.scoped(() => spawn(core), graceMillis)
    const said = listen(child)
    // What it says when it is let go, such as that the other end has gone, is no failure and nobody hears it.
    const withWords = (message: string) => new Failed({ message: `${message}\n${said()}` })
    const process: Process = {
      call: (name, ...args) => Effect.mapError(ask(child, { name, args }), ({ message }) => withWords(message)),
      stop: Effect.sync(() => void child.kill("SIGSTOP")),
      alive: Effect.suspend(() =>
        Children.hasEnded(child) ? Effect.fail(withWords("a process has ended")) : Effect.void,
      ),
    }
    yield* process.call("setup", setup)
    return process
  })

const spawn = (core: number | undefined): Child.ChildProcess => {
  const program = [...process.execArgv, fileURLToPath(new URL("child.ts", import.meta.url))]
  const [command, ...args] = pinned(core, [process.execPath, ...program])
  return Child.spawn(command, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], serialization: "advanced" })
}

/** Keeps the end of what a child says. */
const listen = (child: Child.ChildProcess): (() => string) => {
  let words = ""
  const hear = (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-wordsKept)
  }
  child.stdout?.on("data", hear)
  child.stderr?.on("data", hear)
  return () => words
}

const ask = <Name extends keyof Calls>(
  child: Child.ChildProcess,
  request: Request & { readonly name: Name },
): Effect.Effect<Awaited<ReturnType<Calls[Name]>>, Failed> =>
  Effect.callback<Answer, Failed>((resume) => {
    const fail = (message: string) => resume(Effect.fail(new Failed({ message })))
    const onExit = () => fail(`the process ended before it answered "${request.name}"`)
    // Its only words are answers, and it is asked one thing at a time.
    const onMessage = (message: unknown) => resume(Effect.succeed(message as Answer))
    child.once("exit", onExit)
    child.once("message", onMessage)
    if (Children.hasEnded(child)) onExit()
    else child.send(request, (error) => error !== null && fail(error.message))
    return Effect.sync(() => {
      child.off("exit", onExit)
      child.off("message", onMessage)
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration:
        patienceMillis + request.args.reduce((sum: number, arg) => sum + (typeof arg === "number" ? arg : 0), 0),
      orElse: () => Effect.fail(new Failed({ message: `no answer to "${request.name}"` })),
    }),
    Effect.flatMap((answer) =>
      "error" in answer
        ? Effect.fail(new Failed({ message: `${request.name}: ${answer.error}` }))
        : // It is what the call of that name gave, in child.ts.
          Effect.succeed(answer.value as Awaited<ReturnType<Calls[Name]>>),
    ),
  )
