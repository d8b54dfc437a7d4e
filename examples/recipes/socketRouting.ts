/** The program of docs/recipes/socket-routing.md. */
// #region program
import { PeerRpcClient, PeerRpcServer, RequestLost } from "@coterie/rpc"
import type { StateError } from "@coterie/state"
import { Context, Effect, Exit, Layer, Schema, type Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Users, where } from "./presence.ts"

/** Request to an instance. Returns `true` if the instance wrote the text to a socket of the user. */
const Routing = RpcGroup.make(
  Rpc.make("Deliver", { payload: { user: Schema.String, text: Schema.String }, success: Schema.Boolean }),
)

/** No instance says that it wrote the text. If `maybeDelivered` is `true`, one may have. */
export class NotDelivered extends Schema.TaggedError<NotDelivered>()("NotDelivered", {
  maybeDelivered: Schema.Boolean,
}) {}

interface Socket {
  readonly user: string
  readonly write: (text: string) => Effect.Effect<void, unknown>
}

export class Sockets extends Context.Service<
  Sockets,
  {
    /** Adds a socket of this instance until the scope closes. */
    readonly add: (socket: Socket) => Effect.Effect<void, StateError.StateError, Scope.Scope>
    /** Writes a text to all sockets of a user, at all instances. */
    readonly send: (user: string, text: string) => Effect.Effect<void, NotDelivered>
  }
>()("examples/recipes/Sockets") {}

export const layer = Layer.effect(Sockets)(
  Effect.gen(function* () {
    const users = yield* Users
    const sockets = new Set<Socket>()
    const deliver = ({ text, user }: { readonly text: string; readonly user: string }) =>
      Effect.map(
        Effect.forEach(
          [...sockets].filter((socket) => socket.user === user),
          ({ write }) => Effect.isSuccess(write(text)),
          { concurrency: "unbounded" },
        ),
        (written) => written.includes(true),
      )
    yield* Layer.build(PeerRpcServer.layer(Routing).pipe(Layer.provide(Routing.toLayer({ Deliver: deliver }))))

    const rpc = yield* PeerRpcClient.PeerRpcClient
    const send = Effect.fnUntraced(function* (user: string, text: string) {
      const answers = yield* PeerRpcClient.all(
        Routing,
        (instance) =>
          instance
            .Deliver({ user, text })
            .pipe(RequestLost.catchLost((cause, e) => (cause.maybeDelivered ? Effect.fail(e) : Effect.succeed(false)))),
        { peers: yield* where(users, user), timeout: "5 seconds" },
      )
      if (answers.some(({ exit }) => Exit.isSuccess(exit) && exit.value)) return
      return yield* new NotDelivered({ maybeDelivered: answers.some(({ exit }) => Exit.isFailure(exit)) })
    })
    return {
      add: (socket) =>
        Effect.andThen(
          Effect.acquireRelease(
            Effect.sync(() => sockets.add(socket)),
            () => Effect.sync(() => sockets.delete(socket)),
          ),
          users.track(socket.user, null),
        ),
      send: (user, text) => Effect.provideService(send(user, text), PeerRpcClient.PeerRpcClient, rpc),
    }
  }),
)
// #endregion
