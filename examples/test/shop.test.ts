import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import * as Child from "../support/Child.ts"
import * as Postgres from "../support/Postgres.ts"

/** Processes start slowly on a busy machine. It does not assert a speed. */
const within = "120 seconds"

const find = (child: Child.Child, what: string, pattern: RegExp, from = 0) =>
  child.expect(what, (line) => pattern.exec(line)?.[1], { within, from })

/** Makes an order through a process. Returns the text of its result. */
const order = Effect.fnUntraced(function* (child: Child.Child, id: string, article: string, pieces: number) {
  const from = child.mark()
  yield* child.say(`${id} ${article} ${pieces}`)
  return yield* find(child, `the result of ${id}`, new RegExp(`order ${id}: (.*)`), from)
})

/** Orders one piece of each article until a process owns one. Returns the article. */
const articleOf = Effect.fnUntraced(function* (owner: string, through: Child.Child) {
  for (let i = 0; ; i++) {
    const result = yield* order(through, `search-${owner}-${i}`, `article-${owner}-${i}`, 1)
    if (result === `99 left, by ${owner}`) return `article-${owner}-${i}`
  }
})

const title = "a shop of three processes reserves on when the owner of an article is killed"

describe("the shop", () => {
  if (Postgres.missing !== undefined) console.warn(`not tested: ${title}: ${Postgres.missing}`)
  it.live.skipIf(Postgres.missing !== undefined)(
    Postgres.missing === undefined ? title : `${title} (skipped: ${Postgres.missing})`,
    () =>
      Effect.gen(function* () {
        const { database, host, port, username } = yield* Postgres.start
        const env = { DATABASE_URL: `postgres://${username}@${host}:${port}/${database}` }
        const start = (name: string, ...seeds: ReadonlyArray<string>) =>
          Child.spawn(name, path.join(import.meta.dirname, "../shop/main.ts"), [name, ...seeds], env)
        const one = yield* start("web-1")
        const seed = yield* find(one, "where it listens", /listens at (\S+)/)
        const [two, three] = yield* Effect.all([start("web-2", seed), start("web-3", seed)], { concurrency: 2 })
        for (const child of [two, three]) yield* find(child, "where it listens", /listens at (\S+)/)

        const article = yield* articleOf("web-2", one)
        assert.strictEqual(yield* order(three, "o1", article, 9), "90 left, by web-2")
        for (const child of [one, two, three]) yield* find(child, "the sale", new RegExp(`(web-2) sold ${article}, 90`))

        yield* two.signal("SIGKILL")
        const next = yield* order(one, "o2", article, 10)
        assert.match(next, /^80 left, by web-[13]$/)
        const owner = next.slice(-5)
        for (const child of [one, three]) yield* find(child, "the sale", new RegExp(`(${owner}) sold ${article}, 80`))
        // The same order again reserves nothing, and more than there is cannot be reserved.
        assert.strictEqual(yield* order(three, "o2", article, 10), next)
        assert.strictEqual(yield* order(three, "o3", article, 81), "only 80 left")
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    300_000,
  )
})
