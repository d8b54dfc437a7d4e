/**
 * The HTTP API of the admin service as a value: paths, schemas, errors and middleware. It has no server code, so that a
 * command or the tools of an application can make a typed client of it with `HttpApiClient`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import * as Report from "./Report.ts"

// ---- errors ----

/**
 * Error of a request without a valid token, where a token is required. Status 401.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  { message: Schema.String },
  { httpApiStatus: 401 },
) {}

/**
 * Error of a request from an address that sent too many wrong tokens. Status 429. The header `Retry-After` has the same
 * number of seconds.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyAttempts extends Schema.TaggedError<TooManyAttempts>()(
  "TooManyAttempts",
  { message: Schema.String, retryAfterSeconds: Schema.Number },
  { httpApiStatus: 429 },
) {}

/**
 * Error of a request that is not allowed. Status 403.
 *
 * - `host`: the header `Host` has a name that is not allowed.
 * - `origin`: the request comes from a page of another site.
 * - `contentType`: the body is not JSON.
 * - `role`: the token may only read.
 * - `readOnly`: the service makes no changes.
 *
 * @category errors
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  { reason: Schema.Literals(["host", "origin", "contentType", "role", "readOnly"]), message: Schema.String },
  { httpApiStatus: 403 },
) {}

/**
 * Error of a request for a name that the node does not know. Status 404.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownMember extends Schema.TaggedError<UnknownMember>()(
  "UnknownMember",
  {
    name: Schema.String,
    /** Up to three known names that are similar. */
    near: Schema.Array(Schema.String),
    message: Schema.String,
  },
  { httpApiStatus: 404 },
) {}

/**
 * Error of a request for the report of another node that did not answer. Status 504.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeUnanswered extends Schema.TaggedError<NodeUnanswered>()(
  "NodeUnanswered",
  {
    name: Schema.String,
    /** Reason as in `Report.UnansweredReason`. */
    reason: Schema.String,
    message: Schema.String,
  },
  { httpApiStatus: 504 },
) {}

/**
 * Error of a join that a retry cannot fix. Status 409.
 *
 * @category errors
 * @since 0.1.0
 */
export class JoinFailed extends Schema.TaggedError<JoinFailed>()(
  "JoinFailed",
  {
    address: Schema.String,
    /** Tag of the reason of the `JoinError` of `@coterie/core`. */
    reason: Schema.String,
    message: Schema.String,
  },
  { httpApiStatus: 409 },
) {}

/**
 * Error of metadata that the node does not accept. Status 400.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidMetadata extends Schema.TaggedError<InvalidMetadata>()(
  "InvalidMetadata",
  { message: Schema.String },
  { httpApiStatus: 400 },
) {}

/**
 * Error of a request beyond a bound: too many event streams, or too many joins that have not ended. Status 503.
 *
 * @category errors
 * @since 0.1.0
 */
export class Busy extends Schema.TaggedError<Busy>()("Busy", { message: Schema.String }, { httpApiStatus: 503 }) {}

// ---- middleware ----

/**
 * Sender of a request.
 *
 * @category services
 * @since 0.1.0
 */
export class Caller extends Context.Service<
  Caller,
  {
    /** Role of the token; `local` if the service requires no token. */
    readonly role: "local" | "read" | "write"
    /** First 8 hex digits of the SHA-256 hash of the token. */
    readonly token: string | undefined
    /** Address of the sender; `socket` on a Unix socket. */
    readonly address: string
  }
>()("@coterie/admin/Caller") {}

/**
 * Middleware that checks the headers `Host`, `Origin`, `Sec-Fetch-Site` and `Content-Type`, before it looks at the token.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Guard extends HttpApiMiddleware.Service<Guard>()("@coterie/admin/Guard", { error: Forbidden }) {}

/**
 * Middleware that checks the bearer token. A client provides its own implementation, which adds the token.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Token extends HttpApiMiddleware.Service<Token, { provides: Caller }>()("@coterie/admin/Token", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: [Unauthorized, TooManyAttempts, Forbidden],
}) {}

// ---- endpoints ----

/** Maximum length of a name of a node, in UTF-16 code units. The protocol allows 128 bytes. */
const maxNameLength = 128

const Name = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxNameLength))

/**
 * Bounds of the deadline of a question to the cluster and of a join, in milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const deadlineBounds = { minimum: 100, maximum: 10_000 } as const

const Deadline = Schema.FiniteFromString.check(Schema.isBetween(deadlineBounds))

/** Bound of the rows of each component, up to that of the whole report. */
const Rows = Schema.FiniteFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 0, maximum: Report.stateBounds.rows }),
)

const node = HttpApiGroup.make("node").add(
  HttpApiEndpoint.get("self", "/v1/self", {
    query: { ping: Schema.optional(Schema.Literals(["true", "false"])) },
    success: Report.NodeReport,
  }),
  HttpApiEndpoint.get("members", "/v1/members", {
    query: { name: Schema.optional(Name) },
    success: Schema.Array(Report.PeerReport),
    error: UnknownMember,
  }),
  HttpApiEndpoint.get("member", "/v1/members/:name", {
    params: { name: Name },
    success: Report.PeerReport,
    error: UnknownMember,
  }),
  HttpApiEndpoint.get("node", "/v1/nodes/:name", {
    params: { name: Name },
    success: Report.NodeReport,
    error: [UnknownMember, NodeUnanswered],
  }),
  HttpApiEndpoint.get("nodeByName", "/v1/nodes", {
    query: { name: Name },
    success: Report.NodeReport,
    error: [UnknownMember, NodeUnanswered],
  }),
  HttpApiEndpoint.get("state", "/v1/state", {
    query: {
      kind: Schema.optional(Schema.String),
      name: Schema.optional(Schema.String),
      rows: Schema.optional(Rows),
    },
    success: Report.StateReport,
  }),
  HttpApiEndpoint.get("cluster", "/v1/cluster", {
    query: { deadlineMillis: Schema.optional(Deadline) },
    success: Report.ClusterReport,
  }),
  HttpApiEndpoint.get("events", "/v1/events", {
    headers: { "last-event-id": Schema.optional(Schema.String) },
    success: HttpApiSchema.StreamSse({
      events: Schema.Struct({
        id: Schema.optional(Schema.String),
        event: Schema.String,
        data: Schema.fromJsonString(Report.NodeEvent.fields.data),
      }),
    }),
    error: Busy,
  }),
)

/**
 * Schema of a join that has ended with a peer. Status 200.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Joined = Schema.Struct({ status: Schema.Literal("joined"), peer: Report.PeerReport })

/**
 * Schema of a join that has not ended in time. The node continues to dial. Status 202.
 *
 * @category schemas
 * @since 0.1.0
 */
export const JoinPending = Schema.Struct({ status: Schema.Literal("pending"), address: Schema.String })

const actions = HttpApiGroup.make("actions").add(
  HttpApiEndpoint.post("join", "/v1/join", {
    payload: Schema.Struct({
      address: Schema.String,
      timeoutMillis: Schema.optional(Schema.Finite.check(Schema.isBetween(deadlineBounds))),
    }),
    success: [Joined, JoinPending.pipe(HttpApiSchema.status(202))],
    error: [JoinFailed, Busy, Forbidden],
  }),
  HttpApiEndpoint.post("leave", "/v1/leave", { success: HttpApiSchema.Accepted, error: Forbidden }),
  HttpApiEndpoint.post("disconnect", "/v1/disconnect", {
    payload: Schema.Struct({ name: Name }),
    success: HttpApiSchema.NoContent,
    error: [UnknownMember, Forbidden],
  }),
  HttpApiEndpoint.put("metadata", "/v1/metadata", {
    payload: Schema.Record(Schema.String, Schema.String),
    success: HttpApiSchema.NoContent,
    error: [InvalidMetadata, Forbidden],
  }),
)

/**
 * Schema of a response about the health of a node. Status 200 if `status` is `ok`, otherwise 503.
 *
 * @category schemas
 * @since 0.1.0
 */
export const HealthAnswer = Schema.Struct({ status: Schema.Literals(["ok", "unavailable"]), reason: Schema.String })

const healthResponses = [HealthAnswer, HealthAnswer.pipe(HttpApiSchema.status(503))] as const

const health = HttpApiGroup.make("health").add(
  HttpApiEndpoint.get("started", "/health/started", { success: healthResponses }),
  HttpApiEndpoint.get("live", "/health/live", { success: healthResponses }),
  HttpApiEndpoint.get("ready", "/health/ready", { success: healthResponses }),
)

/**
 * Health of a node, without a token and without any name in the responses.
 *
 * @category api
 * @since 0.1.0
 */
export class HealthApi extends HttpApi.make("coterie-health").add(health) {}

/**
 * The admin service of a node.
 *
 * @category api
 * @since 0.1.0
 */
export class AdminApi extends HttpApi.make("coterie-admin")
  .add(node.middleware(Token).middleware(Guard))
  .add(actions.middleware(Token).middleware(Guard))
  .add(health)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotateMerge(OpenApi.annotations({ title: "Coterie admin API", version: "1" })) {}
