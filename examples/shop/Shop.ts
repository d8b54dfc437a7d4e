/**
 * A shop. The stock of an article is an entity of Effect's cluster engine: one process at a time owns it, and the
 * database has the reservations. Each sale is published on a topic of the cluster, which all processes read.
 */
import { Topic } from "@coterie/core"
import { Effect, Layer, Schema, Stream } from "effect"
import { ClusterSchema, Entity } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { SqlClient } from "effect/sql"

// #region article
/** The article has fewer pieces than an order wants. */
export class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { left: Schema.Number }) {}

/** Result of a reservation: the number of pieces that are left, and the process that owns the article. */
const Reserved = Schema.Struct({ left: Schema.Number, owner: Schema.String })

/** Stock of one article, by its id. A reservation is persisted: if its owner dies, the next owner carries it out. */
export const Article = Entity.make("Article", [
  Rpc.make("Reserve", {
    payload: { order: Schema.String, pieces: Schema.Number },
    success: Reserved,
    error: SoldOut,
    primaryKey: ({ order }) => order,
  }).annotate(ClusterSchema.Persisted, true),
])

/** Sales of all processes. A process that is not connected misses a sale, so it is news and not a record. */
export const Sales = Topic.make("sales", Schema.Struct({ article: Schema.String, left: Schema.Number }))
// #endregion

/** Pieces of each article at the beginning. */
const stock = 100

const makeTable = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, article TEXT NOT NULL, pieces INT NOT NULL)`
})

// #region layer
/** Reserves pieces. The owner of the article runs one reservation at a time, so the sum does not change in between. */
const reserve = Effect.fnUntraced(function* (article: string, order: string, pieces: number) {
  const sql = yield* SqlClient.SqlClient
  const others = sql<{ sum: number }>`
    SELECT COALESCE(SUM(pieces), 0)::INT AS sum FROM reservations WHERE article = ${article} AND id <> ${order}`
  const [{ sum } = { sum: 0 }] = yield* others
  const left = stock - sum - pieces
  if (left < 0) return yield* new SoldOut({ left: stock - sum })
  // An owner that dies after this line leaves the row, and the next owner repeats the reservation.
  yield* sql`INSERT INTO reservations ${sql.insert({ id: order, article, pieces })} ON CONFLICT (id) DO NOTHING`
  return left
})

/** Owns articles, and publishes their sales to all processes. */
const articles = (owner: string) =>
  Article.toLayer(
    Effect.gen(function* () {
      const sales = yield* Topic.publisher(Sales)
      const sql = yield* SqlClient.SqlClient
      return {
        Reserve: Effect.fnUntraced(function* ({ address, payload }) {
          const article = String(address.entityId)
          const left = yield* reserve(article, payload.order, payload.pieces).pipe(
            Effect.catchTag("SqlError", Effect.die),
            Effect.provideService(SqlClient.SqlClient, sql),
          )
          yield* Effect.ignore(sales.publish({ article, left }, { self: true }))
          return { left, owner }
        }),
      }
    }),
  )

/** Logs the sales of all processes. */
const news = Layer.effectDiscard(
  Effect.gen(function* () {
    const sales = yield* Topic.open(Sales)
    yield* Effect.forkScoped(
      Stream.runForEach(sales.messages, ({ from, value: { article, left } }) =>
        Effect.log(`${from.name} sold ${article}, ${left} left`),
      ),
    )
  }),
)

/** A process of the shop with this name. */
export const layer = (name: string) =>
  Layer.merge(articles(name), news).pipe(Layer.provide(Layer.effectDiscard(makeTable)))
// #endregion
