/** A file of secrets, which is read again and again. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { NodeLogs } from "../NodeLogs.ts"
import { readText, type TextFile } from "../readText.ts"
import * as RingState from "./RingState.ts"
import { fail, KeyringError, type Ring, ringOf, secretsIn } from "./ring.ts"

/** Interval of file reads. A read costs next to nothing, and the operator who changed the file is waiting. */
const fileInterval = Duration.seconds(10)

/** Bytes of a file: far more than 8 secrets and their comments. A path that leads to something else by mistake has more. */
const maxBytes = 64 * 1024

const what = "the file of secrets"

/** Reads the ring of a file. The errors name the file. */
const readRing = (file: TextFile): Effect.Effect<Ring, KeyringError> =>
  Effect.flatMap(
    Effect.promise((signal) => readText(what, file, maxBytes, signal)),
    Result.match({
      onSuccess: (text) =>
        Effect.fromResult(
          Result.mapError(
            ringOf(secretsIn(text)),
            ({ message, reason }) => new KeyringError({ reason, message: `${what} ${file.path}: ${message}` }),
          ),
        ),
      onFailure: (message) => Effect.fromResult(fail("unreadable", message)),
    }),
  )

/** Reads the ring of a file now, and again on a schedule. */
export const followFile = (file: TextFile, schedule: Schedule.Schedule<unknown> = Schedule.spaced(fileInterval)) =>
  Effect.gen(function* () {
    const state = yield* RingState.make(yield* readRing(file))
    const logs = new NodeLogs()
    yield* Effect.forkScoped(Effect.schedule(new RingFile(file, state, logs).read, schedule))
    const { changes, rejected, ring } = state
    return { changes, rejected, ring, addLog: logs.add }
  })

/** The ring of a file: what worked stays in use, and the log has a problem when it begins or changes, and its end. */
class RingFile {
  private readonly file: TextFile
  private readonly state: RingState.RingState
  private readonly logs: NodeLogs
  /** Problem of the last read, which is in the log. */
  private problem: string | undefined = undefined

  constructor(file: TextFile, state: RingState.RingState, logs: NodeLogs) {
    this.file = file
    this.state = state
    this.logs = logs
  }

  /** Reads the file. Replaces the ring if the file has another one. */
  readonly read: Effect.Effect<void> = Effect.suspend(() =>
    Effect.matchEffect(readRing(this.file), {
      onSuccess: (ring) => Effect.andThen(Effect.ignore(this.state.update(() => Result.succeed(ring))), this.recovered),
      onFailure: (error) => this.failed(error.message),
    }),
  )

  private readonly recovered: Effect.Effect<void> = Effect.suspend(() => {
    if (this.problem === undefined) return Effect.void
    this.problem = undefined
    return this.logs.write(Effect.logInfo(`keyring: the file of secrets ${this.file.path} works again`))
  })

  private failed(problem: string): Effect.Effect<void> {
    if (problem === this.problem) return Effect.void
    this.problem = problem
    return Effect.andThen(
      this.state.reject,
      this.logs.write(Effect.logWarning(`keyring: ${problem}; the secrets that were read before stay in use`)),
    )
  }
}
