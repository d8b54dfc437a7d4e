/** Files of certificates, which are read again and again. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs/promises"
import { NodeLogs } from "../NodeLogs.ts"
import { describeProblem, problemOf, readText, type TextFile } from "../readText.ts"
import type { Material } from "./credentials.ts"
import { CertificatesError } from "./errors.ts"
import * as MaterialState from "./MaterialState.ts"

/**
 * Paths of the files of certificates.
 *
 * @category models
 * @since 0.1.0
 */
export interface Paths {
  /** Path of the certificate of this node, followed by its intermediate certificates, in PEM. */
  readonly certificate: string
  /** Path of the private key in PEM, without a passphrase. */
  readonly key: string
  /** Path of the authorities that this node trusts, in PEM, with their self-signed roots. */
  readonly authorities: string
  /** Path of revocation lists in PEM. By default there are none. */
  readonly revoked?: string | undefined
}

/** Names of the options or variables that have the paths. */
export type PathNames = { readonly [Key in keyof Paths]-?: string }

/** Names of the options of the program. */
export const optionNames: PathNames = {
  certificate: 'the option "certificate"',
  key: 'the option "key"',
  authorities: 'the option "authorities"',
  revoked: 'the option "revoked"',
}

/** The files with their names. */
interface Files {
  readonly certificate: TextFile
  readonly key: TextFile
  readonly authorities: TextFile
  readonly revoked?: TextFile
}

const filesOf = (paths: Paths, names: PathNames): Files => ({
  certificate: { path: paths.certificate, name: names.certificate },
  key: { path: paths.key, name: names.key },
  authorities: { path: paths.authorities, name: names.authorities },
  ...(paths.revoked === undefined ? {} : { revoked: { path: paths.revoked, name: names.revoked } }),
})

/** Names of the files in messages. */
const kinds = {
  certificate: "the certificate",
  key: "the key",
  authorities: "the file of the authorities",
  revoked: "the file of revocation lists",
} as const

/** Interval of file reads. A read costs next to nothing, and a mounted secret changes seconds after its source. */
const fileInterval = Duration.seconds(10)

/** Bytes of a file of certificates: far more than a chain and its authorities. */
const maxBytes = 1024 * 1024

/** Bytes of a file of revocation lists. A list of 100,000 certificates has about 4 MiB. */
const maxListBytes = 16 * 1024 * 1024

/** Attempts of one read. A deployment tool replaces the files within milliseconds. */
const maxAttempts = 3

/** Reads the files. All of them are from the same moment: the paths lead to the same places before and after the reads. */
const readMaterial = (files: Files): Effect.Effect<Material, CertificatesError> =>
  Effect.flatMap(
    Effect.promise((signal) => readAll(files, signal)),
    Result.match({
      onSuccess: Effect.succeed,
      onFailure: (message) => Effect.fail(new CertificatesError({ reason: "unreadable", message })),
    }),
  )

type Read<A> = Result.Result<A, string>

const readAll = async (files: Files, signal: AbortSignal, attempts = maxAttempts): Promise<Read<Material>> => {
  const before = await placesOf(files)
  const material = Result.isSuccess(before)
    ? await readPlaces(before.success, files, signal)
    : Result.fail(before.failure)
  const after = await placesOf(files)
  if (Result.isSuccess(before) && Result.isSuccess(after) && isSame(before.success, after.success)) return material
  if (attempts > 1) return readAll(files, signal, attempts - 1)
  return Result.isFailure(before) ? material : Result.fail("the files of certificates change while they are read")
}

/** Places to which the paths lead at a moment, without symbolic links. */
const placesOf = async (files: Files): Promise<Read<Paths>> => {
  const certificate = await placeOf(kinds.certificate, files.certificate)
  const key = await placeOf(kinds.key, files.key)
  const authorities = await placeOf(kinds.authorities, files.authorities)
  const revoked = files.revoked === undefined ? undefined : await placeOf(kinds.revoked, files.revoked)
  return Result.all({ certificate, key, authorities, ...(revoked === undefined ? {} : { revoked }) })
}

const placeOf = async (what: string, file: TextFile): Promise<Read<string>> => {
  try {
    return Result.succeed(await Fs.realpath(file.path))
  } catch (cause) {
    return Result.fail(await describeProblem(what, file, problemOf(cause)))
  }
}

const isSame = (a: Paths, b: Paths): boolean =>
  a.certificate === b.certificate && a.key === b.key && a.authorities === b.authorities && a.revoked === b.revoked

const readPlaces = async (places: Paths, files: Files, signal: AbortSignal): Promise<Read<Material>> => {
  const certificate = await readText(kinds.certificate, files.certificate, maxBytes, signal, places.certificate)
  const key = await readText(kinds.key, files.key, maxBytes, signal, places.key)
  const authorities = await readText(kinds.authorities, files.authorities, maxBytes, signal, places.authorities)
  const revoked =
    files.revoked === undefined
      ? undefined
      : await readText(kinds.revoked, files.revoked, maxListBytes, signal, places.revoked)
  return Result.all({
    certificate,
    key: Result.map(key, (text) => Redacted.make(text, { label: "private key" })),
    authorities,
    ...(revoked === undefined ? {} : { revoked }),
  })
}

/** Reads the files now, and again on a schedule. */
export const followFiles = (
  paths: Paths,
  names: PathNames,
  schedule: Schedule.Schedule<unknown> = Schedule.spaced(fileInterval),
) =>
  Effect.gen(function* () {
    const files = filesOf(paths, names)
    const state = yield* MaterialState.make(yield* readMaterial(files))
    const logs = new NodeLogs()
    yield* Effect.forkScoped(Effect.schedule(new MaterialFiles(files, state, logs).read, schedule))
    const { changes, material, rejected } = state
    return { changes, material, rejected, addLog: logs.add }
  })

/** Polls that a problem lasts before it is in the log: a tool may be in the middle of replacing the files. */
const silentPolls = 2

/** The material of files: what worked stays in use. The log has a problem once, after it has lasted for two polls, and its end. */
class MaterialFiles {
  private readonly files: Files
  private readonly state: MaterialState.MaterialState
  private readonly logs: NodeLogs
  /** Polls in a row that found a problem. */
  private failures = 0
  /** Problem that is in the log. */
  private problem: string | undefined = undefined

  constructor(files: Files, state: MaterialState.MaterialState, logs: NodeLogs) {
    this.files = files
    this.state = state
    this.logs = logs
  }

  /** Reads the files. Replaces the material if they have another one that can be used. */
  readonly read: Effect.Effect<void> = Effect.suspend(() =>
    Effect.matchEffect(
      Effect.flatMap(readMaterial(this.files), (material) => this.state.replace(material)),
      {
        onSuccess: () => this.recovered(),
        onFailure: (error) => this.failed(error),
      },
    ),
  )

  private recovered(): Effect.Effect<void> {
    this.failures = 0
    if (this.problem === undefined) return Effect.void
    this.problem = undefined
    return this.logs.write(
      Effect.logInfo(
        `certificates: the file of the certificate ${this.files.certificate.path} works again, with the files beside it`,
      ),
    )
  }

  private failed({ message, reason }: CertificatesError): Effect.Effect<void> {
    this.failures++
    // The message about a time that is over or not here yet also has the time of the poll.
    const problem = reason === "expired" || reason === "notYetValid" ? reason : message
    if (this.failures <= silentPolls || problem === this.problem) return Effect.void
    this.problem = problem
    const { path } = this.files.certificate
    return Effect.andThen(
      this.state.reject,
      this.logs.write(
        Effect.logWarning(
          `certificates: ${message} (certificate ${path}); the certificates that were read before stay in use`,
        ),
      ),
    )
  }
}
