/**
 * Names of the files and directories of a disk, as a journalled file system keeps them: changes of names become durable
 * in their order.
 */
import type { Inode } from "./Inode.ts"

/** Object with a name. */
export type Entry = Inode | "directory"

interface Change {
  /** Time of the change, in microseconds. */
  readonly at: number
  readonly path: string
  /** New object with the name. `undefined` removes the name. */
  readonly entry: Entry | undefined
}

const root = "/"

const apply = (names: Map<string, Entry>, { entry, path }: Change): void => {
  if (entry === undefined) names.delete(path)
  else names.set(path, entry)
}

export class Names {
  private present = new Map<string, Entry>([[root, "directory"]])
  private durable = new Map<string, Entry>([[root, "directory"]])
  /** Changes that are not durable. The changes of one operation, such as a rename, are lost or kept together. */
  private operations: Array<ReadonlyArray<Change>> = []

  get(path: string): Entry | undefined {
    return this.present.get(path)
  }

  /** Makes the changes of one operation. `undefined` removes a name. */
  change(at: number, entries: ReadonlyArray<readonly [path: string, entry: Entry | undefined]>): void {
    const changes = entries.map(([path, entry]) => ({ at, path, entry }))
    for (const change of changes) apply(this.present, change)
    this.operations.push(changes)
  }

  /** Returns the paths below a directory, in the order of their texts. */
  below(directory: string): ReadonlyArray<string> {
    const prefix = directory === root ? root : `${directory}/`
    return [...this.present.keys()].filter((path) => path !== root && path.startsWith(prefix)).toSorted()
  }

  /** Returns the names in a directory. */
  in(directory: string): ReadonlyArray<string> {
    const start = directory === root ? 1 : directory.length + 1
    return this.below(directory).flatMap((path) => (path.includes("/", start) ? [] : [path.slice(start)]))
  }

  private settle(count: number): void {
    for (const change of this.operations.slice(0, count).flat()) apply(this.durable, change)
    this.operations.splice(0, count)
  }

  /** Makes all changes durable. */
  sync(): void {
    this.settle(this.operations.length)
  }

  /** Makes the changes until a time durable. */
  writeBack(until: number): void {
    const next = this.operations.findIndex((changes) => changes.some(({ at }) => at > until))
    this.settle(next < 0 ? this.operations.length : next)
  }

  /** Number of operations that are not durable. */
  get pending(): number {
    return this.operations.length
  }

  /** Loses the last operations that are not durable. */
  losePower(lost: number): void {
    this.settle(Math.max(0, this.operations.length - lost))
    this.operations = []
    this.present = new Map(this.durable)
  }
}
