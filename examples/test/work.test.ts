import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const start = (name: string, program: "boss" | "worker", ...args: ReadonlyArray<string>) =>
  Child.spawn(name, NodePath.join(import.meta.dirname, `../work/${program}.ts`), args)

/** Processes start slowly on a busy machine. */
const within = "20 seconds"

const find = (child: Child.Child, what: string, pattern: RegExp, from = 0) =>
  child.expect(what, (line) => pattern.exec(line)?.[1], { within, from })

describe("a boss with jobs for workers", () => {
  it.live(
    "gives the jobs of a killed worker and of a worker that leaves to another worker",
    () =>
      Effect.gen(function* () {
        const boss = yield* start("boss", "boss", "8")
        const address = yield* find(boss, "where it listens", /listens at (\S+)/)
        // These workers take an hour for each job.
        const ben = yield* start("ben", "worker", "ben", "3600", address)
        const lost = yield* find(ben, "the job of ben", /works on job (\d+)/)
        const cat = yield* start("cat", "worker", "cat", "3600", address)
        const dropped = yield* find(cat, "the job of cat", /works on job (\d+)/)
        assert.notStrictEqual(lost, dropped)

        yield* ben.signal("SIGKILL")
        yield* find(boss, "that ben is lost", new RegExp(`ben lost job ${lost} \\((SessionEnded)\\)`))
        yield* cat.signal("SIGTERM")
        yield* find(cat, "that it drops its job", new RegExp(`cat drops job (${dropped})`))
        yield* find(boss, "that cat gave up", new RegExp(`cat lost job ${dropped} \\((\\w+)\\)`))

        yield* start("dan", "worker", "dan", "0", address)
        for (const job of [lost, dropped]) {
          assert.strictEqual(
            yield* find(boss, `that job ${job} is done`, new RegExp(`job ${job} is done by (\\w+)`)),
            "dan",
          )
        }
        yield* find(boss, "that all is done", /(all jobs are done)/)
        assert.strictEqual(yield* boss.ended, 0)
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    120_000,
  )
})
