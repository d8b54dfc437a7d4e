/**
 * Runs the server of docs/reactivity.md, section "Event log servers", and one for unencrypted logs: two instances on real
 * sockets with one PostgreSQL, and Effect's own clients. Without PostgreSQL the tests are skipped and say why.
 */
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerEventLogStorage } from "@coterie/reactivity"
import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Schema, Stream } from "effect"
import {
  EventGroup,
  EventJournal,
  EventLog,
  EventLogEncryption,
  EventLogMessage,
  EventLogRemote,
  EventLogServerUnencrypted,
  SqlEventLogServerUnencrypted,
} from "effect/eventlog"
import { RpcClient, RpcSerialization, RpcServer } from "effect/rpc"
import { SocketServer } from "effect/socket"
import type { SqlClient } from "effect/sql"
import { Server } from "../../programs/notesServer.ts"
import * as Child from "../../support/Child.ts"
import * as Postgres from "../../support/Postgres.ts"

const Notes = EventGroup.empty.add({
  tag: "NoteAdded",
  primaryKey: ({ id }) => id,
  payload: Schema.Struct({ id: Schema.String, text: Schema.String }),
})

const schema = EventLog.schema(Notes)

/** Handles the notes of the log of a device, or of a server. */
const handlers = (onNote: (text: string) => Effect.Effect<unknown>) =>
  EventLog.group(Notes, (handlers) =>
    handlers.handle("NoteAdded", ({ payload }) => Effect.asVoid(onNote(payload.text))),
  )

const storeId = EventLogMessage.StoreId.make("default")

const UnencryptedServer = EventLogServerUnencrypted.layer(
  schema,
  handlers(() => Effect.void),
).pipe(
  Layer.provide([
    PeerEventLogStorage.layerUnencrypted().pipe(Layer.provide(SqlEventLogServerUnencrypted.layerStorage())),
    EventLogServerUnencrypted.layerStoreMappingStatic({ storeId }),
    Layer.succeed(EventLogServerUnencrypted.EventLogServerAuthorization, {
      authorizeWrite: () => Effect.void,
      authorizeRead: () => Effect.void,
      authorizeIdentity: () => Effect.void,
    }),
    RpcServer.layerProtocolSocketServer,
  ]),
  Layer.provide(RpcSerialization.layerSchemaBinary()),
)

/** Starts an instance of a server. Returns its port for clients, and its node. */
const startInstance = Effect.fnUntraced(function* (
  name: string,
  server: Layer.Layer<never, unknown, Cluster.Cluster | SocketServer.SocketServer | SqlClient.SqlClient>,
  database: Postgres.Database,
  seeds: ReadonlyArray<string>,
) {
  const context = yield* Layer.build(
    Layer.fresh(
      Cluster.layerStart.pipe(
        Layer.provideMerge(server),
        Layer.provideMerge(Cluster.layer({ cluster: "notes", name, seeds, start: "manual" })),
        Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
        Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })),
        Layer.provide(PgClient.layer(database)),
      ),
    ),
  )
  const { address } = Context.get(context, SocketServer.SocketServer)
  if (address._tag !== "InetAddressV4") return yield* Effect.die("the server does not listen on IPv4")
  return { port: address.port, cluster: Context.get(context, Cluster.Cluster) }
})

/** Connects a device of a user with an instance. */
const connectDevice = Effect.fnUntraced(function* (
  port: number,
  remote: typeof EventLogRemote.layerEncrypted,
  identity: EventLog.Identity["Service"],
) {
  const notes = yield* Queue.unbounded<string>()
  const log = EventLog.layer(
    schema,
    handlers((text) => Queue.offer(notes, text)),
  ).pipe(Layer.provide(EventJournal.layerMemory), Layer.provide(Layer.succeed(EventLog.Identity, identity)))
  const protocol = RpcClient.layerProtocolSocket().pipe(
    Layer.provide([NodeSocket.layerNet({ host: "127.0.0.1", port }), RpcSerialization.layerSchemaBinary()]),
  )
  const context = yield* Layer.build(Layer.fresh(remote.pipe(Layer.provideMerge(log), Layer.provide(protocol))))
  const client = yield* Effect.provide(EventLog.makeClient(schema), context)
  return {
    add: (text: string) => client({ event: "NoteAdded", payload: { id: text, text } }),
    /** Takes the next note that the device has handled, one of its own or of another device. */
    next: Queue.take(notes),
  }
})

const twoInstances = (server: Parameters<typeof startInstance>[1], remote: Parameters<typeof connectDevice>[1]) =>
  Effect.gen(function* () {
    const database = yield* Postgres.start
    const a = yield* startInstance("a", server, database, [])
    const { addresses } = yield* a.cluster.self
    const b = yield* startInstance("b", server, database, addresses.map(String))
    yield* b.cluster.views.pipe(
      Stream.filter(({ peers }) => peers.get("a")?.link === "up"),
      Stream.runHead,
    )
    const ann = yield* Effect.provide(EventLog.makeIdentity, EventLogEncryption.layerSubtle)
    const phone = yield* connectDevice(a.port, remote, ann)
    const laptop = yield* connectDevice(b.port, remote, ann)
    for (let i = 0; i < 20; i++) {
      yield* phone.add(`${i} of the phone`)
      yield* laptop.add(`${i} of the laptop`)
      const expected = [`${i} of the phone`, `${i} of the laptop`].sort()
      for (const device of [phone, laptop]) {
        assert.deepStrictEqual([yield* device.next, yield* device.next].sort(), expected)
      }
    }
  }).pipe(Effect.scoped, Effect.provide(Child.layer))

const title = "a device hears at once what another one wrote at another instance, over PostgreSQL"
if (Postgres.missing !== undefined) console.warn(`not tested: ${title}: ${Postgres.missing}`)

const skipped = Postgres.missing === undefined ? "" : ` (skipped: ${Postgres.missing})`

describe.skipIf(Postgres.missing !== undefined)(`two instances of an event log server${skipped}`, () => {
  it.live(title, () => twoInstances(Server, EventLogRemote.layerEncrypted), 240_000)

  it.live(
    "a device hears at once what another one wrote unencrypted at another instance, over PostgreSQL",
    () => twoInstances(UnencryptedServer, EventLogRemote.layerUnencrypted),
    240_000,
  )
})
