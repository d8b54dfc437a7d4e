/** Effect's `SqlClient` over one SQLite database in memory, which several nodes of a process share. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"

const isInput = (value: unknown): value is SQLInputValue =>
  value === null || typeof value === "string" || typeof value === "number" || value instanceof Uint8Array

const connection = (database: DatabaseSync): Connection => {
  const run = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.try({
      try: () => database.prepare(sql).all(...params.filter(isInput)),
      catch: (cause) => new SqlError({ reason: new UnknownError({ message: "the statement failed", cause }) }),
    })
  const values = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.map(run(sql, params), (rows) => rows.map((row) => Object.values(row)))
  return {
    execute: run,
    executeRaw: run,
    executeUnprepared: run,
    executeValues: values,
    executeValuesUnprepared: values,
    executeStream: (sql, params) => Stream.fromIterableEffect(run(sql, params)),
  }
}

/** Opens a database until the scope closes. */
export const open = Effect.acquireRelease(
  Effect.sync(() => new DatabaseSync(":memory:")),
  (database) => Effect.sync(() => database.close()),
)

/** Makes a client of a database. It gets the `Reactivity` of its node. */
export const client = (database: DatabaseSync) =>
  SqlClient.make({
    driver: "node:sqlite",
    acquirer: Effect.succeed(connection(database)),
    compiler: Statement.makeCompilerSqlite(),
    spanAttributes: [],
  })
