/**
 * Disk of one machine of a simulation. It outlives the processes. The operations throw the errors of an operating system.
 */
import * as Distribution from "../Distribution.ts"
import { systemError } from "../internal/systemError.ts"
import type { Draws } from "../kernel/Draws.ts"
import type { Prng } from "../kernel/Prng.ts"
import { Inode } from "./Inode.ts"
import { type Entry, Names } from "./Names.ts"
import { parentOf } from "./path.ts"

/** Chances of the outcomes of a change that is not durable when power is lost. */
export interface Conditions {
  readonly lost?: Distribution.Distribution
  readonly torn?: Distribution.Distribution
}

/** Number of effects of each condition. */
export interface Counters {
  diskLost: number
  diskTorn: number
}

/**
 * Time after which an operating system makes a change durable by itself, in microseconds: 30 seconds, as Linux does. It
 * also bounds the changes that a disk remembers.
 */
export const writeBackMicros = 30_000_000

interface Options {
  readonly name: string
  readonly draws: Draws
  readonly now: () => number
  readonly counters: Counters
  /** Returns the present conditions. */
  readonly conditions: () => Conditions
}

export class Disk {
  private readonly options: Options
  private readonly names = new Names()
  private lastId = 0
  /** Files with changes that are not durable. */
  private readonly dirty = new Set<Inode>()
  /** `true` once a program has used the disk. A disk that nobody uses cannot fail. */
  isUsed = false
  /** Number of faults that keep the disk full. */
  private full = 0

  constructor(options: Options) {
    this.options = options
  }

  private get now(): number {
    return this.options.now()
  }

  /** Makes old changes durable. Called before each change. */
  private writeBack(): void {
    const until = this.now - writeBackMicros
    this.names.writeBack(until)
    for (const file of this.dirty) {
      file.writeBack(until)
      if (file.isDurable) this.dirty.delete(file)
    }
  }

  // Faults.

  /** Fills the disk. Returns a function that frees it. */
  fill(): () => void {
    this.full++
    return () => {
      this.full--
    }
  }

  private requireSpace(syscall: string): void {
    if (this.full > 0) throw systemError("ENOSPC", syscall, "no space left on device")
  }

  /**
   * Loses what is not durable, by draws. The last changes of names are lost together, and each change of a content is
   * kept, lost or torn.
   */
  losePower(): void {
    const { counters, draws, name } = this.options
    this.writeBack()
    const { lost = 0, torn = 0 } = this.options.conditions()
    if (this.names.pending > 0) {
      const { pending } = this.names
      const count = draws
        .stream(`diskNames ${name}`)
        .draw((random) =>
          random.next() < Distribution.sample(lost, random) ? 1 + Math.floor(random.next() * pending) : 0,
        )
      if (count > 0) counters.diskLost++
      this.names.losePower(count)
    }
    const stream = draws.stream(`disk ${name}`)
    // In the order of their creation, so that a draw means the same file in every run.
    for (const file of [...this.dirty].toSorted((a, b) => a.id - b.id)) {
      file.losePower((size) => {
        const outcome = stream.draw((random) => outcomeOf(size, lost, torn, random))
        if (outcome === 1) counters.diskLost++
        if (outcome > 1) counters.diskTorn++
        return outcome
      })
    }
    this.dirty.clear()
  }

  // Names.

  private entry(path: string, syscall: string): Entry {
    const entry = this.names.get(path)
    if (entry !== undefined) return entry
    const parent = this.names.get(parentOf(path))
    throw systemError(parent !== undefined && parent !== "directory" ? "ENOTDIR" : "ENOENT", syscall, `'${path}'`)
  }

  exists(path: string): boolean {
    return this.names.get(path) !== undefined
  }

  isDirectory(path: string): boolean {
    return this.names.get(path) === "directory"
  }

  /** Returns the file, or `"directory"`. Throws if the path does not exist. */
  stat(path: string, syscall = "stat"): Entry {
    return this.entry(path, syscall)
  }

  private file(path: string, syscall: string): Inode {
    const entry = this.entry(path, syscall)
    if (entry === "directory") throw systemError("EISDIR", syscall, `'${path}'`)
    return entry
  }

  private requireParent(path: string, syscall: string): void {
    const parent = this.entry(parentOf(path), syscall)
    if (parent !== "directory") throw systemError("ENOTDIR", syscall, `'${path}'`)
  }

  /** Opens a file. Creates it if it does not exist and may be created. */
  open(
    path: string,
    how: { readonly create: boolean; readonly exclusive: boolean; readonly truncate: boolean },
  ): Inode {
    const known = this.names.get(path)
    if (known === undefined && how.create) {
      this.requireParent(path, "open")
      this.requireSpace("open")
      this.writeBack()
      const file = new Inode(++this.lastId, this.now)
      this.names.change(this.now, [[path, file]])
      return file
    }
    if (how.exclusive && known !== undefined) throw systemError("EEXIST", "open", `'${path}'`)
    const file = this.file(path, "open")
    if (how.truncate && file.content.length > 0) this.truncate(file, 0)
    return file
  }

  makeDirectory(path: string): void {
    if (this.names.get(path) !== undefined) throw systemError("EEXIST", "mkdir", `'${path}'`)
    this.requireParent(path, "mkdir")
    this.requireSpace("mkdir")
    this.writeBack()
    this.names.change(this.now, [[path, "directory"]])
  }

  /** Returns the paths below a directory, in the order of their texts. */
  readDirectory(path: string, recursive: boolean): ReadonlyArray<string> {
    const entry = this.entry(path, "scandir")
    if (entry !== "directory") throw systemError("ENOTDIR", "scandir", `'${path}'`)
    if (!recursive) return this.names.in(path)
    const start = path === "/" ? 1 : path.length + 1
    return this.names.below(path).map((each) => each.slice(start))
  }

  remove(path: string, recursive: boolean): void {
    const entry = this.entry(path, "lstat")
    if (entry === "directory" && !recursive) throw systemError("ERR_FS_EISDIR", "rm", `'${path}'`)
    this.writeBack()
    this.names.change(
      this.now,
      [...this.names.below(path), path].map((each) => [each, undefined]),
    )
  }

  rename(from: string, to: string): void {
    const entry = this.entry(from, "rename")
    this.requireParent(to, "rename")
    const known = this.names.get(to)
    if (from === to) return
    if (entry === "directory" && known !== undefined && known !== "directory") {
      throw systemError("ENOTDIR", "rename", `'${from}' -> '${to}'`)
    }
    if (entry !== "directory" && known === "directory") throw systemError("EISDIR", "rename", `'${from}' -> '${to}'`)
    if (known === "directory" && this.names.below(to).length > 0) {
      throw systemError("ENOTEMPTY", "rename", `'${from}' -> '${to}'`)
    }
    if (to.startsWith(`${from}/`)) throw systemError("EINVAL", "rename", `'${from}' -> '${to}'`)
    this.writeBack()
    const moved = [from, ...this.names.below(from)]
    this.names.change(
      this.now,
      moved.flatMap((path): ReadonlyArray<readonly [string, Entry | undefined]> => [
        [path, undefined],
        [to + path.slice(from.length), this.names.get(path)],
      ]),
    )
  }

  // Contents.

  /** Returns a copy of the content of a file. */
  read(path: string): Uint8Array {
    const entry = this.entry(path, "open")
    if (entry === "directory") throw systemError("EISDIR", "read")
    return entry.content.slice()
  }

  /** Writes bytes at an offset. Returns the number of bytes that were written. */
  write(file: Inode, bytes: Uint8Array, offset: number): number {
    if (offset + bytes.length > file.content.length) this.requireSpace("write")
    this.writeBack()
    file.write(bytes, offset, this.now)
    this.dirty.add(file)
    return bytes.length
  }

  truncate(file: Inode, length: number): void {
    if (length > file.content.length) this.requireSpace("ftruncate")
    this.writeBack()
    file.truncate(length, this.now)
    this.dirty.add(file)
  }

  /** Makes the content of a file durable, and all changes of names, as a journal does. */
  sync(file: Inode): void {
    this.names.sync()
    file.sync()
    this.dirty.delete(file)
  }
}

const outcomeOf = (
  size: number,
  lost: Distribution.Distribution,
  torn: Distribution.Distribution,
  random: Prng,
): number => {
  if (random.next() < Distribution.sample(lost, random)) return 1
  return size > 1 && random.next() < Distribution.sample(torn, random) ? 2 + Math.floor(random.next() * (size - 1)) : 0
}
