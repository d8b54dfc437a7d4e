/** Middleware of the routes: counts, headers of all responses, and the checks of `Access`. */
import { Cluster } from "@coterie/core/Cluster"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Caller, type Forbidden, Guard, Token, TooManyAttempts, Unauthorized } from "../../AdminApi.ts"
import { CurrentAccess, type Headers, type Role } from "./Access.ts"

/** Largest body of a request. Metadata has at most 8 KiB. */
const maxBody = ByteSize.kibibytes(16)

/** Status of a request whose handler has a defect. */
const defectStatus = 500

/** Headers of all responses: they are for one reader, and not for a page of another site. */
const headers = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
}

/** Counts the requests of the routes to which it is provided, and adds the headers. Provided to these routes only. */
export const counted = HttpRouter.middleware(
  Effect.map(Cluster, ({ metrics }) => {
    const count = (status: number) =>
      Effect.map(HttpRouter.RouteContext, ({ route }) =>
        metrics
          .counter({
            id: "coterie_admin_requests_total",
            description: "HTTP requests of the admin service.",
            labels: { route: route.path, status: String(status) },
          })
          .increment(),
      )
    return (httpEffect) =>
      httpEffect.pipe(
        Effect.tapCause(() => count(defectStatus)),
        Effect.flatMap((response) =>
          Effect.as(count(response.status), HttpServerResponse.setHeaders(response, headers)),
        ),
      )
  }),
).layer

/** Returns the address of the sender; `socket` on a Unix socket. */
const senderOf = (request: HttpServerRequest.HttpServerRequest): string =>
  Option.getOrElse(request.remoteAddress, () => "socket")

/** Returns the headers that the access checks. */
const checkedHeaders = (headers: Readonly<Record<string, string | undefined>>): Headers => ({
  host: headers["host"],
  origin: headers["origin"],
  "sec-fetch-site": headers["sec-fetch-site"],
  "content-length": headers["content-length"],
  "content-type": headers["content-type"],
  "transfer-encoding": headers["transfer-encoding"],
})

const refusal: Effect.Effect<Forbidden | undefined, never, CurrentAccess | HttpServerRequest.HttpServerRequest> =
  Effect.gen(function* () {
    const access = yield* CurrentAccess
    const { headers, method } = yield* HttpServerRequest.HttpServerRequest
    return access.refusalOf(method, checkedHeaders(headers))
  })

/** Checks the headers of the routes of the API. */
export const layerGuard: Layer.Layer<Guard, never, CurrentAccess> = Layer.effect(
  Guard,
  Effect.map(CurrentAccess, (access) =>
    Guard.of((httpEffect) =>
      Effect.gen(function* () {
        const refused = yield* Effect.provideService(refusal, CurrentAccess, access)
        if (refused !== undefined) return yield* refused
        return yield* Effect.provideService(httpEffect, HttpIncomingMessage.MaxBodySize, maxBody)
      }),
    ),
  ),
)

/** Adds the headers that HTTP requires beside the status. */
const withHeaders = (error: Unauthorized | TooManyAttempts | Forbidden) =>
  HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(HttpServerResponse.setHeaders(response, headersOf(error))),
  )

const headersOf = (error: Unauthorized | TooManyAttempts | Forbidden): Readonly<Record<string, string>> => {
  if (error instanceof Unauthorized) return { "www-authenticate": "Bearer" }
  if (error instanceof TooManyAttempts) return { "retry-after": String(error.retryAfterSeconds) }
  return {}
}

/** Checks the token of the routes of the API. Routes of the group `actions` need the role `write`. */
export const layerToken: Layer.Layer<Token, never, CurrentAccess> = Layer.effect(
  Token,
  Effect.map(CurrentAccess, (access) =>
    Token.of({
      bearer: (httpEffect, { credential, group }) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const needed: Role = group.identifier === "actions" ? "write" : "read"
          const caller = yield* Effect.tapError(access.authenticate(credential, senderOf(request), needed), withHeaders)
          return yield* Effect.provideService(httpEffect, Caller, caller)
        }),
    }),
  ),
)

const bearerPattern = /^Bearer +(\S+)$/i

/** Answers with an error of the API on a route outside of it. */
const errorResponse = (error: Unauthorized | TooManyAttempts | Forbidden) =>
  HttpServerResponse.jsonUnsafe(
    { ...error, message: error.message },
    { status: statusOf(error), headers: headersOf(error) },
  )

const statusOf = (error: Unauthorized | TooManyAttempts | Forbidden): number => {
  switch (error._tag) {
    case "Unauthorized":
      return 401
    case "TooManyAttempts":
      return 429
    case "Forbidden":
      return 403
  }
}

/** Checks the headers, and the token if one is needed, of routes outside of the API. */
export const guarded = (isOpen: (access: CurrentAccess["Service"]) => boolean) =>
  HttpRouter.middleware(
    Effect.map(
      CurrentAccess,
      (access) => (httpEffect) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const refused = access.refusalOf(request.method, checkedHeaders(request.headers))
          if (refused !== undefined) return errorResponse(refused)
          if (isOpen(access)) return yield* httpEffect
          const credential = bearerPattern.exec(request.headers["authorization"] ?? "")?.[1] ?? ""
          const asked = yield* Effect.result(access.authenticate(Redacted.make(credential), senderOf(request), "read"))
          return asked._tag === "Success" ? yield* httpEffect : errorResponse(asked.failure)
        }),
    ),
  ).layer

/** Checks the host of a request for the dashboard, and sets the headers of the page. */
export const page = (contentSecurityPolicy: string) =>
  HttpRouter.middleware(
    Effect.map(
      CurrentAccess,
      (access) => (httpEffect) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const refused = access.hostRefusalOf({ host: request.headers["host"] })
          if (refused !== undefined) return errorResponse(refused)
          return HttpServerResponse.setHeaders(yield* httpEffect, {
            "content-security-policy": contentSecurityPolicy,
            "cross-origin-opener-policy": "same-origin",
          })
        }),
    ),
  ).layer
