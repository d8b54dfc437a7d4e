/**
 * The threads in which simulations run.
 */
import * as path from "node:path"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { SimulationError } from "../SimulationError.ts"
import type { Known, Ran, Replayed, Reply, Request, Setup } from "./protocol.ts"

/** A thread ended while it ran something. */
export class ThreadDied extends Schema.TaggedError<ThreadDied>()("ThreadDied", {
  message: Schema.String,
  /** The seed that it ran, unless it ran an artifact. */
  seed: Schema.optionalKey(Schema.Int),
}) {}

export interface Thread {
  readonly scenarios: ReadonlyArray<Known>
  /** Runs all scenarios with a seed. What is asked for while the thread is busy waits for its turn. */
  readonly seed: (seed: number) => Effect.Effect<ReadonlyArray<Ran>, SimulationError | ThreadDied>
  readonly replay: (artifact: string) => Effect.Effect<Replayed, SimulationError | ThreadDied>
  /** The seed that it runs now. */
  readonly running: () => number | undefined
}

interface Waiting {
  readonly request: Request | undefined
  readonly resume: (answer: Effect.Effect<Reply, ThreadDied>) => void
}

/** Starts a thread, and waits until it has loaded the scenarios. It ends with the scope, whatever it does then. */
export const open = (
  bin: URL,
  { explore, file, scenario, shrink }: Setup,
): Effect.Effect<Thread, SimulationError | ThreadDied, Scope.Scope> =>
  Effect.gen(function* () {
    const setup: Setup = { explore, file, scenario, shrink }
    /** Who waits for an answer, in the order in which they asked, which is the order in which answers come. */
    const waiting: Array<Waiting> = []
    let dead: string | undefined

    const worker = yield* Effect.acquireRelease(
      // What programs print goes to the standard error: the standard output is that of the command.
      Effect.sync(() => new Worker(bin, { workerData: setup, stdout: true, stderr: true })),
      (worker) => Effect.promise(() => worker.terminate()),
    )
    worker.stdout.on("data", (bytes: Uint8Array) => process.stderr.write(bytes))
    worker.stderr.on("data", (bytes: Uint8Array) => process.stderr.write(bytes))

    const died = (request: Request | undefined): ThreadDied => {
      const seed = request?._tag === "Seed" ? request.seed : undefined
      const doing =
        request === undefined
          ? `loading ${path.basename(file)}`
          : request._tag === "Seed"
            ? `running seed ${request.seed}`
            : "running the artifact"
      const message = `the thread ended while it was ${doing}: ${dead}`
      return new ThreadDied(seed === undefined ? { message } : { message, seed })
    }
    const end = (why: string): void => {
      dead ??= why
      // All of them waited for the first one, at which it died.
      const first = waiting[0]?.request
      for (const { resume } of waiting.splice(0)) resume(Effect.fail(died(first)))
    }
    worker.on("message", (reply: Reply) => waiting.shift()?.resume(Effect.succeed(reply)))
    worker.on("error", (error) => end(error instanceof Error ? (error.stack ?? error.message) : String(error)))
    worker.on("exit", (code) => end(`it exited with code ${code}`))

    const wait = <Tag extends Reply["_tag"]>(
      expected: Tag,
      request?: Request,
    ): Effect.Effect<Extract<Reply, { readonly _tag: Tag }>, SimulationError | ThreadDied> =>
      Effect.flatMap(
        Effect.callback<Reply, ThreadDied>((resume) => {
          if (dead !== undefined) return resume(Effect.fail(died(request)))
          waiting.push({ request, resume })
          if (request !== undefined) worker.postMessage(request)
        }),
        (reply) => {
          if (is(reply, expected)) return Effect.succeed(reply)
          if (reply._tag !== "Refused") return Effect.die(`a thread answered ${reply._tag} and not ${expected}`)
          const { message, reason } = reply
          return Effect.fail(new SimulationError({ reason, message }))
        },
      )

    const { scenarios } = yield* wait("Loaded")
    return {
      scenarios,
      seed: (seed) => Effect.map(wait("Done", { _tag: "Seed", seed }), ({ runs }) => runs),
      replay: (artifact) => wait("Replayed", { _tag: "Replay", artifact }),
      running: () => {
        const request = waiting[0]?.request
        return request?._tag === "Seed" ? request.seed : undefined
      },
    }
  })

const is = <Tag extends Reply["_tag"]>(reply: Reply, tag: Tag): reply is Extract<Reply, { readonly _tag: Tag }> =>
  reply._tag === tag
