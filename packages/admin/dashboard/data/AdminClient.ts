import type { ClusterReport, NodeReport, StateReport } from "../../src/Report.ts"
import { askedRows, type Id } from "../model/components.ts"

/** Key of the token in the storage of the tab. */
const storageKey = "coterie-admin-token"

/** Time after which a request without an answer ends. A question to the cluster takes at most its deadline of 2 seconds. */
const requestTimeout = 10_000

/** Error of a request that needs a token, or another one. */
export class TokenNeeded extends Error {}

/** Error of a request for a route that the service does not have. */
export class RouteMissing extends Error {}

/** Requests to the admin service that served the page. */
export class AdminClient {
  private readonly base: string
  private token: string | undefined

  constructor() {
    // The page has no <base>, which its policy forbids. Below a prefix its path may lack the slash at the end.
    this.base = location.pathname.replace(/\/*$/, "/")
    this.token = sessionStorage.getItem(storageKey) ?? undefined
  }

  get hasToken(): boolean {
    return this.token !== undefined
  }

  /** Sets the token. It stays in memory, and in the storage of this tab if `keep` is `true`. */
  setToken(token: string, keep: boolean): void {
    this.token = token
    if (keep) sessionStorage.setItem(storageKey, token)
    else sessionStorage.removeItem(storageKey)
  }

  forgetToken(): void {
    this.token = undefined
    sessionStorage.removeItem(storageKey)
  }

  cluster(): Promise<ClusterReport> {
    return this.json<ClusterReport>("v1/cluster")
  }

  self(): Promise<NodeReport> {
    return this.json<NodeReport>("v1/self")
  }

  /** Asks for all components of the node, without rows. */
  state(): Promise<StateReport> {
    return this.json<StateReport>("v1/state?rows=0")
  }

  /** Asks for one component with its rows. */
  component(id: Id): Promise<StateReport> {
    return this.json<StateReport>(`v1/state?${new URLSearchParams({ ...id, rows: String(askedRows) })}`)
  }

  /** Opens the event stream after an event, until the signal aborts it. */
  async events(after: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.send("v1/events", signal, after === undefined ? {} : { "last-event-id": after })
    if (response.body === null) throw new Error("the answer has no body")
    return response.body
  }

  private async json<A>(path: string): Promise<A> {
    const response = await this.send(path, AbortSignal.timeout(requestTimeout))
    // The server that served this page has the same version, and its schemas made the answer.
    return (await response.json()) as A
  }

  private async send(
    path: string,
    signal: AbortSignal,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const authorization: Record<string, string> =
      this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }
    const response = await fetch(`${this.base}${path}`, { headers: { ...authorization, ...more }, signal })
    if (response.status === 401 || response.status === 429) throw new TokenNeeded(await messageOf(response))
    if (response.status === 404) throw new RouteMissing(await messageOf(response))
    if (!response.ok) throw new Error(`${response.status}: ${await messageOf(response)}`)
    return response
  }
}

/** Returns the message of an error of the API. */
const messageOf = async (response: Response): Promise<string> => {
  const body: unknown = await response.json().catch(() => undefined)
  if (typeof body === "object" && body !== null) {
    if ("message" in body && typeof body.message === "string") return body.message
    if ("detail" in body && typeof body.detail === "string") return body.detail
  }
  return response.statusText
}
