/** Routes of the admin service, for any router. */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { AdminApi, HealthApi } from "../../AdminApi.ts"
import { layerActions, layerNode } from "./groups.ts"
import { layerHealthAlone, layerHealthOfAdmin } from "./health.ts"
import { CurrentAccess } from "./Access.ts"
import { counted, guarded, layerGuard, layerToken, page } from "./middleware.ts"
import { contentSecurityPolicy, html } from "./page.ts"

/** Content type of the text format of Prometheus. */
const prometheusType = "text/plain; version=0.0.4; charset=utf-8"

const metrics = HttpRouter.add(
  "GET",
  "/metrics",
  Effect.map(PrometheusMetrics.format(), (text) => HttpServerResponse.text(text, { contentType: prometheusType })),
).pipe(Layer.provide(guarded(({ openMetrics }) => openMetrics)))

/** The dashboard, unless an option disables it. */
const dashboard = Layer.unwrap(
  Effect.map(CurrentAccess, (access) =>
    access.dashboard
      ? HttpRouter.add("GET", "/", HttpServerResponse.text(html, { contentType: "text/html; charset=utf-8" })).pipe(
          Layer.provide(page(contentSecurityPolicy)),
        )
      : Layer.empty,
  ),
)

const api = HttpApiBuilder.layer(AdminApi, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([layerNode, layerActions, layerHealthOfAdmin]),
  Layer.provide([layerGuard, layerToken, HttpApiMiddleware.layerProblemDetails({ includeDetails: true })]),
)

/** All routes. */
export const admin = Layer.mergeAll(api, metrics, dashboard).pipe(Layer.provide(counted))

/** The routes of the health alone. */
export const health = HttpApiBuilder.layer(HealthApi).pipe(Layer.provide(layerHealthAlone), Layer.provide(counted))

/** Adds routes under a path of the router. */
export const under =
  (prefix: `/${string}` | undefined) =>
  <A, E, R>(routes: Layer.Layer<A, E, R>) =>
    prefix === undefined
      ? routes
      : Layer.provide(
          routes,
          Layer.effect(
            HttpRouter.HttpRouter,
            Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed(prefix)),
          ),
        )
