/** Client of a thread in which simulations run. */
import * as path from "node:path"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { SimulationError } from "../SimulationError.ts"
import type { Replayed, Reply, Request, ScenarioInfo, ScenarioRun, Setup } from "./protocol.ts"

/** Error of a thread that ended while it ran a request. */
export class ThreadDied extends Schema.TaggedError<ThreadDied>()("ThreadDied", {
  message: Schema.String,
  /** Seed that the thread ran. Missing if it ran another request. */
  seed: Schema.optionalKey(Schema.Int),
}) {}

interface Waiting {
  readonly request: Request | undefined
  readonly resume: (answer: Effect.Effect<Reply, ThreadDied>) => void
}

type Answer<Tag extends Reply["_tag"]> = Extract<Reply, { readonly _tag: Tag }>

const isTagged = <Tag extends Reply["_tag"]>(reply: Reply, tag: Tag): reply is Answer<Tag> => reply._tag === tag

/** Part of the interface of a worker that a thread uses. */
export interface WorkerPort {
  on(event: "message", listener: (reply: Reply) => void): unknown
  on(event: "error", listener: (error: unknown) => void): unknown
  on(event: "exit", listener: (code: number) => void): unknown
  postMessage(request: Request): void
}

export class SimulationThread {
  private readonly worker: WorkerPort
  private readonly file: string
  /** Callers that wait for a reply, in the order of their requests, which is the order of the replies. */
  private readonly waiting: Array<Waiting> = []
  /** Reason for which the thread has ended. */
  private dead: string | undefined

  constructor(worker: WorkerPort, file: string) {
    this.worker = worker
    this.file = file
    worker.on("message", (reply: Reply) => this.waiting.shift()?.resume(Effect.succeed(reply)))
    worker.on("error", (error) => this.die(error instanceof Error ? (error.stack ?? error.message) : String(error)))
    worker.on("exit", (code) => this.die(`it exited with code ${code}`))
  }

  /** Waits until the thread has loaded the scenarios. Must be the first call. */
  get loaded(): Effect.Effect<ReadonlyArray<ScenarioInfo>, SimulationError | ThreadDied> {
    return Effect.map(this.reply("Loaded"), ({ scenarios }) => scenarios)
  }

  /** Runs a scenario with a seed. A request to a busy thread waits. */
  seed(seed: number, scenario: string): Effect.Effect<ReadonlyArray<ScenarioRun>, SimulationError | ThreadDied> {
    return Effect.map(this.reply("Done", { _tag: "Seed", seed, scenario }), ({ runs }) => runs)
  }

  /** Runs the first seeds again. Returns the runs that differ from the first run. */
  get repeat(): Effect.Effect<ReadonlyArray<ScenarioRun>, SimulationError | ThreadDied> {
    return Effect.map(this.reply("Done", { _tag: "Repeat" }), ({ runs }) => runs)
  }

  /** Replays an artifact from its text. */
  replay(artifact: string): Effect.Effect<Replayed, SimulationError | ThreadDied> {
    return this.reply("Replayed", { _tag: "Replay", artifact })
  }

  /** Returns the seed that is running now. */
  running(): number | undefined {
    const request = this.waiting[0]?.request
    return request?._tag === "Seed" ? request.seed : undefined
  }

  private die(why: string): void {
    this.dead ??= why
    // The thread ended during the first request. All later requests fail with the same message.
    const first = this.waiting[0]?.request
    for (const { resume } of this.waiting.splice(0)) resume(Effect.fail(this.died(first)))
  }

  private died(request: Request | undefined): ThreadDied {
    const seed = request?._tag === "Seed" ? request.seed : undefined
    const doing =
      request === undefined
        ? `loading ${path.basename(this.file)}`
        : request._tag === "Seed"
          ? `running seed ${request.seed}`
          : request._tag === "Repeat"
            ? "running its first seeds again"
            : "running the artifact"
    const message = `the thread ended while it was ${doing}: ${this.dead}`
    return new ThreadDied(seed === undefined ? { message } : { message, seed })
  }

  private reply<Tag extends Reply["_tag"]>(
    expected: Tag,
    request?: Request,
  ): Effect.Effect<Answer<Tag>, SimulationError | ThreadDied> {
    return Effect.flatMap(
      Effect.callback<Reply, ThreadDied>((resume) => {
        if (this.dead !== undefined) return resume(Effect.fail(this.died(request)))
        this.waiting.push({ request, resume })
        if (request !== undefined) this.worker.postMessage(request)
      }),
      (reply) => {
        if (isTagged(reply, expected)) return Effect.succeed(reply)
        if (reply._tag !== "Refused") return Effect.die(`a thread replied ${reply._tag} instead of ${expected}`)
        const { message, reason } = reply
        return Effect.fail(new SimulationError({ reason, message }))
      },
    )
  }
}

/** Thread with the scenarios that it has loaded. */
export interface Opened {
  readonly thread: SimulationThread
  readonly scenarios: ReadonlyArray<ScenarioInfo>
}

/** Starts a thread, and waits until it has loaded the scenarios. The thread ends with the scope. */
export const open = (
  bin: URL,
  { explore, file, isolate, scenario, shrink }: Setup,
): Effect.Effect<Opened, SimulationError | ThreadDied, Scope.Scope> =>
  Effect.gen(function* () {
    const setup: Setup = { explore, file, isolate, scenario, shrink }
    const worker = yield* Effect.acquireRelease(
      // Output of programs goes to the standard error, because the standard output belongs to the command.
      Effect.sync(() => new Worker(bin, { workerData: setup, stdout: true, stderr: true })),
      (worker) => Effect.promise(() => worker.terminate()),
    )
    worker.stdout.on("data", (bytes: Uint8Array) => process.stderr.write(bytes))
    worker.stderr.on("data", (bytes: Uint8Array) => process.stderr.write(bytes))
    const thread = new SimulationThread(worker, file)
    return { thread, scenarios: yield* thread.loaded }
  })
