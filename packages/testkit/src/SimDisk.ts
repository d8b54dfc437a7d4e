/**
 * Disk of a simulated node, as Effect's `FileSystem` and `KeyValueStore`. Its contents outlive the processes of the node,
 * as those of a real disk do, and a loss of power loses what was not synchronized. A program that stores data in files
 * runs in a simulation unchanged: its layer takes the file system from here.
 *
 * **Details**
 *
 * - Each node has a disk of its own, which is empty at the start of the run.
 * - Each system call takes the time `latency`. `writeFile` is three of them: it opens and empties the file, then writes,
 *   then closes. A process that is killed in between leaves an empty file.
 * - A process that is killed or stopped loses nothing that it wrote, because the operating system has it.
 * - A machine that loses power (`powerOff`, or a `crash` with `silent`) keeps what is durable: contents after `sync` of
 *   the open file, and everything that is older than 30 seconds. Each other write is kept, lost (`disk.lost` of the fault
 *   plan) or torn, so that only its first bytes are kept (`disk.torn`). A lost write before a write that was kept leaves
 *   zeros.
 * - Changes of names (files created, renamed and removed) become durable in their order, as with a journal: with the next
 *   `sync` of any file, or after 30 seconds. A loss of power may lose the last ones. The name and the content of a file
 *   are independent: a file that was renamed without `sync` can be empty afterwards.
 * - A full disk (the fault `diskFull`) creates no file and makes no file longer. Such calls fail with a `PlatformError`
 *   whose cause has the code `ENOSPC`. A file that `writeFile` has emptied before stays empty.
 * - All other errors are those of `NodeFileSystem`, with the `code` of Node in the cause. One suite of tests checks both.
 *
 * Not simulated: permissions, owners, links, watching, temporary files and times of files. Their functions fail with
 * `BadArgument`. Also not: writes that are reordered within one file without being lost, silent corruption, and a `sync`
 * that fails.
 *
 * ```ts
 * import * as SimDisk from "@coterie/testkit/SimDisk"
 * import { Effect, FileSystem } from "effect"
 *
 * const save = Effect.fnUntraced(function* (text: string) {
 *   const fs = yield* FileSystem.FileSystem
 *   const file = yield* fs.open("/state.new", { flag: "w" })
 *   yield* file.writeAll(new TextEncoder().encode(text))
 *   yield* file.sync
 *   yield* fs.rename("/state.new", "/state")
 * }, Effect.scoped)
 *
 * const saved = Effect.provide(save("first"), SimDisk.layer())
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Calls from "./disk/calls.ts"
import type { Disk } from "./disk/Disk.ts"
import { OpenFile } from "./disk/OpenFile.ts"
import { absolute, parentOf } from "./disk/path.ts"
import { finiteMicrosOf } from "./run/validateOptions.ts"
import { SimHost } from "./SimHost.ts"
import type { SimulationError } from "./SimulationError.ts"

/**
 * Default time of a system call. It is that of a fast disk, and long enough for a crash to come between two calls.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultLatency: Duration.Input = "100 micros"

/**
 * Options of {@link layer}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Time of each system call. Defaults to {@link defaultLatency}. */
  readonly latency?: Duration.Input | undefined
}

const unsupported = (method: string) =>
  PlatformError.badArgument({
    module: "FileSystem",
    method,
    description: `SimDisk does not simulate ${method}: give the node another layer for it`,
  })

/** Makes the functions for files that are opened, read and written. */
const contents = (disk: Disk, call: Calls.Call) => {
  const open: FileSystem.FileSystem["open"] = (path, { flag = "r" } = {}) =>
    Effect.acquireRelease(
      call("open", path, () => {
        const create = !flag.startsWith("r")
        const file = disk.open(absolute(path), {
          create,
          exclusive: flag.includes("x"),
          truncate: flag.startsWith("w"),
        })
        const readable = flag.startsWith("r") || flag.includes("+")
        const writable = create || flag.includes("+")
        return new OpenFile({ file, call, appends: flag.startsWith("a"), readable, writable })
      }),
      (file) => Effect.sync(() => file.close()),
    )
  /** Names the function and the path of the caller in an error of a call on an open file. */
  const as =
    (method: string, path: string) =>
    <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) =>
      Effect.mapError(effect, ({ reason }) =>
        reason._tag === "BadArgument"
          ? new PlatformError.PlatformError(reason)
          : PlatformError.systemError({
              _tag: reason._tag,
              module: reason.module,
              method,
              pathOrDescriptor: path,
              syscall: reason.syscall,
              cause: reason.cause,
            }),
      )
  const readFile: FileSystem.FileSystem["readFile"] = (path) => call("readFile", path, () => disk.read(absolute(path)))
  const writeFile: FileSystem.FileSystem["writeFile"] = (path, data, { flag = "w" } = {}) =>
    Effect.scoped(Effect.flatMap(open(path, { flag }), (file) => file.writeAll(data))).pipe(as("writeFile", path))
  return {
    open,
    readFile,
    writeFile,
    copyFile: (from, to) => Effect.flatMap(readFile(from), (data) => writeFile(to, data)).pipe(as("copyFile", from)),
    truncate: (path, length = 0) =>
      Effect.scoped(Effect.flatMap(open(path, { flag: "r+" }), (file) => file.truncate(length))).pipe(
        as("truncate", path),
      ),
  } satisfies Partial<FileSystem.FileSystem>
}

/** Makes the functions for names. */
const names = (disk: Disk, call: Calls.Call) => {
  const stat: FileSystem.FileSystem["stat"] = (path) =>
    call("stat", path, () => Calls.infoOf(disk.stat(absolute(path))))
  return {
    stat,
    lstat: stat,
    access: (path) => call("access", path, () => void disk.stat(absolute(path), "access")),
    realPath: (path) =>
      call("realPath", path, () => {
        disk.stat(absolute(path), "lstat")
        return absolute(path)
      }),
    makeDirectory: (path, { recursive = false } = {}) =>
      call("makeDirectory", path, () => makeDirectory(disk, absolute(path), recursive)),
    readDirectory: (path, { recursive = false } = {}) =>
      call("readDirectory", path, () => [...disk.readDirectory(absolute(path), recursive)]),
    readDirectoryEntries: (path) =>
      call("readDirectoryEntries", path, () => {
        const directory = absolute(path)
        return disk.readDirectory(directory, false).map((name): FileSystem.DirectoryEntry => {
          const entry = disk.stat(absolute(`${directory}/${name}`))
          return { name, type: entry === "directory" ? "Directory" : "File" }
        })
      }),
    remove: (path, { force = false, recursive = false } = {}) =>
      call("remove", path, () => {
        if (!force || disk.exists(absolute(path))) disk.remove(absolute(path), recursive)
      }),
    rename: (from, to) => call("rename", from, () => disk.rename(absolute(from), absolute(to))),
  } satisfies Partial<FileSystem.FileSystem>
}

const makeDirectory = (disk: Disk, path: string, recursive: boolean): void => {
  if (recursive) {
    if (disk.isDirectory(path)) return
    if (!disk.exists(parentOf(path))) makeDirectory(disk, parentOf(path), true)
  }
  disk.makeDirectory(path)
}

/** Functions that are not simulated. */
const missing = {
  chmod: () => Effect.fail(unsupported("chmod")),
  chown: () => Effect.fail(unsupported("chown")),
  copy: () => Effect.fail(unsupported("copy")),
  link: () => Effect.fail(unsupported("link")),
  makeTempDirectory: () => Effect.fail(unsupported("makeTempDirectory")),
  makeTempDirectoryScoped: () => Effect.fail(unsupported("makeTempDirectoryScoped")),
  makeTempFile: () => Effect.fail(unsupported("makeTempFile")),
  makeTempFileScoped: () => Effect.fail(unsupported("makeTempFileScoped")),
  readLink: () => Effect.fail(unsupported("readLink")),
  symlink: () => Effect.fail(unsupported("symlink")),
  utimes: () => Effect.fail(unsupported("utimes")),
  watch: () => Stream.fail(unsupported("watch")),
} satisfies Partial<FileSystem.FileSystem>

/**
 * File system on the disk of the node. Fails with `SimulationError` and the reason `options` if the latency is not a
 * finite duration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({ latency = defaultLatency }: Options = {}): Layer.Layer<
  FileSystem.FileSystem,
  SimulationError,
  SimHost
> =>
  Layer.effect(FileSystem.FileSystem)(
    Effect.gen(function* () {
      const { disk } = yield* SimHost
      const call = Calls.make(disk, (yield* Effect.fromResult(finiteMicrosOf("latency", latency))) / 1_000)
      disk.isUsed = true
      return FileSystem.make({ ...contents(disk, call), ...names(disk, call), ...missing })
    }),
  )

/**
 * Key-value store on the disk of the node: Effect's `KeyValueStore.layerFileSystem` on {@link layer}. It does not
 * synchronize its files, so a loss of power can lose or tear the last values.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerKeyValueStore = (
  directory = "/kv",
  options?: Options,
): Layer.Layer<KeyValueStore.KeyValueStore, PlatformError.PlatformError | SimulationError, SimHost> =>
  KeyValueStore.layerFileSystem(directory).pipe(Layer.provide([layer(options), Path.layer]))
