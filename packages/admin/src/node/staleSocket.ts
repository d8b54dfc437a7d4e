/**
 * The file of a Unix socket stays when a process is killed, and a server cannot listen at it again. The file is removed only
 * if nobody listens there.
 */
import { OptionsError } from "@coterie/core/ClusterError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import * as Path from "node:path"

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined

type Found = "nothing" | "noFolder" | "stale" | "used" | "other"

const statOf = (path: string) => Effect.option(Effect.tryPromise(() => Fs.lstat(path)))

/** Returns what is at the path. */
const look: (path: string) => Effect.Effect<Found> = Effect.fnUntraced(function* (path: string) {
  const file = yield* statOf(path)
  if (Option.isSome(file)) return file.value.isSocket() ? yield* connect(path) : "other"
  return Option.isSome(yield* statOf(Path.dirname(path))) ? "nothing" : "noFolder"
})

const connect = (path: string): Effect.Effect<Found> =>
  Effect.callback((resume) => {
    const socket = Net.connect({ path })
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed("used"))
    })
    socket.once("error", (error) => resume(Effect.succeed(codeOf(error) === "ECONNREFUSED" ? "stale" : "used")))
    return Effect.sync(() => socket.destroy())
  })

/** Removes the file of a socket at which nobody listens. Fails if the path is used, is another file, or has no folder. */
export const removeStale = (path: string): Effect.Effect<void, OptionsError> => {
  const fail = (problem: string) => Effect.fail(new OptionsError({ option: "socket", problem }))
  return Effect.flatMap(look(path), (found) => {
    switch (found) {
      case "nothing":
        return Effect.void
      case "stale":
        return Effect.ignore(Effect.tryPromise(() => Fs.unlink(path)))
      case "noFolder":
        return fail(`the folder of ${path} does not exist`)
      case "used":
        return fail(`another process listens at ${path}`)
      case "other":
        return fail(`${path} is a file and not a socket`)
    }
  })
}
