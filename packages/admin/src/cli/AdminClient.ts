/** A client of one admin service, over TCP or a Unix socket. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApiError from "effect/http-api/HttpApiError"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as AdminApi from "../AdminApi.ts"
import { CommandError, misuse, noAnswer, refused } from "./CommandError.ts"
import { listNames, printable } from "./text.ts"

const unixPrefix = "unix:"

type Api = HttpApiClient.ForApi<typeof AdminApi.AdminApi>

/** Errors of the requests of the API. */
export type RequestError =
  | AdminApi.Busy
  | AdminApi.Forbidden
  | AdminApi.InvalidMetadata
  | AdminApi.JoinFailed
  | AdminApi.NodeUnanswered
  | AdminApi.TooManyAttempts
  | AdminApi.Unauthorized
  | AdminApi.UnknownMember
  | HttpApiError.BadRequestProblem
  | HttpApiError.InternalServerErrorProblem
  | HttpClientError
  | Schema.SchemaError

export interface Options {
  readonly url: string
  readonly token: Redacted.Redacted | undefined
  /** Maximum time for the response to a request, in milliseconds. */
  readonly timeout: number
}

export interface AdminClient {
  readonly url: string
  /** Makes a request. Fails with one sentence that says what to do. */
  readonly ask: <A>(request: (api: Api) => Effect.Effect<A, RequestError>) => Effect.Effect<A, CommandError>
  /** Opens a stream, or makes another request that has no bound of its own. */
  readonly open: <A>(request: (api: Api) => Effect.Effect<A, RequestError>) => Effect.Effect<A, CommandError>
}

/** Returns the path of a socket, or `undefined` for a URL of a host. Fails if the text is neither. */
const socketOf = (url: string): Effect.Effect<string | undefined, CommandError> => {
  if (url.startsWith(unixPrefix) && url.length > unixPrefix.length) return Effect.succeed(url.slice(unixPrefix.length))
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isHttp = parsed?.protocol === "http:" || parsed?.protocol === "https:"
  if (isHttp && parsed.username === "" && parsed.search === "" && parsed.hash === "") return Effect.succeed(undefined)
  return Effect.fail(
    misuse(`--url ${printable(url)} is not the URL of an admin service: write http://HOST:PORT or unix:PATH`),
  )
}

/** Makes a client. It has connections until the scope closes. */
export const make = Effect.fnUntraced(function* ({ timeout, token, url }: Options) {
  const socket = yield* socketOf(url)
  const layer = Layer.merge(
    NodeHttpClient.layerUndiciOptions(socket === undefined ? {} : { connect: { socketPath: socket } }),
    HttpApiMiddleware.layerClient(AdminApi.Token, ({ next, request }) =>
      next(token === undefined ? request : HttpClientRequest.bearerToken(request, token)),
    ),
  )
  const base = socket === undefined ? url.replace(/\/+$/, "") : "http://localhost"
  const api = yield* HttpApiClient.make(AdminApi.AdminApi, {
    transformClient: HttpClient.mapRequest(HttpClientRequest.prependUrl(base)),
  }).pipe(Effect.provideContext(yield* Layer.build(layer)))
  const open = <A>(request: (api: Api) => Effect.Effect<A, RequestError>): Effect.Effect<A, CommandError> =>
    Effect.mapError(request(api), commandError(url))
  const client: AdminClient = {
    url,
    open,
    ask: (request) =>
      Effect.timeoutOrElse(open(request), {
        duration: Duration.millis(timeout),
        orElse: () => Effect.fail(noAnswer(`${printable(url)} did not answer within ${timeout / 1_000} s (--timeout)`)),
      }),
  }
  return client
})

/** Statuses that a proxy or another server answers with. */
const foreign = (url: string, status: number | undefined): CommandError =>
  noAnswer(
    `${printable(url)} answers${status === undefined ? "" : ` with the status ${status}`}, but not as an admin ` +
      "service of this version; is the URL right? (--url, COTERIE_ADMIN_URL)",
  )

/** Returns the sentence and the exit code of an error. */
export const commandError =
  (url: string) =>
  (error: RequestError): CommandError => {
    const place = printable(url)
    if (error instanceof HttpApiError.BadRequestProblem) {
      const problems = (error.errors ?? []).map(({ message, path }) => `${path.join(".")}: ${message}`)
      return misuse(`the request is not valid: ${printable(problems.join("; "))}`)
    }
    if (error instanceof HttpApiError.InternalServerErrorProblem) return foreign(url, error.status)
    switch (error._tag) {
      case "HttpClientError":
        return error.reason._tag === "TransportError"
          ? noAnswer(
              `no admin service answers at ${place}; is it running, and is the port right? (--url, COTERIE_ADMIN_URL)`,
            )
          : foreign(url, error.response?.status)
      case "SchemaError":
        return foreign(url, undefined)
      case "Unauthorized":
        return refused(`${place} requires a token (--token-file, COTERIE_ADMIN_TOKEN): ${printable(error.message)}`)
      case "UnknownMember": {
        const near = error.near.length === 0 ? "" : `; did you mean ${listNames(error.near)}?`
        return refused(`${place} knows no member ${printable(error.name)}${near}`)
      }
      case "NodeUnanswered":
        return noAnswer(
          `${printable(error.name)} did not answer (${printable(error.reason)}): ${printable(error.message)}`,
        )
      case "InvalidMetadata":
        return misuse(`the node does not accept the metadata: ${printable(error.message)}`)
      case "JoinFailed":
        return error.reason === "InvalidAddress" ? misuse(printable(error.message)) : refused(printable(error.message))
      case "Forbidden":
      case "TooManyAttempts":
      case "Busy":
        return refused(`${place} refused the request: ${printable(error.message)}`)
    }
  }
