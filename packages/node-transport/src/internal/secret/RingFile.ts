/** A file of secrets, which is read again and again. */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import { errorCode } from "../socket/errorCode.ts"
import type { RingState } from "./RingState.ts"
import { fail, type KeyringError, type Ring, ringOf, secretsIn } from "./ring.ts"

/** Bytes of a file: far more than 8 secrets and their comments. A path that leads to something else by mistake has more. */
const maxBytes = 64 * 1024

/** Reads the ring of a file. The errors name the file. */
export const readRing = (path: string): Effect.Effect<Ring, KeyringError> =>
  Effect.flatMap(
    Effect.promise((signal) => read(path, signal)),
    (secrets) =>
      Result.match(Result.flatMap(secrets, ringOf), {
        onSuccess: (ring) => Effect.succeed(ring),
        onFailure: ({ message, reason }) => Effect.fromResult(fail(reason, `the file of secrets ${path}: ${message}`)),
      }),
  )

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

type Read = Result.Result<ReadonlyArray<Redacted.Redacted<string>>, KeyringError>

/** Never rejects, because a rejection could hold what was read. */
const read = async (path: string, signal: AbortSignal): Promise<Read> => {
  try {
    // A pipe or a device may have no end.
    const stats = await Fs.stat(path)
    if (!stats.isFile()) return fail("unreadable", "it is no file")
    if (stats.size > maxBytes)
      return fail("unreadable", `it has more than ${maxBytes} bytes, so it is no file of secrets`)
    return decode(await Fs.readFile(path, { signal }))
  } catch (cause) {
    const code = errorCode(cause)
    return fail(
      "unreadable",
      code === "ENOENT" ? "it does not exist" : `it cannot be read: ${code ?? "unknown reason"}`,
    )
  }
}

const decode = (bytes: Uint8Array): Read => {
  try {
    return Result.succeed(secretsIn(new TextDecoder("utf-8", { fatal: true }).decode(bytes)))
  } catch {
    return fail("unreadable", "it is no UTF-8 text")
  }
}
