/** Runners that live through several tests, because a start takes seconds. Fleets of different modes can share a database. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Child from "../../../../examples/support/Child.ts"
import * as Postgres from "../../../../examples/support/Postgres.ts"
import type * as Protocol from "./Protocol.ts"
import * as Runners from "./Runners.ts"

/** Entities that the tests call. */
export const entities = Array.from({ length: 24 }, (_, i) => `e${i}`)

/** A set of runners, which the tests change. */
export class Fleet extends Context.Service<
  Fleet,
  {
    /** Runners of now. */
    readonly runners: () => ReadonlyArray<Runners.Runner>
    /** Starts a runner or a client that knows the others, and keeps it until the end of the tests. */
    readonly start: (name: string, as?: Protocol.Options["mode"]) => Effect.Effect<Runners.Runner, Child.ChildFailure>
    /** Returns the flag of a runner in the storage, or `undefined` if it is not registered. */
    readonly isHealthy: (runner: Runners.Runner) => Effect.Effect<boolean | undefined, unknown>
    /** Removes a runner that was killed or stopped. Returns the others. */
    readonly remove: (runner: Runners.Runner) => ReadonlyArray<Runners.Runner>
  }
>()("test/Fleet") {}

/** The database of the fleets. */
export class Database extends Context.Service<Database, Postgres.Database>()("test/Database") {
  static readonly layer = Layer.provide(Layer.effect(Database)(Postgres.start), Runners.layer)
}

/** Starts runners with these names, and waits until each of them has entities. */
export const layer = (
  names: ReadonlyArray<string>,
  sharding: Protocol.Options["sharding"],
  mode: Protocol.Options["mode"] = "coterie",
): Layer.Layer<Fleet, unknown, Database> =>
  Layer.effect(Fleet)(
    Effect.gen(function* () {
      const database = yield* Database
      const context = yield* Effect.context<Scope.Scope | ChildProcessSpawner>()
      let runners: ReadonlyArray<Runners.Runner> = []
      const start = Effect.fnUntraced(function* (name: string, as = mode) {
        const seeds = runners.map(({ address }) => address)
        const runner = yield* Runners.start({
          name,
          mode: as,
          port: yield* Postgres.freePort,
          prefix: mode,
          database,
          seeds,
          sharding,
        })
        if (as !== "client") runners = [...runners, runner]
        return runner
      }, Effect.provideContext(context))
      const [first = "", ...rest] = names
      yield* start(first)
      yield* Effect.forEach(rest, (name) => start(name), { concurrency: "unbounded" })
      yield* spread(runners)
      const sql = Context.get(yield* Layer.build(PgClient.layer(database)), PgClient.PgClient)
      return Fleet.of({
        runners: () => runners,
        start,
        isHealthy: ({ runner }) =>
          Effect.map(
            sql<{ healthy: boolean }>`SELECT healthy FROM ${sql(`${mode}_runners`)} WHERE address = ${runner}`,
            ([row]) => row?.healthy,
          ),
        remove: (runner) => {
          runners = runners.filter((each) => each !== runner)
          return runners
        },
      })
    }),
  ).pipe(Layer.provide(Runners.layer))

/** Waits until each runner has entities and all agree where they are. */
export const spread = (runners: ReadonlyArray<Runners.Runner>) =>
  Runners.untilAgreed(runners, entities, (nodes) => runners.every(({ name }) => nodes.includes(name)))

/** Waits until the runners agree that they have all entities. */
export const served = (runners: ReadonlyArray<Runners.Runner>) =>
  Runners.untilAgreed(runners, entities, (nodes) => nodes.every((node) => runners.some(({ name }) => name === node)))
