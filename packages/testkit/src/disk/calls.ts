/** Calls of a program to a simulated disk: each takes some time, and fails with the errors of Effect's `FileSystem`. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import type { SystemError } from "../internal/systemError.ts"
import { epochMillis } from "../kernel/LifeContext.ts"
import type { Disk } from "./Disk.ts"
import type { Entry } from "./Names.ts"

/** Tags that Effect gives to the codes of an operating system. All other codes are `Unknown`. */
const tags: { readonly [code: string]: PlatformError.SystemErrorTag } = {
  ENOENT: "NotFound",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
}

const isSystemError = (cause: unknown): cause is SystemError => cause instanceof Error && "syscall" in cause

const platformError = (method: string, path: string | undefined, cause: SystemError): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: tags[cause.code] ?? "Unknown",
    module: "FileSystem",
    method,
    syscall: cause.syscall,
    cause,
    ...(path === undefined ? {} : { pathOrDescriptor: path }),
  })

/** Makes calls to a disk. `run` throws the errors of an operating system. */
export interface Call {
  <A>(method: string, path: string | undefined, run: () => A): Effect.Effect<A, PlatformError.PlatformError>
  readonly disk: Disk
}

/** Makes the calls of a process to its disk. Each takes the time `latency`, and has its effect at the end. */
export const make = (disk: Disk, latency: number): Call => {
  const call = <A>(method: string, path: string | undefined, run: () => A) =>
    Effect.andThen(
      Effect.sleep(latency),
      Effect.suspend((): Effect.Effect<A, PlatformError.PlatformError> => {
        try {
          return Effect.succeed(run())
        } catch (cause) {
          return isSystemError(cause) ? Effect.fail(platformError(method, path, cause)) : Effect.die(cause)
        }
      }),
    )
  return Object.assign(call, { disk })
}

/** Returns the information about a file or directory. */
export const infoOf = (entry: Entry): FileSystem.File.Info => {
  const isFile = entry !== "directory"
  const time = isFile ? Option.some(new Date(epochMillis + entry.modifiedAt / 1_000)) : Option.none()
  return {
    type: isFile ? "File" : "Directory",
    mtime: time,
    atime: time,
    birthtime: Option.none(),
    dev: 0n,
    ino: Option.some(BigInt(isFile ? entry.id : 0)),
    mode: isFile ? 0o100644 : 0o40755,
    nlink: Option.some(1n),
    uid: Option.none(),
    gid: Option.none(),
    rdev: Option.none(),
    size: ByteSize.fromInputUnsafe(isFile ? entry.content.length : 0),
    blksize: Option.none(),
    blocks: Option.none(),
  }
}
