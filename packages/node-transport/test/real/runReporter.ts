/** Main function of processes that tests start, and that report to the test on their standard output. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"

/** Runs a program with the layer of its node until it ends or a signal arrives. Its log goes to the standard error. */
export const runReporter = <A, E, R, E2>(
  program: Effect.Effect<A, E, R | Scope.Scope | Stdio.Stdio>,
  layer: Layer.Layer<R, E2>,
): void =>
  program.pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(layer, NodeStdio.layer).pipe(
        // Standard output is for reports only.
        Layer.provideMerge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
      ),
    ),
    NodeRuntime.runMain,
  )
