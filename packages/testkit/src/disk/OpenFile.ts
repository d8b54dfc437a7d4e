/** Open file of a program on a simulated disk. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import { systemError } from "../internal/systemError.ts"
import type { Inode } from "./Inode.ts"
import { type Call, infoOf } from "./calls.ts"

interface Options {
  readonly file: Inode
  readonly call: Call
  /** `true` if every write goes to the end of the file. */
  readonly appends: boolean
  readonly readable: boolean
  readonly writable: boolean
}

const badArgument = (method: string, description: string) =>
  Effect.fail(PlatformError.badArgument({ module: "FileSystem", method, description }))

export class OpenFile implements FileSystem.File {
  readonly [FileSystem.FileTypeId]: typeof FileSystem.FileTypeId = FileSystem.FileTypeId
  private readonly options: Options
  private position = 0
  private isClosed = false

  constructor(options: Options) {
    this.options = options
  }

  /** Ends the use of the file. Later calls fail with `EBADF`. */
  close(): void {
    this.isClosed = true
  }

  private call<A>(
    method: string,
    syscall: string,
    run: (file: Inode) => A,
  ): Effect.Effect<A, PlatformError.PlatformError> {
    return this.options.call(method, undefined, () => {
      if (this.isClosed) throw systemError("EBADF", syscall)
      return run(this.options.file)
    })
  }

  readonly stat = Effect.suspend(() => this.call("stat", "fstat", infoOf))

  readonly sync = Effect.suspend(() => this.call("sync", "fsync", (file) => this.options.call.disk.sync(file)))

  seek(offset: bigint, from: FileSystem.SeekMode): Effect.Effect<bigint, PlatformError.PlatformError> {
    return Effect.suspend(() => {
      const position = from === "start" ? Number(offset) : this.position + Number(offset)
      if (position < 0) return badArgument("seek", "Cannot seek before the start of the file")
      this.position = position
      return Effect.succeed(BigInt(position))
    })
  }

  private readAt(method: string, size: number, position: bigint | undefined) {
    return Effect.suspend(() => {
      if (position !== undefined && position < 0n) {
        return badArgument(method, "Cannot read before the start of the file")
      }
      return this.call(method, "read", (file) => {
        if (!this.options.readable) throw systemError("EBADF", "read")
        const at = position === undefined ? this.position : Number(position)
        const bytes = file.content.slice(at, at + size)
        if (position === undefined) this.position += bytes.length
        return bytes
      })
    })
  }

  read(buffer: Uint8Array, options?: FileSystem.File.ReadOptions): Effect.Effect<number, PlatformError.PlatformError> {
    return Effect.map(this.readAt("read", buffer.length, options?.position), (bytes) => {
      buffer.set(bytes)
      return bytes.length
    })
  }

  readAlloc(
    size: number,
    options?: FileSystem.File.ReadOptions,
  ): Effect.Effect<Option.Option<Uint8Array>, PlatformError.PlatformError> {
    if (!Number.isInteger(size) || size < 0) return badArgument("readAlloc", "size must be a non-negative integer")
    return Effect.map(this.readAt("readAlloc", size, options?.position), (bytes) =>
      bytes.length === 0 ? Option.none() : Option.some(bytes),
    )
  }

  truncate(length = 0): Effect.Effect<void, PlatformError.PlatformError> {
    return this.call("truncate", "ftruncate", (file) => {
      if (!this.options.writable) throw systemError("EINVAL", "ftruncate")
      this.options.call.disk.truncate(file, length)
      if (!this.options.appends) this.position = Math.min(this.position, length)
    })
  }

  write(buffer: Uint8Array): Effect.Effect<number, PlatformError.PlatformError> {
    return this.writeAs("write", buffer)
  }

  writeAll(buffer: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> {
    return buffer.length === 0 ? Effect.void : Effect.asVoid(this.writeAs("writeAll", buffer))
  }

  private writeAs(method: string, buffer: Uint8Array): Effect.Effect<number, PlatformError.PlatformError> {
    return this.call(method, "write", (file) => {
      const { appends, call, writable } = this.options
      if (!writable) throw systemError("EBADF", "write")
      const written = call.disk.write(file, buffer, appends ? file.content.length : this.position)
      if (!appends) this.position += written
      return written
    })
  }
}
