/** Instances of the chat as processes, and clients with WebSockets. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { HttpApiClient } from "effect/http-api"
import * as NodePath from "node:path"
import { Api } from "../chat/Api.ts"
import type { Parcel } from "../chat/Model.ts"
import { FromClient, ToClient } from "../chat/Socket.ts"
import * as Child from "../support/Child.ts"

/** Time for a process to start on a busy machine. */
const startTimeout = "60 seconds"

const file = NodePath.join(import.meta.dirname, "../chat/main.ts")

export const spawn = (name: string, env: Child.Environment) =>
  Child.spawn(name, file, [], {
    COTERIE_NAME: name,
    COTERIE_PORT: "0",
    PORT: "0",
    REPORT_EVERY: "1 second",
    STOP_NOTICE: "0 seconds",
    ...env,
  })

/** Starts an instance and waits until it is ready. */
export const start = Effect.fnUntraced(function* (name: string, store: string, seeds: ReadonlyArray<string>) {
  const child = yield* spawn(name, { STORE: store, COTERIE_SEEDS: seeds.join(",") })
  const find = (what: string, pattern: RegExp) =>
    child.expect(what, (line) => pattern.exec(line)?.[1], { within: startTimeout })
  const address = yield* find("where it is a peer", /this node is .* at (\S+);/)
  const url = yield* find("where it serves", /Listening on (http:\S+)/)
  const client = yield* HttpApiClient.make(Api, { baseUrl: url })
  yield* eventually(Effect.map(health(url), ({ status }) => status === 200))
  return { name, child, address, url, client }
})

export type Instance = Effect.Success<ReturnType<typeof start>>

/** Returns the status of the health check of an instance, or 0 if there is no answer. */
export const health = (url: string) =>
  Effect.promise((signal) =>
    fetch(`${url}/health`, { signal }).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      () => ({ status: 0, text: "" }),
    ),
  )

/** Repeats the effect until it returns `true`. */
export const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  condition.pipe(
    Effect.orElseSucceed(() => false),
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("200 millis") }),
    Effect.timeout("60 seconds"),
  )

const encode = Schema.encodeSync(Schema.fromJsonString(FromClient))
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(ToClient))

type Answer = Exclude<typeof ToClient.Type, { readonly _tag: "Message" }>

/** Client of one user on one instance. It confirms every message. */
export class Client {
  readonly received: Array<Parcel> = []
  readonly closed: Promise<number>
  readonly opened: Promise<boolean>
  private readonly socket: WebSocket
  private readonly answers = new Map<string, (answer: Answer) => void>()

  constructor(url: string, user: string) {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/connect?user=${user}`)
    this.socket = socket
    this.opened = new Promise((resolve) => {
      socket.addEventListener("open", () => resolve(true))
      socket.addEventListener("error", () => resolve(false))
    })
    this.closed = new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)))
    socket.addEventListener("message", ({ data }) => this.hear(decode(data)))
  }

  /** Sends a message and returns the answer of the instance. */
  send(id: string, to: string, text: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.answers.set(id, resolve)
      this.socket.send(encode({ _tag: "Send", id, to, text }))
    })
  }

  sendText(text: string): void {
    this.socket.send(text)
  }

  close(): void {
    this.socket.close()
  }

  private hear(frame: typeof ToClient.Type): void {
    if (frame._tag === "Message") {
      this.received.push(frame.parcel)
      this.socket.send(encode({ _tag: "Received", number: frame.number }))
    } else this.answers.get(frame.id)?.(frame)
  }
}

/** Connects a user until the scope closes. */
export const connect = (instance: Instance, user: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Client(instance.url, user)),
    (client) => Effect.sync(() => client.close()),
  ).pipe(Effect.tap(({ opened }) => Effect.promise(() => opened)))
