/** Nodes with an admin service, in both worlds. */
import * as World from "../../core/test/cluster/world.ts"
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import * as Health from "@coterie/admin/Health"
import * as Cluster from "@coterie/core/Cluster"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as NodeHttp from "node:http"
import * as NodeNet from "node:net"

const onNode = (node: World.Node) => Layer.merge(Layer.succeed(Cluster.Cluster, node.cluster), Logger.layer([]))

/** Runs an admin service on a node until the scope closes or the returned `stop` runs. */
export const admin = Effect.fnUntraced(function* (node: World.Node, options?: Admin.Options) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Admin.layer(options).pipe(Layer.provide(onNode(node)))
  const context = yield* Layer.buildWithScope(layer, scope)
  return { service: Context.get(context, Admin.Admin), stop: Scope.close(scope, Exit.void) }
})

/** A response of the server. */
export interface Response {
  readonly status: number
  readonly headers: NodeHttp.IncomingHttpHeaders
  readonly text: string
  /** Parsed body, if it is JSON. */
  readonly body: unknown
}

export interface Request {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const place = (url: string): NodeHttp.RequestOptions => {
  if (url.startsWith("unix:")) return { socketPath: url.slice("unix:".length) }
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ""), port }
}

/** Makes a request with exactly these headers. The path is sent as it is. */
export const request = (url: string, path: string, { body, headers = {}, method = "GET" }: Request = {}) =>
  Effect.callback<Response, Error>((resume) => {
    const sent = NodeHttp.request({ ...place(url), path, method, headers, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", (error) => resume(Effect.fail(error)))
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString()
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text, body: parse(text) }))
      })
    })
    sent.on("error", (error) => resume(Effect.fail(error)))
    sent.end(body)
    return Effect.sync(() => sent.destroy())
  })

/** Makes a request with a JSON body. */
export const post = (url: string, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  request(url, path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  })

/** Runs an admin service with a server on a node. `log` gets the log lines of the service. */
export const served = Effect.fnUntraced(function* (
  node: World.Node,
  options: AdminNode.Options = {},
  more: {
    readonly admin?: Admin.Options
    readonly health?: Health.Options
    readonly logger?: Layer.Layer<never>
  } = {},
) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const place = options.socket === undefined ? { port: 0 } : {}
  const layer = AdminNode.layer({ ...place, ...options }).pipe(
    Layer.provideMerge(Admin.layer(more.admin)),
    Layer.provide(Health.layer(more.health ?? {})),
    Layer.provide(Layer.succeed(Cluster.Cluster, node.cluster)),
    Layer.provide(more.logger ?? Logger.layer([])),
  )
  const context = yield* Layer.buildWithScope(layer, scope)
  const { url } = Context.get(context, AdminNode.AdminServer)
  return { url, admin: Context.get(context, Admin.Admin), stop: Scope.close(scope, Exit.void) }
})

/** An open event stream. */
export interface EventReader {
  readonly status: number
  /** Lines that have arrived. */
  readonly lines: () => ReadonlyArray<string>
  /** Waits until a line contains the text. */
  readonly until: (text: string) => Effect.Effect<string>
  /** Waits until the server has ended the stream. `true` if the end was orderly. */
  readonly ended: Effect.Effect<boolean>
  readonly close: Effect.Effect<void>
}

/**
 * Opens `/v1/events` and reads it until the scope closes. Completes when the head of the response has arrived. An `agent` can
 * keep the connection for further requests, as browsers do.
 */
export const readEvents = (
  url: string,
  headers: Readonly<Record<string, string>> = {},
  { agent = false, prefix = "" }: { readonly agent?: NodeHttp.Agent | false; readonly prefix?: string } = {},
) =>
  Effect.acquireRelease(
    Effect.callback<EventReader, Error>((resume) => {
      let text = ""
      let isEnded: boolean | undefined
      const waiting = new Set<() => void>()
      const wake = () => {
        for (const check of waiting) check()
      }
      const eventually = <A>(read: () => A | undefined) =>
        Effect.callback<A>((resume) => {
          const check = () => {
            const found = read()
            if (found === undefined) return
            waiting.delete(check)
            resume(Effect.succeed(found))
          }
          waiting.add(check)
          check()
          return Effect.sync(() => waiting.delete(check))
        })
      const sent = NodeHttp.request({ ...place(url), path: `${prefix}/v1/events`, headers, agent }, (response) => {
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString()
          wake()
        })
        response.on("end", () => {
          isEnded = true
          wake()
        })
        response.on("error", () => {
          isEnded ??= false
          wake()
        })
        const lines = () => text.split("\n")
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            lines,
            until: (part) =>
              eventually(() =>
                lines()
                  .slice(0, -1)
                  .find((line) => line.includes(part)),
              ),
            ended: eventually(() => isEnded),
            close: Effect.sync(() => sent.destroy()),
          }),
        )
      })
      sent.on("error", (error) => resume(Effect.fail(error)))
      sent.end()
    }),
    ({ close }) => close,
  )

/** Opens a connection, sends the bytes and waits until they are sent. The scope closes it. */
export const openSocket = (url: string, text: string) =>
  Effect.acquireRelease(
    Effect.callback<NodeNet.Socket, Error>((resume) => {
      const { hostname, port } = new URL(url)
      const socket = NodeNet.connect({ host: hostname, port: Number(port) }, () => {
        socket.write(text, () => resume(Effect.succeed(socket)))
      })
      socket.on("error", (error) => resume(Effect.fail(error)))
      // A socket that is not read does not see its end.
      socket.resume()
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** Starts a node at a port of the loopback, until the scope closes or the returned `stop` runs. */
export const nodeAt = Effect.fnUntraced(function* (name: string, host: string, port: number) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Cluster.layer({ cluster: "test", name }).pipe(
    Layer.provide(NodeTransport.layerTcp({ host, port })),
    Layer.provide(World.quick),
    Layer.provide(Logger.layer([])),
  )
  yield* Layer.buildWithScope(layer, scope)
  return { stop: Scope.close(scope, Exit.void) }
})
