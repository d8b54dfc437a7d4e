/** Child process that runs one part of one system. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Process from "../../harness/Process.ts"
import type { Setup } from "../systems/Driver.ts"
import type { Calls } from "./Calls.ts"

export type Node = Process.Process<Calls>

/** Starts a child on a core and sets up the system. */
export const start = (core: number | undefined, setup: Setup): Effect.Effect<Node, Process.Failed, Scope.Scope> =>
  Effect.gen(function* () {
    const node = yield* Process.start<Calls>({ module: new URL("child.ts", import.meta.url), core })
    yield* node.call("setup", setup)
    return node
  })
