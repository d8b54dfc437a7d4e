/**
 * Program as a child process, with functions that wait for its lines. When the scope closes, the program is asked to
 * end and is killed if it does not.
 */
import * as NodeChildProcessSpawner from "@effect/platform-node/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"

/** Error of a child that did not behave as expected. The message ends with the last lines of the child. */
export class ChildFailure extends Schema.TaggedError<ChildFailure>()("ChildFailure", { message: Schema.String }) {}

export interface Child {
  readonly name: string
  readonly pid: number
  /** Returns the number of lines so far, as a mark for later calls. */
  readonly mark: () => number
  /** Returns the values that `pick` finds in the lines since a mark. */
  readonly since: <A>(mark: number, pick: Pick<A>) => ReadonlyArray<A>
  /** Waits for the first line since a mark in which `pick` finds a value. The mark defaults to the start. */
  readonly expect: <A>(what: string, pick: Pick<A>, options?: Wait) => Effect.Effect<A, ChildFailure>
  /** Writes a line to its standard input. */
  readonly say: (line: string) => Effect.Effect<void>
  /** Closes its standard input, as Ctrl-D does. */
  readonly hangUp: Effect.Effect<void>
  /** Sends a signal, waits for the end and returns the exit code, or `undefined` if the signal ended the child. */
  readonly signal: (signal: ChildProcess.Signal) => Effect.Effect<number | undefined, ChildFailure>
  /** Waits until the child ends without a signal, and returns the exit code. */
  readonly ended: Effect.Effect<number | undefined, ChildFailure>
}

/** Function that returns a value for a matching line, and `undefined` for any other line. */
export type Pick<A> = (line: string) => A | undefined

/** Makes a function that picks the reports of one kind that satisfy a condition. */
export const reports =
  <Report extends { readonly _tag: string }>(decode: (line: string) => Option.Option<Report>) =>
  <Tag extends Report["_tag"]>(
    tag: Tag,
    holds: (report: Extract<Report, { readonly _tag: Tag }>) => boolean = () => true,
  ): Pick<Extract<Report, { readonly _tag: Tag }>> =>
  (line) => {
    const isOne = (one: Report): one is Extract<Report, { readonly _tag: Tag }> => one._tag === tag
    const one = Option.getOrUndefined(decode(line))
    return one !== undefined && isOne(one) && holds(one) ? one : undefined
  }

/** Time that a child has for a step. A cold start takes some seconds, and many times that on a busy machine. */
const patience: Duration.Input = "40 seconds"

export interface Wait {
  readonly from?: number | undefined
  readonly within?: Duration.Input | undefined
}

/** Environment variables of a program in addition to the variables of this process. */
export type Environment = Readonly<Record<string, string>>

/** Starts a Node program with {@link spawnCommand}. */
export const spawn = (name: string, file: string, args: ReadonlyArray<string>, env?: Environment) =>
  spawnCommand(name, process.execPath, [file, ...args], env)

/** Output of a program, and the fibers that wait for more lines. */
class Output {
  readonly lines: Array<string> = []
  private readonly everything: Array<string> = []
  private readonly waiters = new Set<() => void>()
  private hasEnded = false
  private readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /** Keeps a line for the message of a failure. */
  readonly keep = (line: string): void => {
    if (line.trim() !== "") this.everything.push(line)
  }

  /** Adds a line and wakes the fibers that wait. */
  readonly add = (line: string): void => {
    this.keep(line)
    this.lines.push(line)
    this.wake()
  }

  /** Fails the fibers that wait, because no more lines follow. */
  end(): void {
    this.hasEnded = true
    this.wake()
  }

  /** Waits for the first line from a mark on in which `pick` finds a value. */
  first<A>(what: string, pick: Pick<A>, from: number): Effect.Effect<A, ChildFailure> {
    const { lines, name, waiters } = this
    return Effect.callback((resume) => {
      let at = from
      const look = (): void => {
        while (at < lines.length) {
          const found = pick(lines[at++] ?? "")
          if (found === undefined) continue
          waiters.delete(look)
          return resume(Effect.succeed(found))
        }
        if (!this.hasEnded) return
        waiters.delete(look)
        resume(Effect.suspend(() => Effect.fail(this.failure(`${name} ended, and did not report: ${what}`))))
      }
      waiters.add(look)
      look()
      return Effect.sync(() => waiters.delete(look))
    })
  }

  /** Returns a failure with the last lines of the program. */
  failure(what: string): ChildFailure {
    const last = this.everything.slice(-12).map((line) => `  ${line}`)
    const output =
      last.length === 0 ? `${this.name} printed nothing` : [`The last lines of ${this.name}:`, ...last].join("\n")
    return new ChildFailure({ message: `${what}\n${output}` })
  }

  private wake(): void {
    for (const waiter of this.waiters) waiter()
  }
}

/** Reads the lines of a stream until it ends or fails. */
const readLines = <E>(stream: Stream.Stream<Uint8Array, E>, each: (line: string) => void) =>
  stream.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) => Effect.sync(() => each(line))),
    Effect.ignore,
  )

/**
 * Starts a command as a child process. `expect` reads its standard output. Its standard error is kept for the message
 * of a failure.
 */
export const spawnCommand = Effect.fnUntraced(function* (
  name: string,
  command: string,
  args: ReadonlyArray<string>,
  env: Environment = {},
) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const input = yield* Queue.unbounded<Uint8Array, Cause.Done>()
  const output = new Output(name)
  const handle = yield* Effect.mapError(
    spawner.spawn(
      ChildProcess.make(command, args, {
        detached: false,
        env: { ...env },
        extendEnv: true,
        forceKillAfter: "5 seconds",
        // The input ends with this process, whatever ends it, so that programs that end with their input do not stay.
        stdin: { stream: Stream.fromQueue(input), endOnDone: true },
      }),
    ),
    (error) => output.failure(`${name} cannot be started: ${error.message}`),
  )
  const reading = yield* Effect.forkScoped(
    Effect.all([readLines(handle.stdout, output.add), readLines(handle.stderr, output.keep)], {
      concurrency: "unbounded",
      discard: true,
    }),
  )
  const ended = Effect.andThen(
    Fiber.await(reading),
    // It fails if a signal ended the process.
    Effect.match(handle.exitCode, { onFailure: () => undefined, onSuccess: (code): number | undefined => code }),
  )
  yield* Effect.forkScoped(Effect.tap(ended, () => Effect.sync(() => output.end())))

  const inTime = <A, E>(effect: Effect.Effect<A, E>, what: string, within: Duration.Input) =>
    Effect.timeoutOrElse(effect, {
      duration: within,
      orElse: () => Effect.fail(output.failure(`${what} within ${Duration.format(Duration.fromInputUnsafe(within))}`)),
    })
  const child: Child = {
    name,
    pid: handle.pid,
    mark: () => output.lines.length,
    since: (mark, pick) =>
      output.lines.slice(mark).flatMap((line) => {
        const found = pick(line)
        return found === undefined ? [] : [found]
      }),
    expect: (what, pick, { from = 0, within = patience } = {}) =>
      inTime(output.first(what, pick, from), `${name} did not report: ${what}`, within),
    say: (line) => Effect.asVoid(Queue.offer(input, new TextEncoder().encode(`${line}\n`))),
    hangUp: Effect.asVoid(Queue.end(input)),
    signal: (signal) =>
      inTime(
        Effect.andThen(Effect.ignore(handle.kill({ killSignal: signal })), ended),
        `${name} did not end on ${signal}`,
        patience,
      ),
    ended: inTime(ended, `${name} did not end`, patience),
  }
  return child
})

/** Provides the services that {@link spawn} needs. */
export const layer: Layer.Layer<ChildProcessSpawner.ChildProcessSpawner> = NodeChildProcessSpawner.layer.pipe(
  Layer.provide([NodeFileSystem.layer, NodePath.layer]),
)
