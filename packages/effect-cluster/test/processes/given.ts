/** Tests with PostgreSQL. Without it they are skipped, and say why. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import * as Postgres from "../../../../examples/support/Postgres.ts"
import * as Runners from "./Runners.ts"

/** Defines a test whose title and output say why it is skipped. Not every reporter shows titles. */
export const given = (
  name: string,
  test: (database: Postgres.Database) => Effect.Effect<void, unknown, ChildProcessSpawner | Scope.Scope>,
  timeout = 300_000,
): void => {
  if (Postgres.missing !== undefined) console.warn(`not tested: ${name}: ${Postgres.missing}`)
  const title = Postgres.missing === undefined ? name : `${name} (skipped: ${Postgres.missing})`
  it.live.skipIf(Postgres.missing !== undefined)(
    title,
    () => Effect.flatMap(Postgres.start, test).pipe(Effect.scoped, Effect.provide(Runners.layer)),
    timeout,
  )
}
