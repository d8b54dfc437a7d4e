/** Tests that Effect's file system on Node and a simulated disk must pass, so that both behave alike. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** A test gets an empty directory. */
type Test = (root: string) => Effect.Effect<void, PlatformError, FileSystem.FileSystem | Scope.Scope>

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)

/** Returns the tag, the method, the system call and the code of the failure of an effect. */
const failure = <A, R>(effect: Effect.Effect<A, PlatformError, R>): Effect.Effect<ReadonlyArray<unknown>, never, R> =>
  Effect.match(effect, {
    onFailure: ({ reason }) =>
      reason._tag === "BadArgument"
        ? [reason._tag, reason.method]
        : [reason._tag, reason.method, reason.syscall, (reason.cause as { readonly code?: string } | undefined)?.code],
    onSuccess: () => assert.fail("the call succeeded"),
  })

export const contract: { readonly [name: string]: Test } = {
  "files are written, read, replaced and appended": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${root}/file`
      yield* fs.writeFileString(path, "long first content")
      yield* fs.writeFileString(path, "second")
      assert.strictEqual(yield* fs.readFileString(path), "second")
      yield* fs.writeFileString(path, " and more", { flag: "a" })
      assert.strictEqual(text(yield* fs.readFile(path)), "second and more")
      const { size, type } = yield* fs.stat(path)
      assert.deepStrictEqual([String(size), type], [String((yield* fs.stat(path)).size), "File"])
      assert.strictEqual(Number(BigInt(size)), 15)
      yield* fs.copyFile(path, `${root}/copy`)
      assert.strictEqual(yield* fs.readFileString(`${root}/copy`), "second and more")
      yield* fs.truncate(path, 6)
      assert.strictEqual(yield* fs.readFileString(path), "second")
    }),

  "open files have a position, and can be read at any other": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.open(`${root}/file`, { flag: "w+" })
      yield* file.writeAll(bytes("0123456789"))
      assert.strictEqual(yield* file.seek(2n, "start"), 2n)
      assert.strictEqual(yield* file.write(bytes("ab")), 2)
      assert.strictEqual(yield* file.seek(1n, "current"), 5n)
      const buffer = new Uint8Array(3)
      assert.strictEqual(yield* file.read(buffer), 3)
      assert.strictEqual(text(buffer), "567")
      assert.strictEqual(text(Option.getOrThrow(yield* file.readAlloc(4, { position: 1n }))), "1ab4")
      assert.strictEqual(text(Option.getOrThrow(yield* file.readAlloc(100))), "89")
      assert.isTrue(Option.isNone(yield* file.readAlloc(100)))
      yield* file.truncate(3)
      yield* file.writeAll(bytes("X"))
      yield* file.sync
      assert.strictEqual(yield* fs.readFileString(`${root}/file`), "01aX")
      assert.deepStrictEqual(yield* failure(file.seek(-1n, "start")), ["BadArgument", "seek"])
      assert.deepStrictEqual(yield* failure(file.read(buffer, { position: -1n })), ["BadArgument", "read"])
      assert.deepStrictEqual(yield* failure(file.readAlloc(-1)), ["BadArgument", "readAlloc"])
    }),

  "a file that is open for appending writes at the end": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${root}/log`
      const [one, two] = [yield* fs.open(path, { flag: "a" }), yield* fs.open(path, { flag: "a" })]
      for (const [file, line] of [
        [one, "a"],
        [two, "b"],
        [one, "c"],
      ] as const)
        yield* file.writeAll(bytes(line))
      assert.strictEqual(yield* fs.readFileString(path), "abc")
      const streamed = yield* Stream.runCollect(fs.stream(path))
      assert.strictEqual(streamed.map(text).join(""), "abc")
      yield* Stream.run(Stream.make(bytes("x"), bytes("y")), fs.sink(path))
      assert.strictEqual(yield* fs.readFileString(path), "xy")
    }),

  "files that are not open for it cannot be read or written": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${root}/file`, "text")
      const reader = yield* fs.open(`${root}/file`)
      const writer = yield* fs.open(`${root}/file`, { flag: "a" })
      assert.deepStrictEqual(yield* failure(reader.write(bytes("x"))), ["Unknown", "write", "write", "EBADF"])
      assert.deepStrictEqual(yield* failure(reader.writeAll(bytes("x"))), ["Unknown", "writeAll", "write", "EBADF"])
      assert.deepStrictEqual(yield* failure(reader.truncate()), ["Unknown", "truncate", "ftruncate", "EINVAL"])
      assert.deepStrictEqual(yield* failure(writer.readAlloc(1)), ["Unknown", "readAlloc", "read", "EBADF"])
    }),

  "a file that is used after its scope fails with EBADF": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* Effect.scoped(fs.open(`${root}/file`, { flag: "w+" }))
      assert.deepStrictEqual(yield* failure(file.write(bytes("x"))), ["Unknown", "write", "write", "EBADF"])
      assert.deepStrictEqual(yield* failure(file.sync), ["Unknown", "sync", "fsync", "EBADF"])
      assert.deepStrictEqual(yield* failure(file.stat), ["Unknown", "stat", "fstat", "EBADF"])
    }),

  "directories are made, listed and removed": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${root}/a/b/c`, { recursive: true })
      yield* fs.makeDirectory(`${root}/a/b`, { recursive: true })
      yield* fs.writeFileString(`${root}/a/file`, "")
      const sorted = (names: Array<string>) => names.toSorted()
      assert.deepStrictEqual(sorted(yield* fs.readDirectory(`${root}/a`)), ["b", "file"])
      assert.deepStrictEqual(sorted(yield* fs.readDirectory(root, { recursive: true })), [
        "a",
        "a/b",
        "a/b/c",
        "a/file",
      ])
      const entries = yield* fs.readDirectoryEntries(`${root}/a`)
      assert.deepStrictEqual(entries.map(({ name, type }) => `${name} ${type}`).toSorted(), [
        "b Directory",
        "file File",
      ])
      assert.strictEqual((yield* fs.stat(`${root}/a`)).type, "Directory")
      assert.deepStrictEqual([yield* fs.exists(`${root}/a/b`), yield* fs.exists(`${root}/x`)], [true, false])
      yield* fs.remove(`${root}/a`, { recursive: true })
      yield* fs.remove(`${root}/a`, { force: true })
      assert.deepStrictEqual(yield* fs.readDirectory(root), [])
    }),

  "names are changed, with all that is below them": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${root}/a`)
      yield* fs.writeFileString(`${root}/a/old`, "new content")
      yield* fs.writeFileString(`${root}/a/target`, "old content")
      const open = yield* fs.open(`${root}/a/old`, { flag: "r+" })
      yield* fs.rename(`${root}/a/old`, `${root}/a/target`)
      yield* fs.rename(`${root}/a`, `${root}/b`)
      assert.deepStrictEqual(yield* fs.readDirectory(root, { recursive: true }), ["b", "b/target"])
      yield* open.writeAll(bytes("NEW"))
      assert.strictEqual(yield* fs.readFileString(`${root}/b/../b//./target`), "NEW content")
      yield* fs.remove(`${root}/b/target`)
      // The file has no name any more, and its content remains as long as it is open.
      assert.strictEqual(text(Option.getOrThrow(yield* open.readAlloc(20, { position: 0n }))), "NEW content")
    }),

  "mistakes fail with the errors of the operating system": (root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${root}/file`
      const directory = `${root}/directory`
      const missing = `${root}/missing`
      yield* fs.writeFileString(file, "text")
      yield* fs.makeDirectory(directory)
      yield* fs.writeFileString(`${directory}/inside`, "")
      const failures: ReadonlyArray<
        readonly [Effect.Effect<unknown, PlatformError, Scope.Scope>, ReadonlyArray<string>]
      > = [
        [fs.readFileString(missing), ["NotFound", "readFile", "open", "ENOENT"]],
        [fs.readFile(directory), ["BadResource", "readFile", "read", "EISDIR"]],
        [fs.readFile(`${file}/below`), ["BadResource", "readFile", "open", "ENOTDIR"]],
        [fs.writeFileString(`${missing}/below`, ""), ["NotFound", "writeFile", "open", "ENOENT"]],
        [fs.writeFileString(directory, ""), ["BadResource", "writeFile", "open", "EISDIR"]],
        [fs.writeFileString(file, "", { flag: "wx" }), ["AlreadyExists", "writeFile", "open", "EEXIST"]],
        [fs.open(missing), ["NotFound", "open", "open", "ENOENT"]],
        [fs.open(missing, { flag: "r+" }), ["NotFound", "open", "open", "ENOENT"]],
        [fs.stat(missing), ["NotFound", "stat", "stat", "ENOENT"]],
        [fs.access(missing), ["NotFound", "access", "access", "ENOENT"]],
        [fs.realPath(missing), ["NotFound", "realPath", "lstat", "ENOENT"]],
        [fs.makeDirectory(directory), ["AlreadyExists", "makeDirectory", "mkdir", "EEXIST"]],
        [fs.makeDirectory(`${missing}/below`), ["NotFound", "makeDirectory", "mkdir", "ENOENT"]],
        [fs.makeDirectory(file, { recursive: true }), ["AlreadyExists", "makeDirectory", "mkdir", "EEXIST"]],
        [fs.readDirectory(missing), ["NotFound", "readDirectory", "scandir", "ENOENT"]],
        [fs.readDirectory(file), ["BadResource", "readDirectory", "scandir", "ENOTDIR"]],
        [fs.rename(missing, file), ["NotFound", "rename", "rename", "ENOENT"]],
        [fs.rename(file, directory), ["BadResource", "rename", "rename", "EISDIR"]],
        [fs.rename(directory, file), ["BadResource", "rename", "rename", "ENOTDIR"]],
        [fs.rename(directory, `${directory}/below`), ["Unknown", "rename", "rename", "EINVAL"]],
        [fs.remove(missing), ["NotFound", "remove", "lstat", "ENOENT"]],
        [fs.remove(directory), ["Unknown", "remove", "rm", "ERR_FS_EISDIR"]],
      ]
      for (const [effect, expected] of failures) assert.deepStrictEqual(yield* failure(effect), expected)
      assert.strictEqual(yield* fs.readFileString(file), "text")
    }),
}
