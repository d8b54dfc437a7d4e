/** WebSocket of a client. */
import { Effect, Queue, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Socket } from "effect/socket"
import { Connections } from "./Connections.ts"
import { Delivery } from "./Delivery.ts"
import { Message, NotDelivered, Parcel, User } from "./Model.ts"
import { Stopping } from "./Stopping.ts"

/** Maximum number of messages of one client that wait to be sent. */
const maxWaiting = 32

/** Frame from a client. */
export const FromClient = Schema.TaggedUnion({
  /** Sends a message. The answer is `Delivered` or `NotDelivered` with the `id`. */
  Send: { id: Message.fields.id, to: User, text: Schema.String },
  /** Confirms the message with this number. */
  Received: { number: Schema.Number },
})

/** Frame to a client. */
export const ToClient = Schema.TaggedUnion({
  Message: { number: Schema.Number, parcel: Parcel },
  Delivered: { id: Schema.String },
  NotDelivered: { id: Schema.String, reason: NotDelivered.fields.reason, maybeDelivered: Schema.Boolean },
})

const decode = Schema.decodeEffect(Schema.fromJsonString(FromClient))
const encode = Schema.encodeSync(Schema.fromJsonString(ToClient))

/** Close codes of RFC 6455 and its registry. */
const serviceRestart = new Socket.CloseEvent(1012, "this instance stops: connect to another one")
const invalidFrame = new Socket.CloseEvent(1007, "the frame is not valid in this protocol")

/** Serves one socket until it ends or this instance stops. */
const serve = Effect.fnUntraced(function* (user: string, socket: Socket.Socket) {
  const connections = yield* Connections
  const delivery = yield* Delivery
  const stopping = yield* Stopping
  const writer = yield* socket.writer
  const pull = yield* Socket.readerString(socket)
  const say = (frame: typeof ToClient.Type) => writer.write(encode(frame))
  const confirm = yield* connections.add(user, (number, parcel) => say({ _tag: "Message", number, parcel }))

  // One message after the other, so that the messages of a sender stay in order.
  const outgoing = yield* Queue.dropping<Message>(maxWaiting)
  const sending = Effect.gen(function* () {
    const message = yield* Queue.take(outgoing)
    const { id } = message
    yield* delivery.send(message).pipe(
      Effect.matchEffect({
        onSuccess: () => say({ _tag: "Delivered", id }),
        onFailure: ({ maybeDelivered, reason }) => say({ _tag: "NotDelivered", id, reason, maybeDelivered }),
      }),
    )
  }).pipe(Effect.forever)

  const hear = Effect.fnUntraced(function* (text: string) {
    const frame = yield* decode(text)
    if (frame._tag === "Received") return confirm(frame.number)
    const { id, to, text: content } = frame
    const accepted = yield* Queue.offer(outgoing, { id, from: user, to, text: content })
    if (!accepted) yield* say({ _tag: "NotDelivered", id, reason: "busy", maybeDelivered: false })
  })
  const hearing = Effect.forever(Effect.flatMap(pull, Effect.forEach(hear, { discard: true }))).pipe(
    Effect.catchTag("SchemaError", () => writer.write(invalidFrame)),
  )
  const closing = Effect.andThen(stopping.closesSockets, writer.write(serviceRestart))
  yield* Effect.raceAllFirst([sending, hearing, closing])
}, Effect.scoped)

const Query = Schema.Struct({ user: User })

/** Serves `GET /connect?user=NAME`. The name is not authenticated: a production service would require a token. */
export const layer = HttpRouter.add(
  "GET",
  "/connect",
  Effect.gen(function* () {
    const { hasBegun } = yield* Stopping
    if (hasBegun()) return HttpServerResponse.text("this instance stops", { status: 503 })
    const { user } = yield* HttpServerRequest.schemaSearchParams(Query)
    const request = yield* HttpServerRequest.HttpServerRequest
    // The end of a socket is not an error.
    yield* Effect.ignore(serve(user, yield* request.upgrade))
    return HttpServerResponse.empty()
  }),
)
