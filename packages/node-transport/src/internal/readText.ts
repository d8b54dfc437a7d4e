/** Reads of files of text. */
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import { errorCode } from "./socket/errorCode.ts"

/** Reads a file. Fails with the problem, and never rejects, because a rejection could hold what was read. */
export const readText = async (
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
