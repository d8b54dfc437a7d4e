/** Files of certificates, which are read again and again. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import { problemOf, readText } from "../readText.ts"
import type { Material } from "./credentials.ts"
import { CertificatesError } from "./errors.ts"
import type { MaterialState } from "./MaterialState.ts"

/** Paths of the files. */
export interface Paths {
  readonly certificate: string
  readonly key: string
  readonly authorities: string
  readonly revoked?: string | undefined
}

/** Bytes of a file of certificates: far more than a chain and its authorities. */
const maxBytes = 1024 * 1024

/** Bytes of a file of revocation lists. A list of 100,000 certificates has about 4 MiB. */
const maxListBytes = 16 * 1024 * 1024

/** Attempts of one read. A deployment tool replaces the files within milliseconds. */
const maxAttempts = 3

/** Reads the files. All of them are from the same moment: the paths lead to the same places before and after the reads. */
export const readMaterial = (paths: Paths): Effect.Effect<Material, CertificatesError> =>
  Effect.flatMap(
    Effect.promise((signal) => readAll(paths, signal)),
    Result.match({
      onSuccess: Effect.succeed,
      onFailure: (message) => Effect.fail(new CertificatesError({ reason: "unreadable", message })),
    }),
  )

type Read<A> = Result.Result<A, string>

const readAll = async (paths: Paths, signal: AbortSignal, attempts = maxAttempts): Promise<Read<Material>> => {
  const before = await placesOf(paths)
  const material = Result.isSuccess(before)
    ? await readPlaces(before.success, paths, signal)
    : Result.fail(before.failure)
  const after = await placesOf(paths)
  if (Result.isSuccess(before) && Result.isSuccess(after) && isSame(before.success, after.success)) return material
  if (attempts > 1) return readAll(paths, signal, attempts - 1)
  return Result.isFailure(before) ? material : Result.fail("the files of certificates change while they are read")
}

/** Places to which the paths lead at a moment, without symbolic links. */
const placesOf = async (paths: Paths): Promise<Read<Paths>> => {
  const certificate = await placeOf("the certificate", paths.certificate)
  const key = await placeOf("the key", paths.key)
  const authorities = await placeOf("the file of the authorities", paths.authorities)
  const revoked = paths.revoked === undefined ? undefined : await placeOf("the file of revocation lists", paths.revoked)
  return Result.all({ certificate, key, authorities, ...(revoked === undefined ? {} : { revoked }) })
}

const placeOf = async (what: string, path: string): Promise<Read<string>> => {
  try {
    return Result.succeed(await Fs.realpath(path))
  } catch (cause) {
    return Result.fail(`${what} ${path}: ${problemOf(cause)}`)
  }
}

const isSame = (a: Paths, b: Paths): boolean =>
  a.certificate === b.certificate && a.key === b.key && a.authorities === b.authorities && a.revoked === b.revoked

const readPlaces = async (places: Paths, paths: Paths, signal: AbortSignal): Promise<Read<Material>> => {
  const read = async (what: string, place: string, path: string, bytes = maxBytes) =>
    Result.mapError(await readText(place, bytes, signal), (problem) => `${what} ${path}: ${problem}`)
  const certificate = await read("the certificate", places.certificate, paths.certificate)
  const key = await read("the key", places.key, paths.key)
  const authorities = await read("the file of the authorities", places.authorities, paths.authorities)
  const revoked =
    places.revoked === undefined
      ? undefined
      : await read("the file of revocation lists", places.revoked, paths.revoked ?? places.revoked, maxListBytes)
  return Result.all({
    certificate,
    key: Result.map(key, (text) => Redacted.make(text, { label: "private key" })),
    authorities,
    ...(revoked === undefined ? {} : { revoked }),
  })
}

/** Polls that a problem lasts before it is in the log: a tool may be in the middle of replacing the files. */
const silentPolls = 2

/** The material of files: what worked stays in use. The log has a problem once, after it has lasted for two polls, and its end. */
export class MaterialFiles {
  private readonly paths: Paths
  private readonly state: MaterialState
  /** Polls in a row that found a problem. */
  private failures = 0
  /** Problem that is in the log. */
  private problem: string | undefined = undefined

  constructor(paths: Paths, state: MaterialState) {
    this.paths = paths
    this.state = state
  }

  /** Reads the files. Replaces the material if they have another one that can be used. */
  readonly read: Effect.Effect<void> = Effect.suspend(() =>
    Effect.matchEffect(
      Effect.flatMap(readMaterial(this.paths), (material) => this.state.replace(material)),
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
    return Effect.logInfo(
      `certificates: the file of the certificate ${this.paths.certificate} works again, with the files beside it`,
    )
  }

  private failed({ message }: CertificatesError): Effect.Effect<void> {
    this.failures++
    if (this.failures <= silentPolls || message === this.problem) return Effect.void
    this.problem = message
    this.state.reject()
    return Effect.logWarning(
      `certificates: ${message} (certificate ${this.paths.certificate}); the certificates that were read before stay in use`,
    )
  }
}
