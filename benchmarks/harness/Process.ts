/** Child process as the parent uses it: it starts on a core, answers calls, and ends with the scope. */
import * as Child from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Children from "./children.ts"
import { pinned } from "./cores.ts"
import type { Answer, Calls, Request } from "./serve.ts"

/** Error of a failed measurement. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

/** Number of characters of the output of a child that are kept for the message of a failure. */
const outputKept = 4_096

/** Time for an answer in addition to the time that the call requests. */
const patienceMillis = 20_000

/** Time for a released child to end by itself. It writes its CPU profile at a normal end. */
const graceMillis = 2_000

/** Process that answers the calls of an interface. */
export interface Process<C extends Calls<C>> {
  readonly call: <Name extends keyof C & string>(
    name: Name,
    ...args: Parameters<C[Name]>
  ) => Effect.Effect<Awaited<ReturnType<C[Name]>>, Failed>
  /** Stops the process with SIGSTOP. */
  readonly stop: Effect.Effect<void>
  /** Continues a stopped process with SIGCONT. */
  readonly resume: Effect.Effect<void>
  /** Ends the process with SIGKILL. */
  readonly kill: Effect.Effect<void>
  /** Fails with the output of the process if it has ended. */
  readonly alive: Effect.Effect<void, Failed>
}

export interface Program {
  /** Module that answers the calls with `serve`. */
  readonly module: URL
  /** Core of the process. With `undefined` the system chooses. */
  readonly core: number | undefined
  /** Options of Node in addition to those of this process. */
  readonly flags?: ReadonlyArray<string>
}

/** Starts a child that answers the calls of an interface. */
export const start = <C extends Calls<C>>(program: Program): Effect.Effect<Process<C>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Children.scoped(() => spawn(program), graceMillis)
    const output = listen(child)
    // Output after the release, for example about the end of the other side, is not a failure and is ignored.
    const withOutput = (message: string) => new Failed({ message: `${message}\n${output()}` })
    return {
      call: (name, ...args) =>
        Effect.mapError(ask<C, typeof name>(child, { name, args }), (e) => withOutput(e.message)),
      stop: Effect.sync(() => void child.kill("SIGSTOP")),
      resume: Effect.sync(() => void child.kill("SIGCONT")),
      kill: Effect.sync(() => void child.kill("SIGKILL")),
      alive: Effect.suspend(() =>
        Children.hasEnded(child) ? Effect.fail(withOutput("a process has ended")) : Effect.void,
      ),
    }
  })

const spawn = ({ core, flags = [], module }: Program): Child.ChildProcess => {
  const program = [...process.execArgv, ...flags, fileURLToPath(module)]
  const [command, ...args] = pinned(core, [process.execPath, ...program])
  return Child.spawn(command, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], serialization: "advanced" })
}

/** Keeps the end of the output of a child. Returns a function that returns it. */
const listen = (child: Child.ChildProcess): (() => string) => {
  let output = ""
  const add = (chunk: Buffer) => {
    output = `${output}${chunk}`.slice(-outputKept)
  }
  child.stdout?.on("data", add)
  child.stderr?.on("data", add)
  return () => output
}

const ask = <C extends Calls<C>, Name extends keyof C & string>(
  child: Child.ChildProcess,
  request: Request & { readonly name: Name },
): Effect.Effect<Awaited<ReturnType<C[Name]>>, Failed> =>
  Effect.callback<Answer, Failed>((done) => {
    const stop = () => {
      child.off("exit", onExit)
      child.off("message", onMessage)
    }
    const resume = (effect: Effect.Effect<Answer, Failed>) => {
      stop()
      done(effect)
    }
    const fail = (message: string) => resume(Effect.fail(new Failed({ message })))
    const onExit = () => fail(`the process ended before it answered "${request.name}"`)
    // A child sends only answers, and the parent makes one call at a time.
    const onMessage = (message: unknown) => resume(Effect.succeed(message as Answer))
    child.once("exit", onExit)
    child.once("message", onMessage)
    if (Children.hasEnded(child)) onExit()
    else child.send(request, (error) => error !== null && fail(error.message))
    return Effect.sync(stop)
  }).pipe(
    Effect.timeoutOrElse({
      duration:
        patienceMillis + request.args.reduce((sum: number, arg) => sum + (typeof arg === "number" ? arg : 0), 0),
      orElse: () => Effect.fail(new Failed({ message: `no answer to "${request.name}"` })),
    }),
    Effect.flatMap((answer) =>
      "error" in answer
        ? Effect.fail(new Failed({ message: `${request.name}: ${answer.error}` }))
        : // The child returns the result of the call with that name.
          Effect.succeed(answer.value as Awaited<ReturnType<C[Name]>>),
    ),
  )
