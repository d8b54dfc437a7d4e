/** nats-server for this run, if the machine has the program. */
import * as Child from "node:child_process"
import * as readline from "node:readline"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { host } from "../systems/Driver.ts"
import * as Children from "../../harness/children.ts"

/** Starts the server on a free port. Returns the port, or `undefined` if the program is missing or does not start. */
export const start: Effect.Effect<number | undefined, never, Scope.Scope> = Effect.gen(function* () {
  const child = yield* Children.scoped(
    () => Child.spawn("nats-server", ["-a", host, "-p", "-1"], { stdio: ["ignore", "ignore", "pipe"] }),
    0,
  )
  if (Children.hasEnded(child)) return undefined
  const port = Effect.callback<number | undefined>((resume) => {
    child.once("exit", () => resume(Effect.succeed(undefined)))
    // The server prints its port.
    readline.createInterface({ input: child.stderr }).on("line", (line) => {
      const port = /Listening for client connections on .*:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resume(Effect.succeed(Number(port)))
    })
  })
  return yield* Effect.timeoutOrElse(port, { duration: "5 seconds", orElse: () => Effect.succeed(undefined) })
})
