/** A file of secrets, which is read again and again. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readText } from "../readText.ts"
import type { RingState } from "./RingState.ts"
import { fail, type KeyringError, type Ring, ringOf, secretsIn } from "./ring.ts"

/** Bytes of a file: far more than 8 secrets and their comments. A path that leads to something else by mistake has more. */
const maxBytes = 64 * 1024

/** Reads the ring of a file. The errors name the file. */
export const readRing = (path: string): Effect.Effect<Ring, KeyringError> =>
  Effect.flatMap(
    Effect.promise((signal) => readText(path, maxBytes, signal)),
    (text) =>
      Result.match(Result.flatMap(secretsOf(text), ringOf), {
        onSuccess: (ring) => Effect.succeed(ring),
        onFailure: ({ message, reason }) => Effect.fromResult(fail(reason, `the file of secrets ${path}: ${message}`)),
      }),
  )

const secretsOf = (text: Result.Result<string, string>) =>
  Result.match(text, {
    onSuccess: (text) => Result.succeed(secretsIn(text)),
    onFailure: (problem) => fail("unreadable", problem),
  })

/** The ring of a file: what worked stays in use, and the log has a problem when it begins or changes, and its end. */
export class RingFile {
  private readonly path: string
  private readonly state: RingState
  /** Problem of the last read, which is in the log. */
  private problem: string | undefined = undefined

  constructor(path: string, state: RingState) {
    this.path = path
    this.state = state
  }

  /** Reads the file. Replaces the ring if the file has another one. */
  readonly read: Effect.Effect<void> = Effect.suspend(() =>
    Effect.matchEffect(readRing(this.path), {
      onSuccess: (ring) => Effect.andThen(Effect.ignore(this.state.update(() => Result.succeed(ring))), this.recovered),
      onFailure: (error) => this.failed(error.message),
    }),
  )

  private readonly recovered: Effect.Effect<void> = Effect.suspend(() => {
    if (this.problem === undefined) return Effect.void
    this.problem = undefined
    return Effect.logInfo(`keyring: the file of secrets ${this.path} works again`)
  })

  private failed(problem: string): Effect.Effect<void> {
    if (problem === this.problem) return Effect.void
    this.problem = problem
    return Effect.logWarning(`keyring: ${problem}; the secrets that were read before stay in use`)
  }
}
