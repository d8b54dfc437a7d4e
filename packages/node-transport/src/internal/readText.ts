/** Reads of files of text. */
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import { errorCode } from "./socket/errorCode.ts"

/** A file, and the name of the option or variable that has its path. */
export interface TextFile {
  readonly path: string
  readonly name: string
}

/**
 * Reads a file. Fails with a message about `what`, and never rejects, because a rejection could hold what was read. The text of a secret
 * may be in place of the path by mistake, so the message shows a path only if there is such a file.
 */
export const readText = async (
  what: string,
  file: TextFile,
  maxBytes: number,
  signal: AbortSignal,
  place = file.path,
): Promise<Result.Result<string, string>> => {
  const read = await readPlace(place, maxBytes, signal)
  return Result.isSuccess(read) ? read : Result.fail(await describeProblem(what, file, read.failure))
}

/** Describes the problem of a file. */
export const describeProblem = async (what: string, { name, path }: TextFile, problem: string): Promise<string> => {
  try {
    await Fs.stat(path)
    return `${what} ${path}: ${problem}`
  } catch {
    return `${what} that ${name} names: ${problem}`
  }
}

const readPlace = async (
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Result.Result<string, string>> => {
  try {
    // A pipe or a device may have no end.
    const stats = await Fs.stat(path)
    if (!stats.isFile()) return Result.fail("it is not a regular file")
    if (stats.size > maxBytes) return Result.fail(`it has more than ${maxBytes} bytes`)
    return decode(await Fs.readFile(path, { signal }))
  } catch (cause) {
    return Result.fail(problemOf(cause))
  }
}

/** Describes the error of a file operation. */
export const problemOf = (cause: unknown): string => {
  const code = errorCode(cause)
  return code === "ENOENT" ? "it does not exist" : `it cannot be read: ${code ?? "unknown reason"}`
}

const decode = (bytes: Uint8Array): Result.Result<string, string> => {
  try {
    return Result.succeed(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return Result.fail("it is not UTF-8 text")
  }
}
