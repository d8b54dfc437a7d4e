import * as PeerReactivity from "@coterie/reactivity/PeerReactivity"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Sqlite from "./sqlite.ts"
import { settle, start, test } from "./support.ts"

describe("a transaction of SqlClient", () => {
  test("runs the reactive queries of peers after the commit, and no query after a rollback", (network) =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open
      database.exec("CREATE TABLE teas (name TEXT)")
      const services = Layer.provideMerge(
        Layer.effect(SqlClient.SqlClient)(Sqlite.client(database)),
        PeerReactivity.layer,
      )
      const a = yield* start(network, "a", services)
      const b = yield* start(network, "b", services)
      yield* b.linked(1)
      const seen: Array<string> = []
      const sqlOfB = Context.get(b.context, SqlClient.SqlClient)
      yield* sqlOfB.reactive(["teas"], sqlOfB<{ readonly name: string }>`SELECT name FROM teas ORDER BY name`).pipe(
        Stream.runForEach((rows) => Effect.sync(() => void seen.push(rows.map(({ name }) => name).join()))),
        Effect.forkScoped,
      )
      yield* settle
      seen.length = 0

      const add = (name: string) =>
        Effect.flatMap(SqlClient.SqlClient, (sql) =>
          Reactivity.mutation(sql`INSERT INTO teas VALUES (${name})`, ["teas"]),
        )
      const transaction = <A, E, R>(body: Effect.Effect<A, E, R>) =>
        a.run(Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(body)))

      yield* transaction(
        Effect.gen(function* () {
          yield* add("assam")
          yield* settle
          assert.deepStrictEqual(seen, [], "peers hear nothing before the commit")
          yield* add("ceylon")
        }),
      )
      yield* settle
      assert.deepStrictEqual(seen, ["assam,ceylon"])

      yield* Effect.ignore(transaction(Effect.andThen(add("mate"), Effect.fail("no"))))
      yield* settle
      assert.deepStrictEqual(seen, ["assam,ceylon"], "peers hear nothing of a rollback")

      yield* transaction(
        Effect.andThen(
          add("oolong"),
          Effect.ignore(transaction(Effect.andThen(Reactivity.invalidate(["teas"]), Effect.fail("no")))),
        ),
      )
      yield* settle
      assert.deepStrictEqual(seen, ["assam,ceylon", "assam,ceylon,oolong"])
    }))
})
