/** Decides which HTTP requests are allowed, and by whom they are. */
import { OptionsError } from "@coterie/core/ClusterError"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type Caller, Forbidden, TooManyAttempts, Unauthorized } from "../../AdminApi.ts"
import { FailedAttempts } from "./FailedAttempts.ts"
import { equalHashes, hashToken, tokenId } from "./hashToken.ts"
import { hostOf, isHostAllowed, isOriginAllowed, type OriginHeaders } from "./hosts.ts"

/**
 * A token, and what its bearer may do. `read` shows everything, and `write` also makes changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface AccessToken {
  readonly role: "read" | "write"
  /** At least 16 characters. `openssl rand -base64 32` prints a good one. */
  readonly token: Redacted.Redacted
}

/**
 * Options for the access over HTTP.
 *
 * @category options
 * @since 0.1.0
 */
export interface AccessOptions {
  /** Tokens that requests must have. Absent by default. */
  readonly tokens?: ReadonlyArray<AccessToken> | undefined
  /**
   * Host names by which clients reach the service, without scheme and port. IP addresses and `localhost` are always allowed.
   * Requests with any other `Host` are refused, because a page of another site may have sent them (DNS rebinding).
   */
  readonly allowedHosts?: ReadonlyArray<string> | undefined
  /** Refuses all changes. Defaults to `false`. */
  readonly readOnly?: boolean | undefined
  /** Serves `/metrics` without a token, where tokens are required. Defaults to `false`. */
  readonly openMetrics?: boolean | undefined
  /**
   * Serves the dashboard, a page for browsers, at `/`. The page has no data of the cluster and needs no token; it asks for one
   * if the API requires one. Defaults to `true`; for routes of an application without a prefix to `false`, because `/` belongs
   * to the application.
   */
  readonly dashboard?: boolean | undefined
}

/** Shortest token, in characters. Even one of hex digits alone has 64 bits, too many to guess over a network. */
const minTokenLength = 16

interface KnownToken {
  readonly role: "read" | "write"
  readonly hash: Uint8Array
}

export type Role = "read" | "write"

export interface Headers extends OriginHeaders {
  readonly "content-length"?: string | undefined
  readonly "content-type"?: string | undefined
  readonly "transfer-encoding"?: string | undefined
}

const isJson = /^application\/json\s*(;|$)/i

export class Access {
  readonly openMetrics: boolean
  readonly dashboard: boolean
  private readonly allowedHosts: ReadonlySet<string>
  private readonly readOnly: boolean
  private readonly tokens: ReadonlyArray<KnownToken>
  private readonly clock: Clock.Clock
  private readonly failed = new FailedAttempts()

  constructor(options: AccessOptions, tokens: ReadonlyArray<KnownToken>, clock: Clock.Clock) {
    this.openMetrics = options.openMetrics ?? false
    this.dashboard = options.dashboard ?? true
    this.allowedHosts = new Set(options.allowedHosts?.map((host) => host.toLowerCase()))
    this.readOnly = options.readOnly ?? false
    this.tokens = tokens
    this.clock = clock
  }

  /** Returns the error of a request that is refused because of its headers. */
  refusalOf(method: string, headers: Headers): Forbidden | undefined {
    const refused = this.hostRefusalOf(headers)
    if (refused !== undefined) return refused
    if (!isOriginAllowed(headers)) {
      return new Forbidden({ reason: "origin", message: "requests of pages of other sites are not allowed" })
    }
    const length = headers["content-length"]
    const hasBody = (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined
    if (method !== "GET" && method !== "HEAD" && hasBody && !isJson.test(headers["content-type"] ?? "")) {
      return new Forbidden({ reason: "contentType", message: "the body must have the type application/json" })
    }
    return undefined
  }

  /** Returns the error of a request for a page, which links of other sites may open. */
  hostRefusalOf({ host }: Pick<Headers, "host">): Forbidden | undefined {
    if (isHostAllowed(host, this.allowedHosts)) return undefined
    return new Forbidden({ reason: "host", message: 'the header "Host" is not allowed (option "allowedHosts")' })
  }

  /** Returns the sender of a request that needs a role. Without tokens, everybody may do everything. */
  authenticate(
    credential: Redacted.Redacted,
    address: string,
    needed: Role,
  ): Effect.Effect<Caller["Service"], Unauthorized | TooManyAttempts | Forbidden> {
    return Effect.flatMap(this.find(credential, address), (caller) => {
      if (needed === "write" && caller.role === "read") {
        return Effect.fail(
          new Forbidden({ reason: "role", message: 'the token has the role "read"; changes need the role "write"' }),
        )
      }
      if (needed === "write" && this.readOnly) {
        return Effect.fail(
          new Forbidden({ reason: "readOnly", message: 'this service makes no changes (option "readOnly")' }),
        )
      }
      return Effect.succeed(caller)
    })
  }

  private find(
    credential: Redacted.Redacted,
    address: string,
  ): Effect.Effect<Caller["Service"], Unauthorized | TooManyAttempts> {
    if (this.tokens.length === 0) return Effect.succeed({ role: "local", token: undefined, address })
    if (Redacted.value(credential) === "") {
      return new Unauthorized({ message: "a token is required: Authorization: Bearer TOKEN" })
    }
    return Effect.flatMap(
      hashToken(credential),
      (hash): Effect.Effect<Caller["Service"], Unauthorized | TooManyAttempts> => {
        let found: KnownToken | undefined
        // All tokens are compared, so that the time does not show which one is similar.
        for (const known of this.tokens) if (equalHashes(known.hash, hash)) found = known
        if (found !== undefined) return Effect.succeed({ role: found.role, token: tokenId(found.hash), address })
        const wait = this.failed.fail(address, MonotonicTime.millisUnsafe(this.clock))
        return wait === undefined
          ? new Unauthorized({ message: "the token is wrong" })
          : new TooManyAttempts({ message: "too many wrong tokens from this address", retryAfterSeconds: wait })
      },
    )
  }
}

/** The access of the routes that are built. */
export class CurrentAccess extends Context.Service<CurrentAccess, Access>()("@coterie/admin/CurrentAccess") {}

/** Makes the access. Fails with `OptionsError` if a token is short or a host is not a host name. */
export const make = Effect.fnUntraced(function* (options: AccessOptions): Effect.fn.Return<Access, OptionsError> {
  const { allowedHosts = [], tokens = [] } = options
  for (const host of allowedHosts) {
    if (hostOf(host) !== host.toLowerCase()) {
      const problem = `"${host}" is not a host name; give the name without scheme, port and path`
      return yield* Effect.fail(new OptionsError({ option: "allowedHosts", problem }))
    }
  }
  const known: Array<KnownToken> = []
  for (const { role, token } of tokens) {
    if (Redacted.value(token).length < minTokenLength) {
      const problem = `a token must have at least ${minTokenLength} characters; "openssl rand -base64 32" prints one`
      return yield* Effect.fail(new OptionsError({ option: "tokens", problem }))
    }
    known.push({ role, hash: yield* hashToken(token) })
  }
  return new Access(options, known, yield* Clock.Clock)
})
